"""How soon an app continues after its worker was killed.

    python bench/bench_resume.py [--rounds 4] [--apps 8] [--json]

The Temporal server is real (tuned as in the local stack), and the worker is a process of its own
with the real queues, activities, policies and store. Apps and analyzers are stand-ins that take
some time. Each round runs a fleet with all its apps in flight, kills the worker with SIGKILL at a
different moment, and lets the next worker begin at once. That worker has loaded its modules before:
how long Python takes to load them depends on the machine's load, not on the code measured here.

The figure for each app in flight is the time from the kill until its next activity runs, according
to its history. It includes the connections of a worker (`ready_s`), the time until the server
considers the dead worker's activities lost (heartbeats), and its workflow tasks (sticky queue).
"""

import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from bench.recording import recorded
from cli.stack.supervision import DYNAMIC_CONFIG
from clients.artifacts import FileArtifactStore
from contract.analysis import SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.health import AnalyzerHealth, ToolHealth
from contract.ids import app_workflow_id
from contract.protocol import Progress
from contract.running import RunningApp, RunningService, StartOutcome
from contract.spec import AppSpec
from control.starting import start_pipeline
from queues import Ports, at_work, workers_of
from settings import Settings
from store.migrate import upgrade
from store.results import SqlResultStore
from tests.activities.fakes import FakeGateway, FakeRuntime, Result, report
from tests.workflows.fake_platform import make_plan
from workflows import search_attributes

GOAL_S = 4.0
_TEMPORAL = Path(sys.executable).parent / "temporal"
_LOADED, _READY = "loaded", "ready"


class SlowGateway(FakeGateway):
    """Analyzers whose runs take some seconds, and take them again after the death of a worker."""

    async def health(self, analyzer: AnalyzerKind) -> AnalyzerHealth:
        """Up."""
        return AnalyzerHealth(
            analyzer=analyzer, ok=True, tools=(ToolHealth(name="bandit", ok=True),)
        )

    async def analyze(
        self,
        request: SubtaskRequest,
        on_progress: Callable[[Progress], None],
        on_end: Callable[[], None],
    ) -> Result:
        """One report after a while."""
        running = ("bandit",)
        on_progress(Progress(subtask_id=request.subtask_id, done=0, total=1, running=running))
        await asyncio.sleep(_while(request.subtask_id))
        return await super().analyze(request, lambda _progress: None, on_end)


class SlowRuntime(FakeRuntime):
    """A runtime whose apps start after some seconds."""

    host = "resume"

    async def start(
        self,
        app: AppSpec,
        run_id: str,
        on_progress: Callable[[str], None],
        on_built: Callable[[], None],
    ) -> StartOutcome:
        """An app that runs."""
        await asyncio.sleep(_while(app.workflow_id) / 2)
        service = RunningService(service="app", container_id="c", host_port=1)
        running = RunningApp(
            workflow_id=app.workflow_id, host=self.host, engine="docker", services=(service,)
        )
        return StartOutcome(app=running, host=self.host)


class NoReports:
    """Keeps nothing."""

    async def write(self, pipeline_id: str, files: Mapping[str, bytes]) -> Mapping[str, str]:
        """Paths of no file."""
        return dict.fromkeys(files, "/none")


def _while(name: str) -> float:
    """Between half a second and three; the same name gives the same time."""
    return random.Random(name).uniform(0.5, 3.0)


def _settings(data: Path) -> Settings:
    return Settings(
        data=data,
        host="resume",
        engine="process",
        app_slots=16,
        static_slots=16,
        dynamic_slots=16,
    )


