"""A store that is made again from histories and artifacts has the rows that it had."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from clients.artifacts import FileArtifactStore
from clients.report_writer import FileReportWriter
from contract.analysis import (
    AnalyzerReport,
    Coverage,
    Finding,
    Location,
    MeasurementState,
    Metric,
    Severity,
    SubtaskRequest,
    ToolReport,
)
from contract.analyzers import AnalyzerKind
from contract.findings import FindingsQuery
from contract.health import AnalyzerHealth, ToolHealth
from contract.progress import PipelinePhase
from contract.protocol import Progress
from control.errors import WrongInputError
from control.pipelines import Pipeline, submit
from control.rebuilding import rebuild
from control.retrying import retry
from control.stored import Stored
from queues import Ports, at_work, workers_of
from settings import Settings
from store.results import SqlResultStore
from tests.activities.fakes import FakeRuntime, Result, archive
from tests.conftest import DYNAMIC_CONFIG, TEMPORAL
from tests.store import samples
from tests.support.new_store import new_store
from tests.support.store_rows import rows_of
from tests.workflows.fake_platform import make_plan
from workflows import search_attributes

TOOLS = ("one", "two")
PAUSE_S = 0.05


class Analyzers:
    """Tool `two` fails on app 2 the first time; tool `one` finds something everywhere."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs = Counter[str]()

    async def health(self, analyzer: AnalyzerKind) -> AnalyzerHealth:
        tools = tuple(ToolHealth(name=name, ok=True) for name in TOOLS)
        return AnalyzerHealth(analyzer=analyzer, ok=True, tools=tools)

    async def analyze(
        self,
        request: SubtaskRequest,
        on_progress: Callable[[Progress], None],
        on_end: Callable[[], None],
    ) -> Result:
        self._runs[request.subtask_id] += 1
        fails = request.ref.app_number == 2 and self._runs[request.subtask_id] == 1
        tools = tuple(
            ToolReport(tool=tool, state=MeasurementState.INFRA_FAILED, reason="out of memory")
            if fails and tool == "two"
            else _measured(tool, request)
            for tool in request.tools
        )
        fused = tuple(finding for tool in tools for finding in tool.findings)
        report = AnalyzerReport(
            subtask_id=request.subtask_id, analyzer=request.analyzer, tools=tools, fused=fused
        )
        path = self._folder / f"{sum(self._runs.values())}.tar"
        path.write_bytes(archive(report))
        return Result(report=report, archive=path)

    async def acknowledge(self, subtask_id: str, analyzer: AnalyzerKind) -> None:
        return None

    async def detach(self, request: SubtaskRequest) -> None:
        return None


def _measured(tool: str, request: SubtaskRequest) -> ToolReport:
    found = Finding(
        tool=tool,
        rule_id=f"{tool}.rule",
        message=f"of {request.subtask_id}",
        severity=Severity.HIGH,
        cwe=(89,),
        location=Location(path="app.py", line=request.ref.app_number),
        fingerprint=f"{tool}-{request.ref.app_number}",
        witnesses=(f"{tool}:rule",),
    )
    return ToolReport(
        tool=tool,
        state=MeasurementState.MEASURED,
        coverage=Coverage(unit="files", reached=1),
        findings=(found,),
        metrics=(Metric(name="lines", value=3.0, unit="count"),),
    )


class Site:
    """A server, a worker, a store and artifacts."""

    def __init__(self, folder: Path, client: Client, results: SqlResultStore) -> None:
        self.folder = folder
        self.client = client
        self.results = results
        self.url = f"sqlite:///{folder / 'assay.db'}"

    async def run(self, pipeline_id: str, apps: int) -> None:
        await submit(self.client, make_plan(pipeline_id, apps, "s"))
        await self.end(pipeline_id)

    async def end(self, pipeline_id: str) -> None:
        async with asyncio.timeout(60):
            async for progress in Pipeline(self.client, pipeline_id).updates():
                last = progress
        assert last.phase is PipelinePhase.COMPLETED

    async def rebuild(self):
        stored = Stored(self.url, in_use=lambda: True)
        return await rebuild(self.client, stored, self.folder, lambda _line: None)

    async def remember(self, pipeline_id: str) -> None:
        """Have the store hold a pipeline that the server has forgotten."""
        await samples.register(self.results, samples.plan(pipeline_id, apps=1))
        report, app = samples.report(), samples.app(1, pipeline_id)
        await self.results.record_subtask(pipeline_id, app, samples.outcome(report, app), report)
        await self.results.record_pipeline_state(pipeline_id, "completed", {})

    async def settled(self, closed: int) -> None:
        """Wait until the server's list, which lags, has so many closed runs."""
        ended = "ExecutionStatus = 'Completed' AND WorkflowType IN ('Pipeline', 'AnalyzeApp')"
        async with asyncio.timeout(30):
            while (await self.client.count_workflows(ended)).count < closed:
                await asyncio.sleep(PAUSE_S)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    url = f"sqlite:///{tmp_path / 'assay.db'}"
    await new_store(url)
    flags = [part for flag in DYNAMIC_CONFIG for part in ("--dynamic-config-value", flag)]
    server = await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(TEMPORAL),
        dev_server_log_level="error",
        search_attributes=search_attributes.ALL,
        dev_server_extra_args=flags,
    )
    async with server as env, AsyncExitStack() as workers:
        results = SqlResultStore.from_url(url)
        workers.push_async_callback(results.close)
        ports = Ports(
            gateway=Analyzers(tmp_path),
            runtime=FakeRuntime(),
            artifacts=FileArtifactStore(tmp_path / "artifacts"),
            results=results,
            reports=FileReportWriter(tmp_path / "reports"),
        )
        settings = Settings(host="h1", data=tmp_path)
        await workers.enter_async_context(at_work(workers_of(settings, env.client, ports)))
        yield Site(tmp_path, env.client, results)


