"""The static analyzer's tools as real processes, on their canaries and on our rules' test cases."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from analyzers.runtime.process.runner import Runner
from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import Command, Completed, NotApplicable, Tool, ToolFault
from analyzers.static.tools import TOOLS
from tests.support.static_run import TOOLS_DIR, make_run, measure


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


async def test_mypy_takes_the_standard_library_from_its_prepared_cache(tmp_path: Path):
    app, workspace = tmp_path / "app", tmp_path / "work"
    app.mkdir()
    workspace.mkdir()
    (app / "app.py").write_text("import json, sqlite3\n\njson.dumps(1, indent=sqlite3)\n")
    said: list[str] = []

    async def telling(command: Command) -> Completed:
        if "--cache-dir" in " ".join(command.argv):
            command = replace(command, argv=(*command.argv, "--verbose"))
        done = await runner(command)
        said.append(done.stderr.decode())
        return done

    runner = Runner(workspace)
    parsed = await by_name("mypy").run(make_run(list_source(app), workspace), telling)

    assert [found.rule_id for found in parsed.findings] == ["arg-type"]
    for module in ("builtins", "typing", "json", "sqlite3"):
        assert f"Metadata fresh for {module}:" in said[-1]
    assert "Metadata abandoned" not in said[-1]


@pytest.mark.parametrize(
    "shadow",
    [
        {"json.py": "def dumps(x: int) -> int:\n    return x\n"},
        {"json/__init__.py": "from json.more import dumps\n", "json/more.py": "dumps = abs\n"},
        {"logging.py": "import json\n\nINFO = json\n", "enum.py": "Enum = 1\n"},
    ],
)
async def test_mypy_finds_the_same_without_its_prepared_cache(
    tmp_path: Path, shadow: dict[str, str]
):
    app, bare = tmp_path / "app", tmp_path / "tools"
    bare.mkdir()
    (bare / "venv").symlink_to(TOOLS_DIR / "venv")
    text = "import json\nimport asyncio\n\nx: str = json.dumps('a')\nasyncio.run(json)\n"
    for name, source in {"app.py": text, **shadow}.items():
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text(source)

    found = []
    for number, tools in enumerate((TOOLS_DIR, bare)):
        workspace = tmp_path / f"work{number}"
        workspace.mkdir()
        run = make_run(list_source(app), workspace, tools)
        parsed = await by_name("mypy").run(run, Runner(workspace))
        found.append([(one.rule_id, one.message, one.location) for one in parsed.findings])

    assert found[0] == found[1] != []
