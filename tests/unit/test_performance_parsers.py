"""Recorded output of the performance tools and of the kernel, and what we read from it."""

import json
from pathlib import Path

import pytest

from analyzers.performance.host import (
    HostLoad,
    Snapshot,
    Thresholds,
    between,
    parse_pressure,
    parse_stat,
)
from analyzers.performance.tools.lighthouse import parse_lighthouse
from analyzers.performance.tools.loadtest import parse_loadtest
from analyzers.performance.usage import Sample, UsageLog, parse_docker_stats
from analyzers.runtime.tool import AppFault, ToolFault

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

    assert load == HostLoad(10.0, 0.9, 0.1, 4.0)
    assert load.contention(Thresholds(), late=0.2) == (
        "CPU pressure 90% above 60%",
        "steal 10% above 5%",
        "requests sent late 20% above 5%",
    )


def test_a_kernel_without_pressure_figures_is_not_calm_by_that() -> None:
    load = between(Snapshot(0.0, None, 0, 0, 1.0), Snapshot(1.0, None, 50, 100, 1.0))

    assert load.pressure is None
    assert load.contention(Thresholds()) == ("steal 50% above 5%",)
