"""Recorded output of the performance tools and of the kernel, and what we read from it."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from analyzers.performance import usage
from analyzers.performance.canary import prove
from analyzers.performance.host import (
    HostLoad,
    Snapshot,
    Thresholds,
    between,
    parse_pressure,
    parse_stat,
    snapshot,
)
from analyzers.performance.tools.lighthouse import parse_lighthouse
from analyzers.performance.tools.loadtest import deviations, parse_loadtest
from analyzers.performance.usage import Sample, UsageLog, parse_docker_stats
from analyzers.runtime.tool import AppFault, ToolFault
from contract.analysis import Target

FIXTURES = Path(__file__).parents[1] / "fixtures"


def figures(metrics) -> dict[str, float]:
    return {one.name: one.value for one in metrics}


def test_loadtest_summary() -> None:
    seen = figures(parse_loadtest((FIXTURES / "loadtest/ok.txt").read_text(), "GET /"))

    assert seen == {
        "requests": 150,
        "throughput": 50,
        "error_ratio": 0,
        "latency_mean": 2.9,
        "latency_p50": 2,
        "latency_p90": 6,
        "latency_p95": 9,
        "latency_p99": 18,
        "latency_max": 29,
    }


def test_loadtest_counts_404_as_errors() -> None:
    seen = figures(parse_loadtest((FIXTURES / "loadtest/not_found.txt").read_text(), "GET /none"))

    assert seen["error_ratio"] == 1


def test_a_cut_loadtest_summary_is_no_measurement() -> None:
    text = (FIXTURES / "loadtest/ok.txt").read_text()
    with pytest.raises(ToolFault, match="summary"):
        parse_loadtest(text[: text.index("Percentage")], "GET /")


def test_lighthouse_scores_and_figures() -> None:
    raw = (FIXTURES / "lighthouse/page.json").read_bytes()
    seen = figures(parse_lighthouse(raw, "GET /"))

    assert seen["lighthouse_best_practices"] == 86
    assert seen["largest_contentful_paint"] == 750.3161
    assert seen["page_weight"] == 766


def test_a_page_that_does_not_load_is_a_fault_of_the_app() -> None:
    with pytest.raises(AppFault, match="Status code: 404"):
        parse_lighthouse((FIXTURES / "lighthouse/not_found.json").read_bytes(), "GET /")


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"categories": {}, "audits": {}}'])
def test_a_lighthouse_report_without_figures_is_a_fault_of_the_tool(raw: bytes) -> None:
    with pytest.raises(ToolFault):
        parse_lighthouse(raw, "GET /")


def test_a_browser_that_broke_is_no_fault_of_the_app() -> None:
    report = json.loads((FIXTURES / "lighthouse/not_found.json").read_bytes())
    report["runtimeError"] = {"code": "PROTOCOL_TIMEOUT", "message": "browser did not answer"}
    with pytest.raises(ToolFault, match="PROTOCOL_TIMEOUT"):
        parse_lighthouse(json.dumps(report).encode(), "GET /")


def test_docker_statistics() -> None:
    stats = json.loads((FIXTURES / "docker_stats/cgroup1.json").read_bytes())

    assert parse_docker_stats(stats) == (pytest.approx(3.512212126), 39591936 - 61440)


def test_usage_is_left_out_where_it_is_unknown() -> None:
    log = UsageLog(samples={"app": [Sample(0.0, 1.0, 10)]}, missing={"db": "gone"})
    assert log.metrics() == ()

    log.samples["app"].append(Sample(2.0, 2.0, 30))
    assert figures(log.metrics()) == {"app_cpu": 50.0, "app_memory_max": 30.0}


def test_kernel_counters() -> None:
    pressure = "some avg10=3.41 avg60=2.29 avg300=0.95 total=11333349\nfull avg10=0.00 total=0\n"

    assert parse_pressure(pressure) == 11333349
    assert parse_stat("cpu  4974 0 3155 167528 379 0 67 21 7 7\ncpu0 1\n") == (21, 176124)


def test_contention_names_what_was_too_high() -> None:
    load = between(Snapshot(0.0, 0, 0, 0, 1.0), Snapshot(10.0, 9_000_000, 100, 1000, 4.0))

    assert (load.elapsed_s, load.pressure, load.steal, load.load_1min) == (10.0, 0.9, 0.1, 4.0)
    assert load.contention(Thresholds(), late=0.2) == (
        "CPU pressure 90% above 60%",
        "steal 10% above 5%",
        "requests sent late 20% above 5%",
    )


def test_a_kernel_without_pressure_figures_is_judged_by_load_per_core() -> None:
    load = HostLoad(1.0, None, 0.5, load_1min=7.0, cores=2)

    assert load.contention(Thresholds()) == ("load 3.5 per core above 1.5", "steal 50% above 5%")
    assert load.notes()
    assert "host_cpu_pressure" not in figures(load.metrics())
    assert not HostLoad(1.0, None, 0.0, load_1min=1.0, cores=2).contention(Thresholds())


def test_a_rise_of_the_kernels_pressure_is_read_from_its_files(tmp_path: Path) -> None:
    def kernel(total_us: int) -> Snapshot:
        (tmp_path / "pressure").mkdir(exist_ok=True)
        (tmp_path / "pressure/cpu").write_text(
            f"some avg10=70.00 avg60=60.68 avg300=42.35 total={total_us}\n"
            "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
        )
        (tmp_path / "stat").write_text("cpu  4974 0 3155 167528 379 0 67 21 7 7\ncpu0 1\n")
        (tmp_path / "loadavg").write_text("9.29 4.95 2.56 7/381 11016\n")
        return snapshot(tmp_path)

    before, after = kernel(292_624_301), kernel(301_624_301)
    load = between(replace(before, at_s=0.0), replace(after, at_s=10.0))

    assert load.pressure == pytest.approx(0.9)
    assert load.load_1min == 9.29
    assert load.contention(Thresholds()) == ("CPU pressure 90% above 60%",)


def test_a_restarted_container_does_not_give_back_processor_time() -> None:
    samples = [Sample(0.0, 9.0, 10), Sample(1.0, 10.0, 10), Sample(2.0, 0.5, 10)]

    assert figures(UsageLog(samples={"app": samples}).metrics())["app_cpu"] == 75.0


async def test_a_sample_that_fails_is_counted_and_the_next_one_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([(1.0, 10), ProcessLookupError("gone"), (2.0, 10)])
    taken = asyncio.Event()

    def usage_of(_container_id: str) -> tuple[float, int]:
        answer = next(answers, None)
        if answer is None:
            taken.set()
            return (3.0, 10)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(usage, "process_usage", usage_of)
    monkeypatch.setattr(usage, "_INTERVAL_S", 0.0)
    target = Target(service="app", base_url="http://app", container_id="pid:1:1")
    async with usage.watch_usage((target,), "tcp://127.0.0.1:9") as log:
        await taken.wait()

    assert len(log.samples["app"]) >= 2
    assert log.failed["app"] == 1
    assert "app: CPU and memory lack 1 of" in log.notes()[0]


def test_generators_that_see_another_app_are_named() -> None:
    ours = {"throughput": 40.0, "latency_p50": 2.0, "latency_p95": 90.0}
    theirs = {"throughput": 40.0, "latency_p50": 4.9, "latency_p95": 30.0}

    assert deviations(ours, theirs) == "latency_p95 90 by loadtest, 30 by openloop"
    assert deviations(ours, {**theirs, "latency_p95": 46.0}) == ""


RIGHT = {"error_ratio": 0.0, "latency_p50": 80.2, "latency_p95": 401.0, "latency_max": 402.0}


def test_a_generator_of_right_percentiles_passes_its_canary() -> None:
    assert prove(RIGHT) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"latency_p50": 8.0},  # divided by the concurrency
        {"latency_p50": 401.0},  # the maximum under another name
        {"latency_p95": 120.0},  # the mean
        {"latency_p95": 401_000.0},  # microseconds
        {"error_ratio": 0.1},
    ],
)
def test_a_generator_of_wrong_percentiles_misses_its_canary(wrong: dict[str, float]) -> None:
    with pytest.raises(ToolFault, match=f"canary: {next(iter(wrong))} measured as"):
        prove(RIGHT | wrong)
