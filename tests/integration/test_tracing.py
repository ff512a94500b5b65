"""A pipeline as one trace: command, workflows, activities, analyzer, its tools, and the store.

Worker and analyzer are the real programs, told by OpenTelemetry's own variables.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from clients.process.spawning import free_port
from tests.conftest import DYNAMIC_CONFIG, TEMPORAL
from tests.support.collector import Collector, collector
from workflows import search_attributes

ROOT = Path(__file__).parents[2]
_WORKS = " works"
SPEC = "apps: {root: %s, trusted: true}\nanalyzers: [static, performance]\nparallelism: 2\n"
APP = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
DOCKERFILE = """
FROM python:3.11-slim
COPY app.py .
ENV PORT=8000
EXPOSE 8000
CMD ["python", "app.py"]
"""
LIVE = (
    "from tests.support.demo_analyzer import AnalyzerKind, DemoTool, main;"
    "main(AnalyzerKind.PERFORMANCE, (DemoTool(),))"
)


@dataclass
class Site:
    """A server, and what the programs of one installation are told."""

    data: Path
    address: str
    namespace: str

    @property
    def env(self) -> dict[str, str]:
        given = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("TEMPORAL_", "ASSAY_", "OTEL_"))
        }
        return given | {
            "TEMPORAL_ADDRESS": self.address,
            "TEMPORAL_NAMESPACE": self.namespace,
            "ASSAY_DATA": str(self.data),
            "ASSAY_ENGINE": "process",
            "ASSAY_LOAD_LOCK": str(self.data / "load.lock"),
            "NO_COLOR": "1",
        }

    @contextmanager
    def up(self, otel: dict[str, str]) -> Iterator["Programs"]:
        """Worker and analyzer run inside."""
        programs = Programs(self, otel)
        try:
            programs.start()
            yield programs
        finally:
            programs.stop()


@dataclass
class Programs:
    """What runs at a site."""

    site: Site
    otel: dict[str, str]

    def start(self) -> None:
        urls: dict[str, str] = {}
        self.analyzers: list[subprocess.Popen[bytes]] = []
        for kind, code in (
            ("static", ("-m", "tests.support.demo_analyzer")),
            ("performance", ("-c", LIVE)),
        ):
            port = free_port()
            urls[kind] = f"ws://127.0.0.1:{port}"
            self.env = self.site.env | self.otel
            given = ("--port", str(port), "--data", str(self.site.data / "a"), "--tools-dir", "/")
            lock = ("--load-lock", str(self.site.data / "load.lock"))
            self.analyzers.append(self._program(kind, *code, *given, *lock))
        self.figures = {"worker": f"http://127.0.0.1:{free_port()}/metrics"}
        self.figures["static"] = f"http{urls['static'].removeprefix('ws')}/metrics"
        address = self.figures["worker"].split("/")[2]
        self.env |= {"ASSAY_ANALYZER_URLS": json.dumps(urls), "ASSAY_METRICS_ADDRESS": address}
        self.worker = self._program("worker", "worker.py")
        self._until_it_works()

    def _until_it_works(self) -> None:
        began = self.log("worker").count(_WORKS)
        end_s = time.monotonic() + 60
        while self.log("worker").count(_WORKS) == began and time.monotonic() < end_s:
            time.sleep(0.05)

    def _program(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        (self.site.data / "run").mkdir(exist_ok=True)
        with self._log_of(name).open("ab") as log:
            return subprocess.Popen(
                (sys.executable, *arguments), cwd=ROOT, env=self.env, stdout=log, stderr=log
            )

    def stop(self) -> None:
        """Ask them to end."""
        for program in (self.worker, *self.analyzers):
            program.terminate()
        for program in (self.worker, *self.analyzers):
            program.wait(30)

    def submit(self, name: str, root: Path) -> subprocess.CompletedProcess[str]:
        spec = self.site.data / f"{name}.yaml"
        spec.write_text(SPEC % root)
        command = (
            sys.executable,
            "starter.py",
            "submit",
            str(spec),
            "--id",
            name,
            "--wait",
            "--json",
        )
        return subprocess.run(
            command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=90
        )

    def scraped(self, name: str) -> str:
        """Figures as Prometheus asks for them where it keeps exemplars."""
        accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
        return httpx.get(self.figures[name], headers=accept, timeout=20).text

    def inherited(self) -> list[str]:
        """Variables of OpenTelemetry that programs have which ours started."""
        parents = [psutil.Process(one.pid) for one in (self.worker, *self.analyzers)]
        children = [child for one in parents for child in one.children(recursive=True)]
        assert children
        return [key for child in children for key in child.environ() if key.startswith("OTEL_")]

    def log(self, name: str) -> str:
        path = self._log_of(name)
        return path.read_text() if path.is_file() else ""

    def _log_of(self, name: str) -> Path:
        return self.site.data / "run" / f"{name}.log"

    def lines(self, *arguments: str) -> list[dict[str, str]]:
        """What `logs` tells."""
        command = (sys.executable, "starter.py", "logs", *arguments, "--json")
        done = subprocess.run(command, cwd=ROOT, env=self.site.env, capture_output=True, text=True)
        return json.loads(done.stdout)["lines"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    flags = [part for flag in DYNAMIC_CONFIG for part in ("--dynamic-config-value", flag)]
    async with AsyncExitStack() as stack:
        env = await stack.enter_async_context(
            await WorkflowEnvironment.start_local(
                dev_server_existing_path=str(TEMPORAL),
                search_attributes=search_attributes.ALL,
                dev_server_extra_args=flags,
            )
        )
        target = env.client.service_client.config.target_host
        yield Site(tmp_path_factory.mktemp("traced"), target, env.client.namespace)


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fleet")
    folder = root / "m" / "app1"
    folder.mkdir(parents=True)
    (folder / "app.py").write_text(APP)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "requirements.txt").write_text("")
    return root


def lines(got: Collector, name: str) -> list[list[str]]:
    """From the root to each span of that name in the trace of the pipeline."""
    (trace,) = {span.trace for span in got.named("StartWorkflow:Pipeline")}
    return [got.line(span) for span in got.named(name) if span.trace == trace]


async def test_a_pipeline_is_one_trace(site: Site, apps: Path):
    with collector() as got:
        secret = "s3cr3t-of-the-collector"
        otel = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": got.url,
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer {secret}",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test",
        }
        with site.up(otel) as programs:
            done = await asyncio.to_thread(programs.submit, "traced", apps)
            assert done.returncode == 0, done.stderr + programs.log("worker")
            inherited = programs.inherited()
            said = programs.lines("traced", "m/app1")
            figures = {name: programs.scraped(name) for name in programs.figures}

    app = [
        *("command submit", "StartWorkflow:Pipeline", "RunWorkflow:Pipeline"),
        *("StartChildWorkflow:AnalyzeApp", "RunWorkflow:AnalyzeApp"),
    ]
    run = [*app, "StartActivity:run_analysis", "RunActivity:run_analysis"]
    for kind in ("static", "performance"):
        analyzer = [*run, "analyzer call", f"run {kind}"]
        assert [*analyzer, "tool demo", "process"] in lines(got, "process")
        assert [*analyzer, "write result"] in lines(got, "write result")
    assert [*run, "analyzer call", "send result"] in lines(got, "send result")
    assert [*run, "artifact put"] in lines(got, "artifact put")
    record = [*app, "StartActivity:record_subtask", "RunActivity:record_subtask"]
    assert [*record, "store record_subtask"] in lines(got, "store record_subtask")
    for activity, steps in (
        ("prepare_app", ["build app"]),
        ("start_app", ["start app", "wait until it answers"]),
        ("check_app", ["check app"]),
        ("teardown_app", ["remove app"]),
    ):
        above = [*app, f"StartActivity:{activity}", f"RunActivity:{activity}"]
        assert [*above, *steps] in lines(got, steps[-1])
    (one, other) = got.named("tool demo")
    assert one.attributes["assay.state"] == other.attributes["assay.state"] == "measured"
    assert one.attributes["assay.exit_code"] == 0
    analyzers = {"assay-analyzer-static", "assay-analyzer-performance"}
    assert {s.service for s in got.spans} == {"assay-cli", "assay-worker", *analyzers}
    assert {span.trace for span in got.named("run static")} <= {
        bytes.fromhex(line["trace_id"]) for line in said if line["part"] == "static"
    }
    ended = [line for line in said if line["message"].startswith("run_analysis ended")]
    runs = {span.trace for span in got.named("RunActivity:run_analysis")}
    assert {bytes.fromhex(line["trace_id"]) for line in ended} == runs
    parts = {(line["part"], line["subtask"].rpartition("/")[2]) for line in said}
    assert parts >= {("worker", "static"), ("static", "static"), ("performance", "performance")}
    assert {line["app"] for line in said} == {"m/app1"}
    assert inherited == []
    leads = f'trace_id="{got.named("StartWorkflow:Pipeline")[0].trace.hex()}"'
    for name, of in (("store", "worker"), ("build", "worker"), ("tool", "static")):
        rows = [row for row in figures[of].splitlines() if row.startswith(f"assay_{name}_seconds_")]
        assert any(leads in row for row in rows), rows
    assert all(secret.encode() not in body for body in got.bodies)


async def test_a_collector_that_hangs_costs_a_pipeline_nothing(site: Site, apps: Path):
    with collector("hang") as got:
        otel = {"OTEL_EXPORTER_OTLP_ENDPOINT": got.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        began = len(Programs(site, otel).log("worker"))
        with site.up(otel) as programs:
            done = await asyncio.to_thread(programs.submit, "unheard", apps)
            assert done.returncode == 0, done.stderr
            assert "unheard" in json.dumps(json.loads(done.stdout))
            await asyncio.to_thread(programs.stop)  # within 30 s each, on a loaded machine
        assert got.requests
        said = programs.log("worker")[began:]
    assert said.count("traces do not reach") <= 1
    assert "Traceback" not in said, said


SERVER_GOES = """
import asyncio
from datetime import timedelta
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from clients.core_logs import forward_core_logs
from tests.conftest import TEMPORAL
async def main():
    forward_core_logs()
    env = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(TEMPORAL), dev_server_extra_args=["--headless"]
    )
    client = await Client.connect(env.client.service_client.config.target_host)
    await env.shutdown()
    print("gone", flush=True)
    try:
        await client.get_workflow_handle("w").describe(rpc_timeout=timedelta(seconds=3))
    except Exception:
        pass
asyncio.run(main())
"""


def test_what_the_core_of_the_sdk_warns_of_is_not_on_standard_output():
    """A command's standard output may be a JSON document."""
    command = (sys.executable, "-c", SERVER_GOES)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.rpartition("gone\n")[2] == ""
    assert "retried" in done.stderr
