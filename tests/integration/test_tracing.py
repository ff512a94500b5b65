"""A pipeline as one trace: command, workflows, activities, analyzer, its tools, and the store.

Worker and analyzer are the real programs, told by OpenTelemetry's own variables.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import psutil
import pytest
import pytest_asyncio
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from temporalio.testing import WorkflowEnvironment

from clients.process.spawning import free_port
from tests.conftest import DYNAMIC_CONFIG, TEMPORAL
from tests.support.collector import Collector, Seen, collector
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
LIVE = """
from tests.support.demo_analyzer import AnalyzerKind, Command, DemoTool, main
async def slow(run, execute):
    await execute(Command(("sleep", "%g")))
main(AnalyzerKind.PERFORMANCE, (DemoTool(behave=slow),))
"""
USED = ("assay_app_uptime_seconds", "assay_app_memory_bytes", "assay_app_cpu_seconds_total")


@dataclass
class Site:
    """A server, and what the programs of one installation are told."""

    data: Path
    address: str
    namespace: str
    engine: str = "process"

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
            "ASSAY_ENGINE": self.engine,
            "ASSAY_LOAD_LOCK": str(self.data / "load.lock"),
            "NO_COLOR": "1",
        }

    @contextmanager
    def up(self, otel: dict[str, str], tool_s: float = 0) -> Generator["Programs"]:
        """Worker and analyzer run inside; what the tool for running apps does takes so long."""
        programs = Programs(self, otel, tool_s)
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
    tool_s: float = 0

    def start(self) -> None:
        urls: dict[str, str] = {}
        self.analyzers: list[subprocess.Popen[bytes]] = []
        for kind, code in (
            ("static", ("-m", "tests.support.demo_analyzer")),
            ("performance", ("-c", LIVE % self.tool_s)),
        ):
            port = free_port()
            urls[kind] = f"ws://127.0.0.1:{port}"
            self.env = self.site.env | self.otel
            given = ("--port", str(port), "--data", str(self.site.data / "a"), "--tools-dir", "/")
            lock = ("--load-lock", str(self.site.data / "load.lock"))
            self.analyzers.append(self._program(kind, *code, *given, *lock))
        self.figures = {"worker": f"http://127.0.0.1:{free_port()}/metrics"}
        self.figures |= {kind: f"http{url[2:]}/metrics" for kind, url in urls.items()}
        address = self.figures["worker"].split("/")[2]
        self.env |= {"ASSAY_ANALYZER_URLS": json.dumps(urls), "ASSAY_METRICS_ADDRESS": address}
        self.work()

    def work(self) -> None:
        """Start the worker, and wait until it works."""
        began = self.log("worker").count(_WORKS)
        self.worker = self._program("worker", "worker.py")
        until(lambda: self.log("worker").count(_WORKS) > began, 60)

    def used(self, pipeline_id: str) -> list[str]:
        """Figures that the worker shows of what the app of a pipeline uses."""
        about = {"pipeline": pipeline_id, "model": "m", "app": "1"}
        shown = {
            sample.name for sample in samples(self.scraped("worker")) if sample.labels == about
        }
        return [name for name in USED if name in shown]

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

    @contextmanager
    def running(self, name: str, root: Path) -> Generator[subprocess.Popen[str]]:
        """A pipeline runs inside; it is waited for at the end."""
        pipe = subprocess.PIPE
        with subprocess.Popen(
            self._submission(name, root),
            cwd=ROOT,
            env=self.env,
            stdout=pipe,
            stderr=pipe,
            text=True,
        ) as program:
            try:
                yield program
                _, said = program.communicate(timeout=90)
                assert program.returncode == 0, said + self.log("worker")
            finally:
                program.kill()

    def submit(self, name: str, root: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._submission(name, root),
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=90,
        )

    def _submission(self, name: str, root: Path) -> tuple[str, ...]:
        spec = self.site.data / f"{name}.yaml"
        spec.write_text(SPEC % root)
        command = ("starter.py", "submit", str(spec), "--id", name, "--wait", "--json")
        return (sys.executable, *command)

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


def write_app(folder: Path, dockerfile: str) -> None:
    folder.mkdir(parents=True)
    (folder / "app.py").write_text(APP)
    (folder / "Dockerfile").write_text(dockerfile)
    (folder / "requirements.txt").write_text("")


@pytest.fixture
def apps(tmp_path: Path) -> Path:
    """An app that no analyzer has seen: a report that is kept would be no run."""
    write_app(tmp_path / "m" / "app1", f"{DOCKERFILE}LABEL of={time.time_ns()}\n")
    return tmp_path


@pytest.fixture
def apps_of_docker(tmp_path: Path) -> Path:
    """Two apps whose images are not there yet, one of which cannot be built."""
    own = f"{DOCKERFILE}LABEL of={time.time_ns()}\n"
    write_app(tmp_path / "m" / "app1", own)
    write_app(tmp_path / "m" / "app2", f"{own}RUN exit 3\n")
    return tmp_path


def until(there: Callable[[], object], limit_s: float) -> None:
    end_s = time.monotonic() + limit_s
    while not there():
        assert time.monotonic() < end_s, "not in time"
        time.sleep(0.1)


def in_trace(got: Collector) -> list[Seen]:
    """The spans of the pipeline's trace."""
    (trace,) = {span.trace for span in got.named("StartWorkflow:Pipeline")}
    return [span for span in got.spans if span.trace == trace]