async def work(address: str, data: Path) -> None:
    """Run the worker from the signal to begin until it is killed."""
    print(_LOADED, flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    settings = _settings(data)
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    artifacts = FileArtifactStore(data / "artifacts")
    folder = Path(tempfile.mkdtemp(dir=data))
    ports = Ports(
        gateway=SlowGateway(folder, report()),
        runtime=SlowRuntime(),
        artifacts=artifacts,
        results=SqlResultStore.from_url(settings.database_url),
        reports=NoReports(),
    )
    async with at_work(workers_of(settings, client, ports)):
        print(_READY, flush=True)
        await asyncio.Event().wait()


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


async def _load_worker(address: str, data: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, __file__, "--worker", address, str(data)]
    worker = await asyncio.to_thread(_start, command)
    await _said(worker, _LOADED)
    return worker


async def _begin(worker: subprocess.Popen[bytes]) -> None:
    assert worker.stdin
    worker.stdin.write(b"\n")
    worker.stdin.flush()
    await _said(worker, _READY)


async def _said(worker: subprocess.Popen[bytes], word: str) -> None:
    assert worker.stdout
    line = await asyncio.to_thread(worker.stdout.readline)
    if line.strip() != word.encode():
        raise SystemExit("the worker did not start")


async def one_round(client: Client, data: Path, number: int, apps: int) -> dict[str, Any]:
    """Kill the worker once under a fleet; the seconds until each app in flight continued."""
    address = client.service_client.config.target_host
    worker = await _load_worker(address, data)
    successor = await _load_worker(address, data)
    await _begin(worker)
    id_ = f"round{number}"
    plan = make_plan(id_, apps, "sd", parallelism=apps, cache=False)
    handle = await start_pipeline(client, plan)
    try:
        await asyncio.sleep(random.Random(number).uniform(1.5, 4.5))
        os.kill(worker.pid, signal.SIGKILL)
        killed_at = time.time()
        await _begin(successor)
        ready_s = time.time() - killed_at
        await asyncio.wait_for(handle.result(), 120)
    finally:
        for process in (worker, successor):
            process.kill()
            process.wait()
    waits = [
        wait
        for n in range(1, apps + 1)
        if (wait := await _wait(client, app_workflow_id(id_, "m", n), killed_at)) is not None
    ]
    return {"ready_s": round(ready_s, 2), "waits_s": [round(one, 2) for one in sorted(waits)]}


async def _wait(client: Client, workflow_id: str, killed_at: float) -> float | None:
    """Seconds from the kill to the next activity; None: the app was not in flight."""
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    times = [event.event_time.ToMicroseconds() / 1e6 for event in history.events]
    if not times[0] < killed_at < times[-1]:
        return None
    started = EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
    later = [
        at
        for event, at in zip(history.events, times, strict=True)
        if event.event_type == started and at > killed_at
    ]
    return min(later) - killed_at if later else None


async def bench(rounds: int, apps: int) -> dict[str, Any]:
    """All rounds on one server."""
    flags = [part for flag in DYNAMIC_CONFIG for part in ("--dynamic-config-value", flag)]
    with tempfile.TemporaryDirectory(prefix="assay-resume-") as folder:
        data = Path(folder)
        await upgrade(_settings(data).database_url)
        async with await WorkflowEnvironment.start_local(
            dev_server_existing_path=str(_TEMPORAL),
            dev_server_log_level="error",
            search_attributes=search_attributes.ALL,
            dev_server_extra_args=flags,
            data_converter=pydantic_data_converter,
        ) as env:
            rows = [await one_round(env.client, data, number, apps) for number in range(rounds)]
    waits = sorted(wait for row in rows for wait in row["waits_s"])
    return {
        "rounds": rows,
        "apps": len(waits),
        "median_s": round(statistics.median(waits), 2),
        "worst_s": waits[-1],
        "load": os.getloadavg()[0],
    }


def table(result: dict[str, Any]) -> str:
    """The figures for people."""
    lines = [f"{'round':<7}{'ready after':>12}   next activity after"]
    lines += [
        f"{number:<7}{row['ready_s']:>10.1f} s   " + " ".join(f"{w:.1f}" for w in row["waits_s"])
        for number, row in enumerate(result["rounds"])
    ]
    median, worst = result["median_s"], result["worst_s"]
    return "\n".join([*lines, f"median {median} s, worst {worst} s of {result['apps']} apps"])


def main() -> None:
    """Print the table, then the same as JSON. Exits 1 above the goal."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--apps", type=int, default=8)
    parser.add_argument("--json", action="store_true", help="JSON alone")
    parser.add_argument("--worker", nargs=2, metavar=("ADDRESS", "DATA"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        asyncio.run(work(options.worker[0], Path(options.worker[1])))
        return
    result = asyncio.run(bench(options.rounds, options.apps))
    if not options.json:
        print(table(result))
    print(json.dumps(result, indent=1))
    sys.exit(0 if result["median_s"] <= GOAL_S else 1)


if __name__ == "__main__":
    recorded(__file__, main)
