"""One app through the real wiring with the last analyzer of the table; prints what came of it."""

import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistoryEventFilterType
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from analyzers.runtime.service import Service, ServiceOptions
from clients.analyzers.gateway import WebSocketGateway
from clients.artifacts import FileArtifactStore
from clients.report_writer import FileReportWriter
from clients.source import digest_tree
from contract.analysis import Category
from contract.analyzers import AnalyzerKind
from contract.running import RunningApp, RunningService, StartOutcome
from contract.spec import AppRef, AppSpec, AppsSpec, PipelinePlan, PipelineSpec, PlannedApp
from control.reports import read_report
from control.starting import start_pipeline
from queues import Ports, at_work, workers_of
from settings import Settings
from tests.activities.fakes import FakeRuntime
from tests.support.demo_analyzer import DemoTool
from tests.support.store_folder import store_in
from workflows import search_attributes

LAST = list(AnalyzerKind)[-1]
KINDS = (AnalyzerKind.STATIC, LAST)


class Host(FakeRuntime):
    """Its app runs, in a container that nobody looks at."""

    async def start(
        self,
        app: AppSpec,
        run_id: str,
        on_progress: Callable[[str], None],
        on_built: Callable[[], None],
    ) -> StartOutcome:
        """At once."""
        service = RunningService(service="app", container_id="c", host_port=1)
        running = RunningApp(
            workflow_id=app.workflow_id, host=self.host, engine="docker", services=(service,)
        )
        return StartOutcome(app=running, host=self.host)


def plan_of(folder: Path) -> PipelinePlan:
    """One app of one file, for all of `KINDS`."""
    folder.mkdir()
    (folder / "app.py").write_text("eval(input())\n")
    app = PlannedApp(ref=AppRef(model="m", app_number=1), source=digest_tree(folder))
    spec = PipelineSpec(apps=AppsSpec(root=str(folder)), analyzers=KINDS, parallelism=1)
    return PipelinePlan(pipeline_id="fifth", spec=spec, apps=(app,))


async def measure(folder: Path) -> dict[str, Any]:
    """What a person would see of the run."""
    results = await store_in(folder)
    async with AsyncExitStack() as stack:
        urls: dict[AnalyzerKind, str] = {}
        for kind in KINDS:
            tool = DemoTool("demo", looks_for=frozenset({Category.QUALITY}))
            options = ServiceOptions(data=folder / "analyzers", tools_dir=folder / "tools")
            service = Service(kind, (tool,), options)
            await service.start()
            stack.push_async_callback(service.stop)
            urls[kind] = f"ws://127.0.0.1:{service.port}"
        settings = Settings(host="h1", data=folder, analyzer_urls=urls)
        gateway = WebSocketGateway(settings.analyzer_urls, token=None, workdir=folder / "incoming")
        stack.push_async_callback(gateway.close)
        ports = Ports(
            gateway=gateway,
            runtime=Host(),
            artifacts=FileArtifactStore(folder / "artifacts"),
            results=results,
            reports=FileReportWriter(folder / "reports"),
        )
        server = await stack.enter_async_context(
            await WorkflowEnvironment.start_local(
                data_converter=pydantic_data_converter,
                dev_server_existing_path=str(Path(sys.executable).parent / "temporal"),
                dev_server_log_level="error",
                search_attributes=search_attributes.ALL,
            )
        )
        await stack.enter_async_context(at_work(workers_of(settings, server.client, ports)))
        handle = await start_pipeline(server.client, plan_of(folder / "app"))
        async with asyncio.timeout(90):
            outcome = await handle.result()
        child = server.client.get_workflow_handle("pipeline/fifth/m/app1")
        queues = [
            event.activity_task_scheduled_event_attributes.task_queue.name
            async for event in child.fetch_history_events(
                event_filter_type=WorkflowHistoryEventFilterType.ALL_EVENT
            )
            if event.HasField("activity_task_scheduled_event_attributes")
        ]
    await results.close()
    report = read_report(settings.data_dir, "fifth")
    return {
        "counts": {state.value: count for state, count in outcome.counts.items()},
        "matrix": {
            app: {name: str(s) for name, s in m.items()} for app, m in report.matrix.items()
        },
        "queues": queues,
        "slots": settings.analyzer_slots[LAST],
        "tallied": [tally.category for tally in report.totals.findings],
    }


def main(folder: Path) -> None:
    """Print the run as JSON."""
    print(json.dumps(asyncio.run(measure(folder))))
