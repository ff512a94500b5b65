"""The load generator against servers whose right answer is known, over real sockets."""

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from analyzers.performance import aftermath, probe
from analyzers.runtime.tool import AppFault, ToolFault
from contract.attached import USAGE
from contract.template import Endpoint, TemplateSpec
from tests.support.load_run import (
    figures,
    measure,
    quiet_host,
    run_of,
)
from tests.support.load_server import LoadServer, serving


@pytest.fixture(autouse=True)
def _quiet_host(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet_host(monkeypatch)


async def test_a_stall_shows_in_the_tail_and_not_in_the_median(tmp_path: Path) -> None:
    frozen = LoadServer(freeze_s=0.6, freeze_after_requests=80)
    async with serving(frozen):
        parsed = await measure(run_of(tmp_path, frozen.url, rates="100", step_s=2.5, p95_ms=5000))

    seen = figures(parsed)
    assert seen["requests"] == 250
    assert seen["latency_p50"] < 100
    assert seen["latency_p99"] > 400
    assert seen["latency_max"] >= seen["latency_p99"] >= seen["latency_p95"]


async def test_latency_is_not_divided_by_the_concurrency(tmp_path: Path) -> None:
    slow = LoadServer(routes={"/": (200, 0.15)})
    async with serving(slow):
        seen = figures(await measure(run_of(tmp_path, slow.url)))

    assert seen["latency_p50"] >= 150
    assert seen["latency_mean"] >= 150


async def test_waiting_for_the_last_answers_does_not_lower_the_throughput(tmp_path: Path) -> None:
    slow = LoadServer(routes={"/": (200, 0.4)})
    async with serving(slow):
        seen = figures(await measure(run_of(tmp_path, slow.url, rates="50", step_s=1, p95_ms=2000)))

    assert seen["error_ratio"] == 0
    # 15 requests in 0.3 s; counted to the last answer they would be 21 a second.
    assert 30 < seen["throughput_at_objective"] < 55


async def test_no_operation_is_begun_when_the_time_is_over(tmp_path: Path) -> None:
    template = TemplateSpec(slug="t", endpoints=(Endpoint(method="GET", path="/notes"),))
    async with serving(LoadServer(routes={"/": (200, 0.0), "/notes": (200, 0.0)})) as server:
        parsed = await measure(run_of(tmp_path, server.url, template, total_s=0.1))

    assert parsed.coverage.items == ("GET /notes",)
    assert parsed.coverage.skipped[0].what == "GET /"
    assert "0.1 s were over" in parsed.coverage.skipped[0].reason


async def test_errors_under_load_are_errors_whatever_their_speed(tmp_path: Path) -> None:
    server = LoadServer()

    async def turn_bad() -> None:
        while server.hits["/"] < 5:
            await asyncio.sleep(0.01)
        server.routes["/"] = (404, 0.0)

    async with serving(server), asyncio.TaskGroup() as group:
        group.create_task(turn_bad())
        parsed = await measure(run_of(tmp_path, server.url))

    seen = figures(parsed)
    assert seen["error_ratio"] > 0.5
    assert "throughput_at_objective" not in seen
    assert any("did not hold" in note for note in parsed.notes)


async def test_death_under_load_names_the_second_and_the_requests(tmp_path: Path) -> None:
    server = LoadServer(dies_after=20)
    async with serving(server):
        with pytest.raises(AppFault, match=r"GET / after 0\.\d s and \d+ requests") as fault:
            await measure(run_of(tmp_path, server.url, rates="40", step_s=0.8))

    assert fault.value.row == "load-died"
    assert server.hits["/"] <= 21


async def test_usage_of_a_process_tree_is_measured(tmp_path: Path) -> None:
    ticks = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    async with serving(LoadServer()) as server:
        run = run_of(tmp_path, server.url, step_s=1)
        ourselves = run.request.targets[0].model_copy(
            update={"container_id": f"pid:{os.getpid()}:{ticks}"}
        )
        kept: dict[str, bytes] = {}
        request = run.request.model_copy(update={"targets": (ourselves,)})
        parsed = await measure(replace(run, request=request, attach=kept.__setitem__))

    assert figures(parsed, "app")["app_memory_max"] > 1_000_000
    assert figures(parsed, "app")["app_cpu"] > 0
    (series,) = json.loads(kept[USAGE])
    assert max(series["memory_bytes"]) == figures(parsed, "app")["app_memory_max"]
    assert len(series["at_s"]) == len(series["cpu_percent"]) >= 2


@pytest.mark.parametrize("option", [{"rates": "50,20"}, {"rates": "fast"}, {"ratez": "20"}])
async def test_a_bad_option_is_named(tmp_path: Path, option: dict[str, str]) -> None:
    with pytest.raises(ToolFault, match="performance options: rate"):
        await measure(run_of(tmp_path, "http://127.0.0.1:9", **option))


async def test_slow_after_the_load_is_not_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aftermath, "_PATIENCE_S", 0.5)
    monkeypatch.setattr(probe, "TIMEOUT_S", 0.2)
    server = LoadServer(freeze_s=60, freeze_after_requests=20)
    async with serving(server):
        with pytest.raises(ToolFault, match=r"no answer within 0\.5 s after the load") as fault:
            await measure(run_of(tmp_path, server.url, timeout_s=0.3, refine_steps=0))

    assert fault.value.row == "load-silent"
