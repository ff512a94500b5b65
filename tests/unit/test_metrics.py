"""What a worker shows: each metric is in docs/metrics.md, and a fault of watching harms nothing."""

import asyncio
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from temporalio import activity, workflow
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.runtime import Runtime

import clients.measures
import store.measures  # noqa: F401
from activities.measures import (
    CellCounts,
    begin_counting,
    count_orphans,
    count_result,
    note_sweep,
    timing_report,
)
from clients.host_measures import CheckTimes, StartTimes
from clients.measures import ARTIFACT_SECONDS, BUILD_SECONDS
from clients.monitoring.endpoint import Endpoint
from clients.monitoring.exposition import Build, Exposition
from clients.monitoring.figures import apps_of, breakers_of, build_of, disks_of, slots_of, watch_of
from clients.monitoring.loop import LoopFigure
from clients.monitoring.samples import Samples
from clients.monitoring.sdk import SdkMetrics, measured_runtime
from clients.monitoring.watching import Watched
from clients.monitoring.work import WorkInProgress
from clients.usage import AppUsage
from contract.alerting import WatchFacts
from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode, PlatformError
from contract.outcome import SubtaskOutcome, ToolSummary
from contract.progress import BreakerProgress, PipelinePhase, PipelineProgress
from contract.running import AppCheck, StartOutcome, TeardownReport
from contract.version import ASSAY_VERSION
from telemetry import spans
from tests.support.expositions import families, faults, reference, total
from workflows.breaker import BreakerState, CircuitBreaker
from workflows.measures import breaker_changed, creating_task

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
MEASURED, FAILED = MeasurementState.MEASURED, MeasurementState.INFRA_FAILED


async def in_thread(url: str, accept: str = "") -> tuple[int, str, str]:
    """Status, body and content type, read beside the event loop that answers."""

    def ask() -> tuple[int, str, str]:
        request = urllib.request.Request(url, headers={"Accept": accept})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode(), answer.headers["Content-Type"]
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers["Content-Type"]

    return await asyncio.to_thread(ask)


async def usage() -> list[AppUsage]:
    return [AppUsage("pipeline/p/open%2Fgpt/app3", 5.0, 4096, 1.5, 0.25)]


async def watch() -> WatchFacts:
    minute_ago = datetime.now(UTC) - timedelta(minutes=1)
    return WatchFacts(looked_at=minute_ago, unsent_since={"ops": minute_ago})


class FakeClient:
    """One running pipeline, whose store is down."""

    async def list_workflows(self, *_: object, **__: object) -> AsyncIterator[SimpleNamespace]:
        yield SimpleNamespace(id="pipeline/p")

    def get_workflow_handle(self, _: str) -> "FakeClient":
        return self

    async def query(self, *_: object, **__: object) -> PipelineProgress:
        breakers = (BreakerProgress(name="store", state="open"),)
        return PipelineProgress(pipeline_id="p", phase=PipelinePhase.RUNNING, breakers=breakers)


def outcome() -> SubtaskOutcome:
    tools = tuple(ToolSummary(tool=n, state=s) for n, s in (("a", MEASURED), ("b", FAILED)))
    return SubtaskOutcome(
        subtask_id="p/m/app1/static", analyzer=AnalyzerKind.STATIC, tools=tools, wasted_seconds=0.6
    )


def do_all(monkeypatch: pytest.MonkeyPatch) -> tuple[Runtime, SdkMetrics]:
    """Count and time everything that activities and workflows do, in a runtime of its own."""
    runtime, address = measured_runtime()
    meter = runtime.metric_meter.with_additional_attributes(
        {"namespace": "default", "task_queue": "q", "activity_type": "x"}
    )
    monkeypatch.setattr(activity, "metric_meter", lambda: meter)
    monkeypatch.setattr(activity, "info", lambda: SimpleNamespace(task_queue="assay-host-h1"))
    monkeypatch.setattr(workflow, "metric_meter", lambda: meter)
    monkeypatch.setattr(workflow, "time", time.time)
    counts = CellCounts()
    counts.add(outcome())
    counts.add(outcome())
    count_result(AnalyzerKind.STATIC, twice=False)
    count_orphans(TeardownReport(containers=2, networks=1))
    note_sweep()
    with timing_report(), creating_task():
        pass
    with suppress(WorkflowAlreadyStartedError), creating_task():
        raise WorkflowAlreadyStartedError("id", "AnalyzeApp")
    with suppress(PlatformError), creating_task():
        raise PlatformError(ErrorCode.UNAVAILABLE, "")
    breaker_changed(CircuitBreaker(name="store", threshold=1, state=BreakerState.OPEN))
    return runtime, SdkMetrics(address)