def lines(got: Collector, name: str) -> list[list[str]]:
    """From the root to each span of that name in the trace of the pipeline."""
    return [got.line(span) for span in in_trace(got) if span.name == name]


def samples(shown: str) -> list[Sample]:
    """Figures, as Prometheus reads them."""
    families = text_string_to_metric_families(shown)
    return [sample for family in families for sample in family.samples]


def exemplars(shown: str, name: str) -> set[str]:
    """Traces that the buckets of a histogram lead to."""
    return {
        sample.exemplar.labels["trace_id"]
        for sample in samples(shown)
        if sample.name == f"{name}_bucket" and sample.exemplar is not None
    }


APP_LINE = (
    *("command submit", "StartWorkflow:Pipeline", "RunWorkflow:Pipeline"),
    *("StartChildWorkflow:AnalyzeApp", "RunWorkflow:AnalyzeApp"),
)


def step(activity: str, *spans: str) -> list[str]:
    """From the root down to a step of an activity of the app."""
    return [*APP_LINE, f"StartActivity:{activity}", f"RunActivity:{activity}", *spans]


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

    run = step("run_analysis")
    for kind in ("static", "performance"):
        analyzer = [*run, "analyzer call", f"run {kind}"]
        assert [*analyzer, "tool demo", "process"] in lines(got, "process")
        assert [*analyzer, "write result"] in lines(got, "write result")
    assert [*run, "analyzer call", "send result"] in lines(got, "send result")
    assert [*run, "artifact put"] in lines(got, "artifact put")
    record = step("record_subtask", "store record_subtask")
    assert record in lines(got, "store record_subtask")
    for activity, steps in (
        ("prepare_app", ["build app"]),
        ("start_app", ["start app", "wait until it answers"]),
        ("check_app", ["check app"]),
        ("teardown_app", ["remove app"]),
    ):
        assert step(activity, *steps) in lines(got, steps[-1])
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
    trace = got.named("StartWorkflow:Pipeline")[0].trace.hex()
    for name, of in (("store", "worker"), ("start", "worker"), ("tool", "static")):
        assert trace in exemplars(figures[of], f"assay_{name}_seconds")
    assert all(secret.encode() not in body for body in got.bodies)


def test_the_trace_goes_on_after_a_worker_was_killed(site: Site, apps: Path):
    with collector() as got:
        otel = {"OTEL_EXPORTER_OTLP_ENDPOINT": got.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        with site.up(otel, tool_s=6) as programs:
            with programs.running("killed", apps):
                runs = 'assay_runs_running{analyzer="performance"} 1.0'
                until(lambda: runs in programs.scraped("performance"), 60)
                until(lambda: len(got.named("StartActivity:run_analysis")) == 2, 10)
                until(lambda: got.named("artifact put"), 10)  # of the static analyzer
                programs.worker.kill()
                programs.worker.wait()
                programs.work()
                until(lambda: programs.used("killed") == list(USED), 20)
            until(lambda: not programs.used("killed"), 15)

    spans = in_trace(got)
    above = {span.span for span in spans}
    assert [span.name for span in spans if not span.parent] == ["command submit"]
    # What had ended below a span that was under way in the killed process, and so was never sent.
    torn = {span.name for span in spans if span.parent and span.parent not in above}
    assert torn <= {"run performance", "check app"}
    assert max(Counter(span.span for span in spans).values()) == 1
    workflows = ("RunWorkflow:Pipeline", "RunWorkflow:AnalyzeApp")
    for once in (*workflows, "RunActivity:prepare_app", "start app"):
        assert len([span for span in spans if span.name == once]) == 1, once
    ran = Counter(span.name for span in spans if span.name in ("run performance", "run static"))
    assert ran == {"run performance": 1, "run static": 1}
    tried = [span for span in spans if span.name == "RunActivity:run_analysis"]
    assert sorted(span.attributes["assay.attempt"] for span in tried) == [1, 2]


def test_what_docker_does_for_an_app_is_in_its_trace(site: Site, apps_of_docker: Path):
    with collector() as got:
        otel = {"OTEL_EXPORTER_OTLP_ENDPOINT": got.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        with replace(site, engine="docker").up(otel, tool_s=3) as programs:
            with programs.running("contained", apps_of_docker):
                until(lambda: got.named("start app"), 60)
                until(lambda: programs.used("contained") == list(USED), 20)
            until(lambda: not programs.used("contained"), 15)

    for steps in (
        step("prepare_app", "build app", "build image"),
        step("start_app", "start app", "wait until it answers", "start container"),
        step("check_app", "check app"),
        step("teardown_app", "remove app"),
    ):
        assert steps in lines(got, steps[-1])
    # The second app's own fault is the outcome of these; nothing else failed.
    assert {span.name for span in in_trace(got) if span.failed} == {"build app", "build image"}


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
