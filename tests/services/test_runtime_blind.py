"""A blind tool: what it would have measured is lost, and where it has nothing to do, not."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from analyzers.runtime.service import Service, ServiceOptions
from analyzers.runtime.tool import Canary, NotApplicable, Parsed, ToolRun
from analyzers.static.tools.bandit import Bandit
from analyzers.static.tools.npm_audit import NpmAudit
from clients.analyzers.archive import read_report
from contract.analysis import Category, ToolReport
from contract.analyzers import AnalyzerKind
from tests.support.demo_analyzer import DemoTool, request_for

STATIC = AnalyzerKind.STATIC
Look = Callable[..., Awaitable[ToolReport]]
NO_PACKAGES = json.dumps({"name": "app", "dependencies": {}})
PACKAGES = json.dumps({"name": "app", "dependencies": {"lodash": "4.17.21"}})


@pytest.fixture
async def blind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Look]:
    """The cell of one tool on an app of these files; no program of a tool is installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    started: list[Service] = []

    async def look(tool: Any, files: dict[str, str]) -> ToolReport:
        options = ServiceOptions(data=tmp_path / "data", tools_dir=tmp_path)
        service = Service(STATIC, (tool,), options)
        started.append(service)
        await service.start()
        for name, text in files.items():
            (tmp_path / "app").mkdir(exist_ok=True)
            (tmp_path / "app" / name).write_text(text)
        job = await service.jobs.submit(request_for(tmp_path / "app"))
        while not job.ended:
            await job.wait_for_change(1)
        (cell,) = read_report(service.jobs.archive(job)).tools
        return cell

    yield look
    for one in started:
        await one.stop()


@pytest.mark.parametrize(
    ("tool", "files", "state"),
    [
        (NpmAudit(), {"app.py": "x = 1\n"}, "not_applicable"),
        (NpmAudit(), {"app.py": "x = 1\n", "package.json": NO_PACKAGES}, "not_applicable"),
        (NpmAudit(), {"package.json": PACKAGES}, "infra_failed"),
        (NpmAudit(), {"package.json": "{broken"}, "infra_failed"),
        (Bandit(), {"index.js": "x\n"}, "not_applicable"),
        (Bandit(), {"app.py": "x = 1\n"}, "infra_failed"),
    ],
)
async def test_nothing_is_lost_where_a_blind_tool_has_nothing_to_do(
    blind: Look, tool: Any, files: dict[str, str], state: str
):
    cell = await blind(tool, files)

    assert cell.state == state
    assert cell.looks_for == (Category.SECURITY,)
    remarks = " ".join(cell.provenance.notes)
    assert ("which is blind" in remarks) == (state == "not_applicable")
    assert ("installed" in cell.reason or "cannot start" in cell.reason) == (
        state == "infra_failed"
    )


class SeesNothing(DemoTool):
    """Our own code finds nothing for it anywhere, not even in its canary."""

    canary = Canary(files={"a.py": ""}, expect=frozenset({"eval"}))

    async def version(self, run: ToolRun, execute: Any) -> str:
        return "1"

    async def run(self, run: ToolRun, execute: Any) -> Parsed:
        raise NotApplicable("no Python files")

    async def nothing_for(self, run: ToolRun, execute: Any) -> NotApplicable:
        return NotApplicable("no Python files")


async def test_a_proof_that_never_fails_proves_nothing(blind: Look):
    """And the reason does not say of the app what its canary was told."""
    cell = await blind(SeesNothing(), {"app.py": "eval(x)\n"})

    assert cell.state == "infra_failed"
    assert cell.reason.startswith("canary not seen: it says that there is nothing for it")


async def test_health_tells_a_blind_tool_from_one_that_nobody_knows(tmp_path: Path):
    tool = DemoTool(canary=Canary(files={"a.py": ""}, expect=frozenset({"eval"})))
    options = ServiceOptions(data=tmp_path / "data", tools_dir=tmp_path)
    service = Service(STATIC, (tool,), options)
    (before,) = service.health().tools
    await service.canaries.proven("demo")
    (after,) = service.health().tools
    await service.stop()

    assert (before.starting, before.blind) == (True, False)
    assert (after.starting, after.blind) == (False, True)
    assert after.checked_at is not None
    assert (after.rules_digest, after.looks_for) == ("rules", (Category.SECURITY,))
