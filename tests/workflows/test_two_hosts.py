"""Two hosts, each with all its workers, on one server: one of them goes away."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from clients.artifacts import FileArtifactStore
from clients.report_writer import FileReportWriter
from contract.analysis import AnalyzerReport, Coverage, MeasurementState, SubtaskRequest, ToolReport
from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode, PlatformError
from contract.health import AnalyzerHealth, ToolHealth
from contract.protocol import Progress
from contract.running import RunningApp, RunningService, StartOutcome
from contract.spec import AppSpec
from control.starting import start_pipeline
from queues import Ports, at_work, workers_of
from settings import Settings
from store.results import SqlResultStore
from tests.activities.fakes import FakeRuntime, Result, archive
from tests.conftest import DYNAMIC_CONFIG, TEMPORAL
from tests.support.new_store import new_store
from tests.workflows.fake_platform import finished, make_plan
from workflows import policies, search_attributes

MEASURED = MeasurementState.MEASURED


class Host(FakeRuntime):
    """Runs apps, each in a container of its own."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self.host = host

    async def start(
        self,
        app: AppSpec,
        run_id: str,
        on_progress: Callable[[str], None],
        on_built: Callable[[], None],
    ) -> StartOutcome:
        self.log.append("start")
        service = RunningService(service="app", container_id=f"on-{self.host}", host_port=1)
        running = RunningApp(
            workflow_id=app.workflow_id, host=self.host, engine="docker", services=(service,)
        )
        return StartOutcome(app=running, host=self.host)


class Analyzers:
    """All analyzers, the same for both hosts; the first live run never ends by itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._detached = asyncio.Event()
        self.runs: list[str] = []

    async def health(self, analyzer: AnalyzerKind) -> AnalyzerHealth:
        tool = ToolHealth(name=f"{analyzer}-tool", ok=True)
        return AnalyzerHealth(analyzer=analyzer, ok=True, tools=(tool,))

    async def analyze(
        self,
        request: SubtaskRequest,
        on_progress: Callable[[Progress], None],
        on_end: Callable[[], None],
    ) -> Result:
        self.runs.append(request.analyzer)
        if self.runs.count(request.analyzer) == 1 and request.analyzer.is_live:
            await self._detached.wait()
            raise PlatformError(ErrorCode.UNAVAILABLE, "detached")
        coverage = Coverage(unit="files", reached=1)
        tools = tuple(ToolReport(tool=t, state=MEASURED, coverage=coverage) for t in request.tools)
        report = AnalyzerReport(
            subtask_id=request.subtask_id, analyzer=request.analyzer, tools=tools
        )
        path = self._folder / f"{len(self.runs)}.tar"
        path.write_bytes(archive(report))
        return Result(report=report, archive=path)

    async def acknowledge(self, subtask_id: str, analyzer: AnalyzerKind) -> None:
        return None

    async def detach(self, request: SubtaskRequest) -> None:
        self._detached.set()


async def test_the_apps_of_a_host_that_went_away_start_anew_elsewhere_and_nothing_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(policies.CHECK_APP, "schedule_to_start_timeout", timedelta(seconds=5))
    monkeypatch.setattr(policies, "HOST_WATCH", timedelta(seconds=1))
    url = f"sqlite+aiosqlite:///{tmp_path / 'assay.db'}"
    await new_store(url)
    results, analyzers = SqlResultStore.from_url(url), Analyzers(tmp_path)
    hosts = {name: Host(name) for name in ("north", "south")}
    flags = [part for flag in DYNAMIC_CONFIG for part in ("--dynamic-config-value", flag)]
    server = await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(TEMPORAL),
        dev_server_log_level="error",
        search_attributes=search_attributes.ALL,
        dev_server_extra_args=flags,
    )
    async with server as env, AsyncExitStack() as everything:
        stacks = {name: await everything.enter_async_context(AsyncExitStack()) for name in hosts}
        for name, runtime in hosts.items():
            client = await Client.connect(
                env.client.service_client.config.target_host,
                data_converter=pydantic_data_converter,
            )
            ports = Ports(
                gateway=analyzers,
                runtime=runtime,
                artifacts=FileArtifactStore(tmp_path / "artifacts"),
                results=results,
                reports=FileReportWriter(tmp_path / "reports"),
            )
            settings = Settings(host=name, data=tmp_path)
            workers = workers_of(settings, client, ports, grace=timedelta(0))
            await stacks[name].enter_async_context(at_work(workers))
        handle = await start_pipeline(env.client, make_plan("two-hosts", 1, "sd"))
        async with asyncio.timeout(120):
            while sorted(analyzers.runs) != ["dynamic", "static"]:
                await asyncio.sleep(0.05)
        (lost,) = [name for name, host in hosts.items() if "start" in host.log]
        (other,) = hosts.keys() - {lost}
        await stacks[lost].aclose()

        result = await finished(handle)

        assert result.counts == {MEASURED: 1}
        done = {name: [line.split()[0] for line in host.log] for name, host in hosts.items()}
        assert done[lost] == ["prepare", "start"], "nobody could remove it: its janitor will"
        assert done[other] == ["prepare", "start", "teardown"]
        assert sorted(analyzers.runs) == ["dynamic", "dynamic", "static"]
        detail = (await results.load_pipeline("two-hosts")).detail
        assert (detail["restarts"], detail["retries_by_cause"]) == (1, {"HOST_LOST": 1})
    await results.close()
