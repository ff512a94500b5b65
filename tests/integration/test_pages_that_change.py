"""Pages that change by themselves while a person reads, types, ticks and unfolds, in Chromium."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvicorn

from contract.analysis import (
    AnalyzerReport,
    Coverage,
    MeasurementState,
    Skipped,
    ToolReport,
)
from contract.analyzers import AnalyzerKind
from contract.outcome import AppOutcome, SubtaskOutcome, ToolSummary
from contract.plan import PlanHeader, pages_of
from contract.spec import AppRef, AppsSpec, PipelinePlan, PipelineSpec, PlannedApp, SourceRef
from dashboard.app import create_app
from store.results import SqlResultStore
from tests.support.browser import Browser, browser
from tests.support.dashboard_site import site_of
from tests.support.two_pipelines import looked, two_pipelines

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

REF = AppRef(model="m", app_number=1)
APP = PlannedApp(ref=REF, source=SourceRef(path="/fleet", digest="d"))
SPEC = PipelineSpec(
    apps=AppsSpec(root="fleet"), analyzers=(AnalyzerKind.STATIC, AnalyzerKind.PERFORMANCE)
)
PLAN = PipelinePlan(pipeline_id="runs", spec=SPEC, apps=(APP,))
PAGE = "/pipelines/runs/apps/m/app1"
Steps = Callable[..., Any]


class Installation:
    """A dashboard at `origin`, and the store that a pipeline is recorded in beside it."""

    def __init__(self, folder: Path, origin: str) -> None:
        self.origin = origin
        self.store = SqlResultStore.from_url(f"sqlite+aiosqlite:///{folder / 'assay.db'}")

    async def start(self) -> None:
        """Begin a pipeline."""
        await self.store.register_page(PlanHeader.of(PLAN), pages_of(PLAN)[0])

    async def measure(self, kind: AnalyzerKind, *tools: ToolReport) -> None:
        """One analyzer has looked at its app."""
        app = PLAN.app_spec(APP)
        told = tuple(ToolSummary(tool=one.tool, state=one.state) for one in tools)
        subtask = SubtaskOutcome(subtask_id=app.subtask_id(kind), analyzer=kind, tools=told)
        report = AnalyzerReport(subtask_id=subtask.subtask_id, analyzer=kind, tools=tools)
        await self.store.record_subtask("runs", app, subtask, report)

    async def end_app(self) -> None:
        """The app has ended."""
        outcome = AppOutcome(ref=REF, state=MeasurementState.MEASURED)
        await self.store.record_app(PLAN.app_spec(APP), outcome)

    async def end(self) -> None:
        """The pipeline has ended."""
        await self.store.record_pipeline_state("runs", "completed", {}, datetime.now(UTC))


@pytest_asyncio.fixture
async def installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Installation]:
    """Two ended pipelines, and pages that ask every second."""
    for name in ("pages.pipelines._IDLE_S", "pages.app._RUNNING_S", "pages.app._ENDED_S"):
        monkeypatch.setattr(f"dashboard.{name}", 1)
    await two_pipelines(tmp_path)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(site_of(tmp_path)), log_level="warning")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    made = Installation(tmp_path, f"http://127.0.0.1:{listening.getsockname()[1]}")
    yield made
    await made.store.close()
    server.should_exit = True
    await serving


def in_front(window: Browser) -> Steps:
    """Its steps, each of which lets the dashboard answer meanwhile."""

    async def step(do: str, /, **how: Any) -> Any:
        return await asyncio.to_thread(lambda: window(do, **how))

    return step


def clean(seen: dict[str, Any]) -> bool:
    """Whether axe sees nothing that keeps people out, and everything has a name."""
    return not any(seen[name] for name in ("light", "dark", "phone", "nameless"))


async def test_a_new_pipeline_comes_into_the_list_and_disturbs_nobody(installation: Installation):
    with browser(installation.origin) as window:
        do = in_front(window)
        await do("open", path="/pipelines")
        await do("mark")
        await do("check", label="compare before")
        await do("fill", label="In the ID", text="half a wo")
        await do("focus", selector="#line-after a")
        await installation.start()
        await do("until", selector="#line-runs", count=1)
        told = {
            "rows": await do("count", selector="table.pipelines tbody tr"),
            "ticked": await do("count", selector="#line-before input:checked"),
            "all ticked": await do("count", selector="input:checked"),
            "typed": await do("typed", label="In the ID"),
            "same": await do("is_marked"),
        }
        focused = await do("focused")
        seen = await do("looked_at", path="")
        complaints = await do("complaints")

    assert told == {"rows": 3, "ticked": 1, "all ticked": 1, "typed": "half a wo", "same": True}
    assert 'href="/pipelines/after"' in focused
    assert clean(seen), seen
    assert complaints == []


async def test_what_is_ticked_stays_in_a_list_that_leaves_it_out(installation: Installation):
    await installation.start()
    with browser(installation.origin) as window:
        do = in_front(window)
        await do("open", path="/pipelines?state=unfinished")
        await do("check", label="compare runs")
        await installation.end()
        told = await do("wait", text="completed", selector="#line-runs")
        ticked = await do("count", selector="#line-runs input:checked")
        await do("boxes", name="pick", ticked=[])
        await do("gone", selector="#line-runs")
        left = await do("text", selector="table.pipelines")

    assert "runs" in told
    assert ticked == 1
    assert "No pipeline is like this" in left


async def test_the_page_of_an_app_follows_it_to_its_end(installation: Installation):
    await installation.start()
    skipped = (Skipped(what="src/huge.js", reason="too large"),)
    coverage = Coverage(unit="files", reached=2, given=3, skipped=skipped, skipped_total=1)
    tool = looked().model_copy(update={"coverage": coverage})
    await installation.measure(AnalyzerKind.STATIC, tool)
    with browser(installation.origin) as window:
        do = in_front(window)
        await do("open", path=PAGE)
        await do("mark")
        await do("unfold", selector="#cell-static-bandit")
        await do("focus", selector="#cell-static-bandit summary")
        before = await do("text", selector="p.state")
        await installation.measure(AnalyzerKind.PERFORMANCE, looked(tool="aiohttp"))
        await do("until", selector="#cell-performance-aiohttp", count=1)
        open_ = await do("count", selector="#cell-static-bandit details[open]")
        focused = await do("focused")
        await installation.end_app()
        await do("wait", text="2 of 2 cells measured", selector="p.state")
        still = await do("count", selector="#cell-static-bandit details[open]")
        asks = await do("count", selector="#fresh-every")
        await installation.end()
        async with asyncio.timeout(60):
            while await do("count", selector="#fresh-every"):
                await asyncio.sleep(0.1)
        seen = await do("looked_at", path="")
        same, complaints = await do("is_marked"), await do("complaints")

    assert "1 of" in before
    assert (open_, still, asks) == (1, 1, 1)
    assert focused.startswith("<summary")
    assert same
    assert clean(seen), seen
    assert complaints == []


async def test_a_dashboard_that_is_away_is_told_and_the_way_back_is_a_whole_page(
    installation: Installation,
):
    with browser(installation.origin) as window:
        do = in_front(window)
        await do("open", path="/pipelines")
        await do("lose", pattern="**/pipelines", times=1)
        lost = await do("wait", text="No connection to the dashboard", selector="#fresh-lost")
        await do("gone", selector="#fresh-lost")
        await do("click", role="link", name="after")
        back = await do("back")

    assert "what it said last" in lost
    assert "New pipeline" in back, "the menu is there: it is no part of a page"
