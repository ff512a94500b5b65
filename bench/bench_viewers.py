"""What viewers of a live pipeline cost the dashboard: processor, memory, questions to the server.

    python bench/bench_viewers.py [--viewers 1 20 200] [--seconds 15] [--apps 500]

A dashboard of its own process follows a pipeline in a real Temporal server, in which something
changes every second: another app ends, and each running app says something else. So many viewers
follow its page (parts of HTML), and as many tenths follow the API. The table has, for each number
of viewers, seconds of processor time of the dashboard per second, its resident memory, questions
to the pipeline's workflow per second, events each viewer got per second, and the time from a change
until the slowest viewer was told (95 of 100 changes are faster).

Goals: one question a second however many watch, and told in less than 1.5 s. The exit code is 1
when a goal is missed.
"""

import argparse
import asyncio
import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import uvicorn
from temporalio import workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from bench.recording import recorded
from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.ids import app_workflow_id, pipeline_workflow_id
from contract.plan import PlanHeader, pages_of
from contract.progress import AppProgress, PipelinePhase, PipelineProgress
from contract.spec import AppRef, AppsSpec, PipelinePlan, PipelineSpec, PlannedApp, SourceRef
from store.migrate import upgrade
from store.results import SqlResultStore
from workflows import search_attributes

ID = "watched"
QUEUE = "bench-viewers"
IN_FLIGHT = 10
QUESTIONS_GOAL, TOLD_GOAL_S = 1.2, 1.5
_ENDED = re.compile(rb'<b>(\d+) of \d+|"finished":(\d+)')
TEMPORAL = Path(sys.executable).parent / "temporal"


@dataclass
class Asked:
    """What the pipeline was asked, and when it changed."""

    apps: int = 0
    questions: int = 0
    began_s: float = field(default_factory=time.monotonic)

    def ended(self) -> int:
        """How many apps have ended: one a second."""
        return min(self.apps - IN_FLIGHT, int(time.monotonic() - self.began_s))


ASKED = Asked()


def ref(number: int) -> AppRef:
    return AppRef(model="bench/model", app_number=number)


def line(number: int, ended: int) -> AppProgress:
    if number <= ended:
        state = MeasurementState.MEASURED
        return AppProgress(ref=ref(number), step="finished", state=state)
    if number > ended + IN_FLIGHT:
        return AppProgress(ref=ref(number), step="waiting")
    id_ = app_workflow_id(ID, "bench/model", number)
    return AppProgress(ref=ref(number), step=f"static: {ended % 19}/19 tools", workflow_id=id_)


@workflow.defn(name="Pipeline")
class Watched:
    """Answers as a pipeline does in which something changes every second."""

    @workflow.run
    async def run(self) -> None:
        """Go on until the bench ends."""
        await workflow.wait_condition(lambda: False)

    @workflow.query
    def progress(self) -> PipelineProgress:
        """Where it is."""
        ASKED.questions += 1
        ended = ASKED.ended()
        return PipelineProgress(
            pipeline_id=ID,
            phase=PipelinePhase.RUNNING,
            total=ASKED.apps,
            finished=ended,
            in_flight=IN_FLIGHT,
            parallelism=IN_FLIGHT,
            counts={MeasurementState.MEASURED: ended},
            apps=tuple(line(number, ended) for number in range(1, min(500, ASKED.apps) + 1)),
        )


async def record(folder: Path, apps: int) -> None:
    """A store that knows the pipeline."""
    url = f"sqlite+aiosqlite:///{folder / 'assay.db'}"
    await upgrade(url)
    store = SqlResultStore.from_url(url)
    plan = PipelinePlan(
        pipeline_id=ID,
        spec=PipelineSpec(apps=AppsSpec(root="/apps"), analyzers=tuple(AnalyzerKind)),
        apps=tuple(
            PlannedApp(ref=ref(n), source=SourceRef(path=f"/apps/{n}", digest=f"{n:064}"))
            for n in range(1, apps + 1)
        ),
    )
    for page in pages_of(plan):
        await store.register_page(PlanHeader.of(plan), page)
    await store.close()


async def serve(folder: Path, target: str) -> None:
    """The dashboard, in a process of its own."""
    from dashboard.app import create_app
    from tests.support.dashboard_site import site_of

    async def connect() -> Client:
        return await Client.connect(target, data_converter=pydantic_data_converter)

    app = create_app(site_of(folder, connect=connect))
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    print(listening.getsockname()[1], flush=True)
    await server.serve(sockets=[listening])


