"""The load generator against servers whose right answer is known, over real sockets."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from analyzers.performance import probe
from analyzers.performance.host import HostLoad
from analyzers.performance.tools import openloop
from analyzers.performance.tools.lighthouse import Lighthouse
from analyzers.performance.tools.loadtest import LoadTest
from analyzers.performance.tools.openloop import OpenLoop
from analyzers.runtime.runner import Runner
from analyzers.runtime.tool import AppFault, NotApplicable, Parsed, SourceTree, ToolFault, ToolRun
from contract.analysis import SubtaskRequest, Target
from contract.spec import AnalyzerKind, AppRef, Endpoint, SourceRef, TemplateSpec
from tests.support.load_server import LoadServer, serving

SHORT = {"rates": "40", "step_s": 0.3, "warmup_s": 0, "timeout_s": 2}


def run_of(tmp_path: Path, url: str, template: TemplateSpec | None = None, **options) -> ToolRun:
    folder = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
    workspace, source = folder / "workspace", folder / "source"
    workspace.mkdir(parents=True)
    source.mkdir()
    request = SubtaskRequest(
        subtask_id="p/m/app1/performance",
        analyzer=AnalyzerKind.PERFORMANCE,
        ref=AppRef(model="m", app_number=1),
        source=SourceRef(path=str(source), digest="d"),
        targets=(Target(service="app", base_url=url),),
        template=template,
        options={"lock_file": str(tmp_path / "lock"), "calm_wait_s": 0, **SHORT, **options},
    )
    return ToolRun(request, SourceTree(source, ()), workspace, tmp_path)


async def measure(run: ToolRun) -> Parsed:
    return await OpenLoop().run(run, Runner(run.workspace))


def figures(parsed: Parsed, target: str = "GET /") -> dict[str, float]:
    return {one.name: one.value for one in parsed.metrics if one.target == target}


@pytest.fixture(autouse=True)
def calm_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HostLoad, "contention", lambda *_: ())


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


async def test_two_runs_at_once_keep_their_own_numbers(tmp_path: Path) -> None:
    slow, quick = LoadServer(routes={"/": (200, 0.3)}), LoadServer()
    async with serving(slow), serving(quick):
        runs = [run_of(tmp_path, one.url, lock_file=str(tmp_path / one.url[-5:])) for one in
                (slow, quick)]  # fmt: skip
        first, second = await asyncio.gather(*(measure(run) for run in runs))

    assert figures(first)["latency_p50"] >= 300
    assert figures(second)["latency_p50"] < 200


async def test_one_load_test_per_host_at_a_time(tmp_path: Path) -> None:
    server = LoadServer()
    async with serving(server), openloop.host_lock(tmp_path / "lock", 1):
        with pytest.raises(ToolFault, match="another load test held"):
            await measure(run_of(tmp_path, server.url, lock_wait_s=0.2))

    assert server.hits["/"] == 1  # the survey's own request


async def test_only_operations_that_answer_2xx_are_loaded(tmp_path: Path) -> None:
    template = TemplateSpec(
        slug="t",
        endpoints=tuple(
            Endpoint(method="GET", path=path) for path in ("/notes", "/secret", "/gone", "/moved")
        ),
    )
    routes = {"/": (200, 0.0), "/notes": (200, 0.0), "/secret": (401, 0.0), "/moved": (302, 0.0)}
    server = LoadServer(routes=routes)
    async with serving(server):
        parsed = await measure(run_of(tmp_path, server.url, template))

    assert parsed.coverage.items == ("GET /", "GET /notes")
    reasons = {one.what: one.reason for one in parsed.coverage.skipped}
    assert reasons == {"GET /secret": "401", "GET /gone": "404", "GET /moved": "302"}
    assert server.hits["/secret"] == 1
    assert not figures(parsed, "GET /secret")


async def test_an_app_of_errors_is_a_fault_of_the_app(tmp_path: Path) -> None:
    async with serving(LoadServer(routes={"/": (500, 0.0)})) as server:
        with pytest.raises(AppFault, match=r"every endpoint answered non-2xx: GET / 500"):
            await measure(run_of(tmp_path, server.url))


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
        with pytest.raises(AppFault, match=r"GET / after 0\.\d s and \d+ requests"):
            await measure(run_of(tmp_path, server.url, rates="40", step_s=0.8))

    assert server.hits["/"] <= 21


async def test_an_endless_answer_is_bounded_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b".")
            await asyncio.sleep(0.05)

    monkeypatch.setattr(probe, "_WHOLE_S", 0.3)
    server = LoadServer()
    server.answer = drip  # type: ignore[method-assign]
    async with serving(server):
        with pytest.raises(AppFault, match="GET / no end of the answer"):
            await measure(run_of(tmp_path, server.url))


async def test_lighthouse_is_for_pages(tmp_path: Path) -> None:
    async with serving(LoadServer(content_type="application/json")) as server:
        run = run_of(tmp_path, server.url)
        with pytest.raises(NotApplicable, match="no service serves HTML"):
            await Lighthouse().run(run, Runner(run.workspace))

        server.routes["/"] = (500, 0.0)
        front = run.request.targets[0].model_copy(update={"role": "frontend"})
        request = run.request.model_copy(update={"targets": (front,)})
        with pytest.raises(AppFault, match="the front end app answered GET / 500"):
            await Lighthouse().run(replace(run, request=request), Runner(run.workspace))


async def test_a_generator_that_is_not_installed_names_the_next_step(tmp_path: Path) -> None:
    run = run_of(tmp_path, "http://127.0.0.1:9")
    with pytest.raises(ToolFault, match=r"run analyzers/install\.sh performance"):
        await LoadTest().version(run, Runner(run.workspace))


async def test_an_unreachable_target_is_no_fault_of_the_app(tmp_path: Path) -> None:
    async with serving(LoadServer()) as server:
        url = server.url
    with pytest.raises(ToolFault, match="cannot reach the app"):
        await measure(run_of(tmp_path, url))


async def test_calibration_says_what_this_host_can_do(tmp_path: Path) -> None:
    async with serving(LoadServer()) as server:
        parsed = await measure(run_of(tmp_path, server.url, rates="20,60", step_s=0.2))

    calibration = figures(parsed, "calibration")
    assert calibration["calibration_throughput"] > 0
    assert calibration["calibration_p95"] > 0
    assert figures(parsed)["arrival_rate"] == 60


async def test_a_contended_test_is_repeated_and_flagged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HostLoad, "contention", lambda *_: ("steal 40% above 5%",))
    monkeypatch.setattr(openloop, "wait_until_calm", _answer(True))
    async with serving(LoadServer()) as server:
        parsed = await measure(run_of(tmp_path, server.url, step_s=0.3))

    assert server.hits["/"] > 24  # twice twelve requests, and the survey
    assert "measured under contention: steal 40% above 5%" in parsed.notes


async def test_a_host_that_does_not_become_calm_is_flagged_and_not_loaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HostLoad, "contention", lambda *_: ("steal 40% above 5%",))
    monkeypatch.setattr(openloop, "wait_until_calm", _answer(False))
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
    assert "under contention, no time to repeat: steal 40% above 5%" in parsed.notes


async def test_usage_of_a_process_tree_is_measured(tmp_path: Path) -> None:
    ticks = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    async with serving(LoadServer()) as server:
        run = run_of(tmp_path, server.url, step_s=1)
        ourselves = run.request.targets[0].model_copy(
            update={"container_id": f"pid:{os.getpid()}:{ticks}"}
        )
        parsed = await measure(
            replace(run, request=run.request.model_copy(update={"targets": (ourselves,)}))
        )

    assert figures(parsed, "app")["app_memory_max"] > 1_000_000
    assert figures(parsed, "app")["app_cpu"] > 0


@pytest.mark.parametrize("option", [{"rates": "50,20"}, {"rates": "fast"}, {"ratez": "20"}])
async def test_a_bad_option_is_named(tmp_path: Path, option: dict[str, str]) -> None:
    with pytest.raises(ToolFault, match="performance options: rate"):
        await measure(run_of(tmp_path, "http://127.0.0.1:9", **option))
