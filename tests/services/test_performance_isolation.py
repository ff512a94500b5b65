"""One load test per host, calibrated, and what a busy host does to it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from analyzers.performance import isolation
from analyzers.performance.host import HostLoad
from analyzers.performance.lock import host_lock
from analyzers.performance.site import Site
from analyzers.performance.usage import watch_usage
from analyzers.runtime.tool import (
    ToolFault,
)
from contract.analysis import Target
from tests.support.load_run import (
    calibrated,
    calibration,
    figures,
    measure,
    quiet_host,
    run_of,
)
from tests.support.load_server import LoadServer, serving


@pytest.fixture(autouse=True)
def _quiet_host(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet_host(monkeypatch)


async def test_two_runs_at_once_keep_their_own_numbers(tmp_path: Path) -> None:
    slow, quick = LoadServer(routes={"/": (200, 0.45)}), LoadServer()
    async with serving(slow), serving(quick):
        runs = [run_of(tmp_path, one.url) for one in (slow, quick)]
        first, second = await asyncio.gather(
            *(measure(run, Site(lock_file=run.workspace / "lock")) for run in runs)
        )

    assert figures(second)["latency_p50"] < 450 <= figures(first)["latency_p50"]


async def test_one_load_test_per_host_at_a_time(tmp_path: Path) -> None:
    server = LoadServer()
    async with serving(server), host_lock(tmp_path / "lock", 1):
        with pytest.raises(ToolFault, match="another load test held"):
            await measure(run_of(tmp_path, server.url, lock_wait_s=0.2))

    assert server.hits["/"] == 1  # the survey's own request


async def test_calibration_says_what_this_host_can_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(HostLoad, "contention", lambda *_: ())
    async with serving(LoadServer()) as server:
        parsed = await measure(run_of(tmp_path, server.url))  # a single rate is calibrated too

    assert figures(parsed, "calibration")["calibration_throughput"] > 40


async def test_rates_that_calibration_did_not_hold_are_not_blamed_on_the_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibrated(monkeypatch, calibration(20, 40))
    async with serving(LoadServer()) as server:
        parsed = await measure(run_of(tmp_path, server.url, rates="20,40,80", step_s=0.2))

    assert figures(parsed)["arrival_rate"] == 40
    assert figures(parsed)["censored"] == 1
    assert any(note.startswith("rates above 40/s are more than") for note in parsed.notes)


async def test_a_host_that_does_not_hold_the_lowest_rate_is_contended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibrated(monkeypatch, calibration(40, broke="p95 900 ms above 500 ms"))
    monkeypatch.setattr(isolation, "wait_until_calm", _answer(False))
    async with serving(LoadServer()) as server:
        parsed = await measure(run_of(tmp_path, server.url))

    assert figures(parsed)["contended"] == 1
    assert parsed.fresh_for == timedelta(0)


async def test_a_calm_repetition_takes_the_place_of_a_contended_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy_then_calm = iter([("steal 40% above 5%",), ()])
    monkeypatch.setattr(HostLoad, "contention", lambda *_: next(busy_then_calm))
    monkeypatch.setattr(isolation, "wait_until_calm", _answer(True))
    server = LoadServer()
    async with serving(server):
        parsed = await measure(run_of(tmp_path, server.url))

    assert server.hits["/"] > 24
    assert figures(parsed)["contended"] == 0
    assert parsed.fresh_for is None
    assert any(note.startswith("first test under contention") for note in parsed.notes)


async def test_a_contended_test_is_repeated_and_flagged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HostLoad, "contention", lambda *_: ("steal 40% above 5%",))
    monkeypatch.setattr(isolation, "wait_until_calm", _answer(True))
    async with serving(LoadServer()) as server:
        parsed = await measure(run_of(tmp_path, server.url, step_s=0.3))

    assert server.hits["/"] > 24  # twice twelve requests, and the survey
    assert figures(parsed)["contended"] == 1
    assert parsed.fresh_for == timedelta(0)
    assert "measured under contention: GET /: steal 40% above 5%" in parsed.notes


async def test_a_host_that_does_not_become_calm_is_flagged_and_not_loaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HostLoad, "contention", lambda *_: ("steal 40% above 5%",))
    monkeypatch.setattr(isolation, "wait_until_calm", _answer(False))
    async with serving(LoadServer()) as server:
        parsed = await measure(run_of(tmp_path, server.url, step_s=0.3))

    assert server.hits["/"] < 24
    assert any("not repeated, because the host was not calm" in note for note in parsed.notes)


def _answer(calm: bool) -> Callable[..., Awaitable[bool]]:
    async def wait_until_calm(*_: object) -> bool:
        return calm

    return wait_until_calm


async def test_no_time_left_means_flagged_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HostLoad, "contention", lambda *_: ("steal 40% above 5%",))
    async with serving(LoadServer()) as server:
        run = run_of(tmp_path, server.url)
        hurried = replace(run, request=run.request.model_copy(update={"deadline_s": 0.5}))
        parsed = await measure(hurried)

    assert figures(parsed)["requests"] == 12
    assert server.hits["/"] < 24
    assert "measured under contention, no time to repeat: GET /: steal 40% above 5%" in parsed.notes


async def test_a_spec_cannot_choose_the_lock_of_the_host(tmp_path: Path) -> None:
    with pytest.raises(ToolFault, match="performance options: lock_file"):
        await measure(run_of(tmp_path, "http://127.0.0.1:9", lock_file=str(tmp_path / "other")))


@pytest.mark.parametrize("scheme", ["unix", "tcp"])
async def test_usage_is_asked_of_the_engine_that_runs_the_apps(tmp_path: Path, scheme: str) -> None:
    stats = (Path(__file__).parents[1] / "fixtures/docker_stats/cgroup1.json").read_text()

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(text=stats)

    engine = web.Application()
    engine.router.add_get("/containers/c1/stats", answer)
    runner = web.AppRunner(engine)
    await runner.setup()
    socket = tmp_path / "engine.sock"
    await (web.UnixSite(runner, str(socket)) if scheme == "unix" else
           web.TCPSite(runner, "127.0.0.1", 0)).start()  # fmt: skip
    place = str(socket) if scheme == "unix" else f"127.0.0.1:{runner.addresses[0][1]}"
    target = Target(service="app", base_url="http://app", container_id="c1")
    async with watch_usage((target,), f"{scheme}://{place}") as log:
        while not log.samples and not log.failed:
            await asyncio.sleep(0.01)
    await runner.cleanup()

    assert log.samples["app"][0].memory_bytes == 39591936 - 61440