@dataclass
class Viewer:
    """One stream; `told` has the moment when each number of ended apps was told."""

    path: str
    events: int = 0
    first: asyncio.Event = field(default_factory=asyncio.Event)
    told: dict[int, float] = field(default_factory=dict[int, float])

    async def follow(self, port: int) -> None:
        """Read until cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=8_000_000)
        ask = f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
        writer.write(ask.encode())
        try:
            while text := await reader.readline():
                self.events += text.startswith(b"id: ")
                if ended := _ENDED.search(text):
                    self.first.set()
                    self.told.setdefault(int(ended[1] or ended[2]), time.monotonic())
        finally:
            writer.close()


@dataclass
class Cost:
    """What so many viewers cost."""

    viewers: int
    cores: float
    resident_mib: float
    questions: float
    events: float
    told_s: float

    def __str__(self) -> str:
        return (
            f"{self.viewers:>7}  {self.cores:>10.3f}  {self.resident_mib:>10.0f}  "
            f"{self.questions:>11.2f}  {self.events:>15.2f}  {self.told_s:>9.2f}"
        )


async def measured(port: int, process: int, viewers: int, seconds: float) -> Cost:
    """Let so many follow for a while."""
    pages = [Viewer(f"/pipelines/{ID}/events") for _ in range(viewers)]
    programs = [Viewer(f"/api/v1/pipelines/{ID}/events") for _ in range(viewers // 10)]
    every = [*pages, *programs]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(viewer.follow(port)) for viewer in every]
        for viewer in every:
            await viewer.first.wait()
        for viewer in every:
            viewer.events, viewer.told = 0, {}
        began_s, asked, spent_s = time.monotonic(), ASKED.questions, processor_s(process)
        await asyncio.sleep(seconds)
        took_s = time.monotonic() - began_s
        cost = Cost(
            viewers=viewers,
            cores=(processor_s(process) - spent_s) / took_s,
            resident_mib=resident_mib(process),
            questions=(ASKED.questions - asked) / took_s,
            events=sum(viewer.events for viewer in every) / len(every) / took_s,
            told_s=slowest(every),
        )
        for task in tasks:
            task.cancel()
    return cost


def slowest(viewers: list[Viewer]) -> float:
    """The 95th percentile, over changes, of the time until the last viewer was told."""
    changes = set[int].intersection(*(set(viewer.told) for viewer in viewers))
    late = sorted(
        max(viewer.told[change] for viewer in viewers) - (ASKED.began_s + change)
        for change in changes
    )
    return late[int(len(late) * 0.95)] if late else float("inf")


def processor_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return int(next(text for text in lines if text.startswith("VmRSS")).split()[1]) / 1024


@contextlib.asynccontextmanager
async def dashboard(folder: Path, target: str) -> AsyncGenerator[tuple[int, int]]:
    """Port and process of a dashboard."""
    command = [sys.executable, __file__, "--serve", str(folder), target]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        assert process.stdout
        yield int(await process.stdout.readline()), process.pid
    finally:
        process.kill()
        await process.wait()


async def bench(viewers: list[int], seconds: float, apps: int) -> int:
    ASKED.apps = apps
    print("viewers  cores used  memory MiB  questions/s  events/s each  told p95 s")
    costs: list[Cost] = []
    with tempfile.TemporaryDirectory() as folder:
        await record(Path(folder), apps)
        async with await WorkflowEnvironment.start_local(
            data_converter=pydantic_data_converter,
            dev_server_existing_path=str(TEMPORAL),
            dev_server_log_level="error",
            search_attributes=search_attributes.ALL,
        ) as env:
            runner = UnsandboxedWorkflowRunner()
            async with Worker(
                env.client, task_queue=QUEUE, workflows=[Watched], workflow_runner=runner
            ):
                id_ = pipeline_workflow_id(ID)
                await env.client.start_workflow(Watched.run, id=id_, task_queue=QUEUE)
                target = env.client.service_client.config.target_host
                async with dashboard(Path(folder), target) as (port, process):
                    for number in viewers:
                        costs.append(await measured(port, process, number, seconds))
                        print(costs[-1], flush=True)
    missed = [c for c in costs if c.questions > QUESTIONS_GOAL or c.told_s > TOLD_GOAL_S]
    print("MISSED" if missed else "met: one question a second, told in less than 1.5 s")
    return 1 if missed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, nargs="+", default=[1, 20, 200])
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--apps", type=int, default=500)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(Path(arguments.serve[0]), arguments.serve[1]))
        return 0
    return asyncio.run(bench(arguments.viewers, arguments.seconds, arguments.apps))


if __name__ == "__main__":
    recorded(__file__, main)
