"""The static analyzer's tools as real processes, on their canaries and on our rules' test cases."""

import re
from pathlib import Path

import pytest

from analyzers.runtime.runner import Runner
from analyzers.runtime.source import list_source
from analyzers.runtime.tool import NotApplicable, Tool, ToolFault
from analyzers.static.tools import TOOLS
from tests.support.static_run import make_run, measure


def plant(tool: Tool, folder: Path) -> Path:
    for name, text in tool.canary.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def by_name(name: str) -> Tool:
    return next(tool for tool in TOOLS if tool.name == name)


ADVISORIES = ("pip-audit", "npm-audit")  # their source is another host, which may not answer
LOCAL = [tool for tool in TOOLS if tool.name not in ADVISORIES]


@pytest.mark.parametrize("tool", LOCAL, ids=lambda tool: tool.name)
async def test_tool_sees_its_canary_and_tells_its_version(tool: Tool, tmp_path: Path):
    app, workspace = tmp_path / "app", tmp_path / "work"
    app.mkdir()
    workspace.mkdir()

    parsed = await measure(tool, plant(tool, app), workspace)

    assert parsed.coverage.reached > 0
    seen = {found.rule_id for found in parsed.findings}
    assert not tool.canary.expect or seen & tool.canary.expect, seen
    version = await tool.version(make_run(list_source(app), workspace), Runner(workspace))
    assert re.match(r"\d+\.\d+", version)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
async def test_an_app_without_its_files_is_not_applicable(tool: Tool, tmp_path: Path):
    app, workspace = tmp_path / "app", tmp_path / "work"
    app.mkdir()
    workspace.mkdir()
    (app / "picture.png").write_bytes(b"\x89PNG\0")  # binary: not among the analysable files

    with pytest.raises(NotApplicable):
        await measure(tool, app, workspace)


@pytest.mark.parametrize("name", ADVISORIES)
async def test_advisories_are_answered_or_a_fault_never_zero(name: str, tmp_path: Path):
    app, workspace = tmp_path / "app", tmp_path / "work"
    app.mkdir()
    workspace.mkdir()
    try:
        parsed = await measure(by_name(name), plant(by_name(name), app), workspace)
    except ToolFault as fault:
        assert "advisory source unreachable" in str(fault)
    else:
        assert parsed.coverage.reached > 0
        assert parsed.findings, "both canaries have known advisories"


INSTALLED = [
    tool for tool in TOOLS if tool.name not in ("npm-audit", "container-files", "yaml-files")
]


@pytest.mark.parametrize("tool", INSTALLED, ids=lambda tool: tool.name)
async def test_a_tool_that_is_not_installed_is_a_fault(tool: Tool, tmp_path: Path):
    app, workspace, empty = tmp_path / "app", tmp_path / "work", tmp_path / "tools"
    for folder in (app, workspace, empty):
        folder.mkdir()
    run = make_run(list_source(plant(tool, app)), workspace, empty)

    with pytest.raises(ToolFault):
        await tool.version(run, Runner(workspace))