def do_clients() -> None:
    for metric in vars(clients.measures).values():
        if isinstance(metric, Counter | Histogram) and metric._labelnames:
            metric.labels(*("x" for _ in metric._labelnames))
    times = StartTimes("docker")
    times.on_built()(True)
    times.done(StartOutcome(phase="answer"))
    with CheckTimes().of("w") as done:
        done(AppCheck(alive=False, silent=True))


def test_only_what_had_to_be_built_counts_as_a_build():
    def builds() -> float:
        samples = next(iter(BUILD_SECONDS.collect())).samples
        return sum(sample.value for sample in samples if sample.name.endswith("_count"))

    before, freed = builds(), list[str]()
    for anew in (False, True):
        times = StartTimes("docker")
        times.on_built(lambda: freed.append("slot"))(anew)
        times.done(StartOutcome(phase="built"))

    assert builds() - before == 1
    assert freed == ["slot", "slot"]


async def test_every_metric_of_a_worker_is_in_the_reference_and_in_the_scheme(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    work = WorkInProgress()
    work.serve("assay-apps", 2, lambda: 0)
    samples = Samples(
        {
            "apps": apps_of(usage),
            "breakers": breakers_of(FakeClient()),  # type: ignore[arg-type]
            "disks": disks_of({"data": tmp_path, "engine": tmp_path / "not-there"}),
            "slots": slots_of(work),
            "watch": watch_of(watch),
            "build": build_of(true),
        }
    )
    do_clients()
    runtime, sdk = do_all(monkeypatch)  # its exporter ends with it
    exposition = Exposition([Build("worker", ASSAY_VERSION), sdk, LoopFigure(), samples])
    await samples.refresh()

    text = (await asyncio.to_thread(exposition.render, ""))[0].decode()

    assert faults(text, "worker") == []
    assert runtime
    shown = {row for row in reference().values() if "worker" in row.part or row.part == "all"}
    lacking = {row.name for row in shown if not row.name.endswith("*")} - set(names(text))
    assert lacking == set()
    # Of several series that differ in the SDK's own labels alone, one is shown: their sum.
    assert total(text, "assay_cells_total", analyzer="static", state="measured") == 2
    assert total(text, "assay_wasted_seconds_total") == 1  # of twice 0.6 s
    assert total(text, "assay_tasks_refused_total", reason="duplicate") == 1
    assert total(text, "assay_janitor_last_run_timestamp_seconds", host="h1") > 1e9
    assert total(text, "assay_breaker_state", pipeline="p", breaker="store") == 2
    assert 60 <= total(text, "assay_notices_unsent_seconds", receiver="ops") < 90
    assert 0 < time.time() - 60 - total(text, "assay_alerts_last_look_timestamp_seconds") < 30
    app = {"pipeline": "p", "model": "open/gpt", "app": "3"}
    assert total(text, "assay_app_memory_bytes", **app) == 4096
    assert total(text, "assay_disk_size_bytes", of="engine") == 0
    assert total(text, "assay_start_seconds_count", engine="docker", outcome="app_failed") >= 1


def test_what_alerts_are_made_of_is_shown_from_zero_and_the_first_event_is_an_increase(
    monkeypatch: pytest.MonkeyPatch,
):
    runtime, address = measured_runtime()
    begin_counting(runtime.metric_meter)
    sdk = Exposition([SdkMetrics(address)], process=False)
    before = sdk.render("")[0].decode()
    meter = runtime.metric_meter.with_additional_attributes({"namespace": "default"})
    monkeypatch.setattr(activity, "metric_meter", lambda: meter)
    monkeypatch.setattr(workflow, "metric_meter", lambda: meter)
    monkeypatch.setattr(workflow, "time", time.time)
    CellCounts().add(outcome())
    for fault in (PlatformError(ErrorCode.UNAVAILABLE, ""), RuntimeError()):
        with suppress(PlatformError, RuntimeError), creating_task():
            raise fault
    after = sdk.render("")[0].decode()

    shown, then = (_series(text) for text in (before, after))
    assert set(shown.values()) == {0.0}
    assert len([name for name, _ in shown if name == "assay_cells_total"]) == 16
    # No series appears with an event: to a scraper, that would be no increase.
    rose = {key for key, value in then.items() if value}
    assert rose <= shown.keys()
    assert {labels for name, labels in rose if "failures" in name} == {
        frozenset({("reason", "other")}),
        frozenset({("reason", "RuntimeError")}),
    }


def _series(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families(text).values()
        for sample in family.samples
    }


def names(text: str) -> Iterable[str]:
    return (line.split()[2] for line in text.splitlines() if line.startswith("# TYPE"))


async def test_a_source_that_fails_or_hangs_loses_its_own_figures_and_that_is_visible():
    async def good() -> Iterable[Metric]:
        return (GaugeMetricFamily("good", "It works.", value=1),)

    answers: list[object] = [1]

    async def passing() -> Iterable[Metric]:
        if not answers:
            raise OSError("gone")
        return (GaugeMetricFamily("passing", "As long as it is there.", value=answers.pop()),)

    samples = Samples(
        {"good": good, "passing": passing, "hung": lambda: asyncio.sleep(30, ())},  # type: ignore[dict-item]
        every_s=0,
        limit_s=0.1,
    )
    exposition = Exposition([samples], process=False)

    await samples.refresh()
    first = exposition.render("")[0].decode()
    await samples.refresh()
    second = exposition.render("")[0].decode()

    assert total(first, "passing") == 1
    assert "passing " not in second  # no figure, never an old one
    assert total(second, "good") == 1
    ups = {name: total(second, "assay_sampler_up", sampler=name) for name in ("good", "passing")}
    assert ups == {"good": 1, "passing": 0}
    assert total(second, "assay_sampler_failures_total", sampler="passing") == 1
    assert total(second, "assay_sampler_failures_total", sampler="hung") == 2


async def test_scrapes_at_one_moment_wait_for_the_same_answer():
    asked: list[asyncio.Event] = []

    async def take() -> Iterable[Metric]:
        asked.append(asyncio.Event())
        await asked[-1].wait()
        return (GaugeMetricFamily("asked", "How often.", value=len(asked)),)

    samples = Samples({"slow": take})
    one, given_up, other = (asyncio.create_task(samples.refresh()) for _ in range(3))
    await asyncio.sleep(0.01)
    given_up.cancel()
    await asyncio.sleep(0.01)
    assert not other.done(), "an answer of before would be shown as if it were of now"
    asked[0].set()
    await asyncio.gather(one, other)

    text = Exposition([samples], process=False).render("")[0].decode()
    assert total(text, "asked") == len(asked) == 1


async def test_an_app_that_is_gone_leaves_no_series():
    running = [*await usage()]

    async def now() -> list[AppUsage]:
        return running

    samples = Samples({"apps": apps_of(now)}, every_s=0)
    exposition = Exposition([samples], process=False)
    await samples.refresh()
    assert b'app="3"' in exposition.render("")[0]

    running.clear()
    await samples.refresh()

    assert b'app="3"' not in exposition.render("")[0]


async def test_it_lives_before_it_is_ready_and_its_figures_come_in_the_format_that_is_asked_for():
    watched = Watched("127.0.0.1:0")
    url = f"http://127.0.0.1:{watched.open(process_wide=False)}"
    try:
        assert (await in_thread(f"{url}/health"))[0] == 200
        status, body, _ = await in_thread(f"{url}/ready")
        assert (status, json.loads(body)["reasons"]) == (503, {"worker": "starting"})
        probes = {"store": store_is_down, "engine": nothing}
        serving = SimpleNamespace(check_health=true)
        client = SimpleNamespace(service_client=serving)
        workers = [SimpleNamespace(is_running=True)]
        watched.work_begins(client, workers, usage, probes, {})  # type: ignore[arg-type]
        status, body, _ = await in_thread(f"{url}/ready")
        assert (status, json.loads(body)["reasons"]) == (503, {"store": "the store is down"})
        probes["store"] = nothing
        watched.work_begins(client, workers, usage, probes, {})  # type: ignore[arg-type]
        assert (await in_thread(f"{url}/ready"))[0] == 200
        _, text, kind = await in_thread(f"{url}/metrics", OPEN_METRICS)
        assert kind.startswith("application/openmetrics-text")
        assert text.endswith("# EOF\n")
        assert (await in_thread(f"{url}/nothing"))[0] == 404
    finally:
        await watched.close()


async def nothing() -> None:
    return None


async def true() -> bool:
    return True


async def store_is_down() -> None:
    raise PlatformError(ErrorCode.UNAVAILABLE, "the store is down")


async def test_a_loop_that_hangs_is_not_healthy_and_the_exporter_of_the_sdk_may_be_away(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("clients.monitoring.endpoint._LOOP_LIMIT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    exposition = Exposition([SdkMetrics(address)])
    endpoint = Endpoint(exposition, nothing, no_reasons, lambda _: None)
    url = f"http://127.0.0.1:{endpoint.open('127.0.0.1', 0)}"
    try:
        answers: list[int] = []
        asking = threading.Thread(target=lambda: answers.append(status_of(f"{url}/health")))
        asking.start()
        asking.join()  # nothing else of the event loop goes on meanwhile
        _, text, _ = await in_thread(f"{url}/metrics")
    finally:
        await endpoint.close()

    assert answers == [503]
    assert total(text, "assay_sdk_exporter_failures_total") >= 1


def test_a_time_leads_to_the_trace_that_it_belongs_to():
    spans.switch(TracerProvider(shutdown_on_exit=False).get_tracer("t"))
    try:
        with spans.span("of a test"), clients.measures.timed(ARTIFACT_SECONDS, "get"):
            trace_id = spans.trace_ids()["trace_id"]
    finally:
        spans.switch(None)

    text, _ = Exposition([]).render(OPEN_METRICS)

    assert f'# {{trace_id="{trace_id}"}}' in text.decode()
    assert trace_id not in Exposition([]).render("")[0].decode()  # the older format has none


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


async def no_reasons() -> dict[str, str]:
    return {}


async def test_an_sdk_that_cannot_be_measured_costs_its_own_figures(
    monkeypatch: pytest.MonkeyPatch,
):
    def measure() -> str:
        raise RuntimeError("a runtime is there already")

    monkeypatch.setattr("clients.monitoring.watching.measure_sdk", measure)
    watched = Watched("127.0.0.1:0")
    url = f"http://127.0.0.1:{watched.open()}"
    try:
        _, text, _ = await in_thread(f"{url}/metrics")
    finally:
        await watched.close()

    assert total(text, "assay_build_info", part="worker") == 1
    assert total(text, "assay_sdk_exporter_failures_total") >= 1


async def test_a_taken_address_is_one_clear_error():
    with socket.create_server(("127.0.0.1", 0)) as owner:
        address = f"127.0.0.1:{owner.getsockname()[1]}"

        with pytest.raises(PlatformError, match=f"ASSAY_METRICS_ADDRESS {address}") as caught:
            Watched(address).open(process_wide=False)

    assert caught.value.code is ErrorCode.INVALID_ARGUMENT


@pytest.mark.parametrize("address", ["9464", ":9464", "127.0.0.1:", "host:port", "h:70000"])
def test_an_address_that_is_none_is_named(address: str):
    with pytest.raises(PlatformError, match="ASSAY_METRICS_ADDRESS"):
        Watched(address)


def test_programs_say_the_version_of_the_project():
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text()

    assert f'\nversion = "{ASSAY_VERSION}"\n' in project