async def test_rows_are_made_again_with_those_of_a_retry(site: Site) -> None:
    await site.run("again", 3)
    before_retry = await rows_of(site.results)
    stored = Stored(site.url, in_use=lambda: True)
    await retry(Pipeline(site.client, "again"), stored, [])
    await site.end("again")
    await site.remember("forgotten")
    before = await rows_of(site.results)
    failed = [row for row in before_retry["cells"] if row["state"] == "infra_failed"]
    assert [row["tool"] for row in failed] == ["two"]
    of_again = [row for row in before["cells"] if row["pipeline_id"] == "again"]
    assert {row["state"] for row in of_again} == {"measured"}
    assert len(before["weaknesses"]) == 6
    await site.settled(5)

    rebuilt = await site.rebuild()

    assert [(row.pipeline_id, row.cells, row.lost) for row in rebuilt.rebuilt] == [("again", 6, ())]
    assert [(row.pipeline_id, row.stored) for row in rebuilt.kept] == [("forgotten", True)]
    assert await rows_of(site.results) == before
    assert (await site.rebuild()).rebuilt == rebuilt.rebuilt
    assert await rows_of(site.results) == before

    # A file that is no database any more is put aside.
    await site.results.close()
    (site.folder / "assay.db").write_bytes(b"not a database at all, but long enough" * 40)
    for suffix in ("-wal", "-shm"):
        (site.folder / f"assay.db{suffix}").unlink(missing_ok=True)
    (site.folder / "reports" / "forgotten").mkdir()
    anew = await site.rebuild()
    again = SqlResultStore.from_url(site.url)
    after = await rows_of(again)
    await again.close()
    assert [(row.pipeline_id, row.stored) for row in anew.kept] == [("forgotten", False)]
    assert Path(anew.damaged).read_bytes().startswith(b"not a database")
    assert after["cells"] == of_again
    assert after["pipelines"] == [
        row for row in before["pipelines"] if row["pipeline_id"] == "again"
    ]


async def test_a_result_that_is_gone_is_not_measured_and_said(site: Site) -> None:
    await site.run("gone", 1)
    await site.settled(2)
    for path in (site.folder / "artifacts" / "sha256").glob("*/*"):
        path.unlink()
    before = await rows_of(site.results)
    (kept,) = (await site.rebuild()).kept
    assert "knows more of it" in kept.why
    assert await rows_of(site.results) == before, "rows are worth more than lost results"
    for name in ("assay.db", "assay.db-wal", "assay.db-shm"):
        (site.folder / name).unlink(missing_ok=True)

    rebuilt = await site.rebuild()

    assert [row.lost for row in rebuilt.rebuilt] == [("static.tar",)]
    store = SqlResultStore.from_url(site.url)
    states = {cell.state for cell in (await store.load_pipeline("gone")).cells}
    page = await store.findings_page(FindingsQuery(pipeline_id="gone"))
    await store.close()
    assert states == {MeasurementState.INFRA_FAILED}
    assert page.items == ()


async def test_what_was_pruned_does_not_come_back(site: Site) -> None:
    await site.run("old", 1)
    await site.settled(2)
    assert await site.results.prune(["old"]) == ["old"]

    rebuilt = await site.rebuild()

    assert rebuilt.rebuilt == ()
    assert await site.results.list_pipelines() == ()


async def test_a_running_pipeline_forbids_it(site: Site) -> None:
    await site.client.start_workflow(
        "Pipeline", args=["x"], id="pipeline/held", task_queue="nobody-polls-this"
    )
    async with asyncio.timeout(30):
        while True:
            try:
                await site.rebuild()
            except WrongInputError as refused:
                assert "pipelines run: held" in refused.message
                break
            await asyncio.sleep(PAUSE_S)
