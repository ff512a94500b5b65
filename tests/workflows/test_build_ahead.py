"""Apps beyond the window are built while others are measured, and no more before their turn."""

import asyncio

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.progress import PipelinePhase
from contract.running import StartOutcome
from contract.spec import AppSpec, BreakerSpec
from tests.workflows.fake_platform import (
    FakePlatform,
    blocks,
    built,
    fails,
    finished,
    until,
)
from tests.workflows.test_pipeline_runs import build_fails
from workflows import policies

MEASURED = MeasurementState.MEASURED
APP_FAILED = MeasurementState.APP_FAILED
DYNAMIC = AnalyzerKind.DYNAMIC


def measuring(apps: int, analyzers: str = "sd") -> tuple[FakePlatform, asyncio.Event]:
    """A fleet with room for one, whose scans last until the event."""
    platform, go = FakePlatform(apps=apps, analyzers=analyzers, parallelism=1), asyncio.Event()
    platform.runs[DYNAMIC] = blocks(go)
    return platform, go


async def test_a_few_are_built_ahead_and_nothing_else_of_them_happens(client: Client) -> None:
    platform, go = measuring(apps=5)

    handle = await platform.start(client)
    await platform.logged("run m/app1/dynamic")
    await platform.logged("build m/app3")
    await asyncio.sleep(0.5)

    assert platform.count("build") == 1 + policies.BUILD_AHEAD
    assert platform.count("start") == 1
    assert {line for line in platform.log if line.startswith("run")} == {
        "run m/app1/static",
        "run m/app1/dynamic",
    }
    progress = await until(handle, lambda _: True)
    assert progress.in_flight == 1, "the window counts what is measured"
    go.set()
    assert (await finished(handle)).counts == {MEASURED: 5}
    assert (platform.count("build"), platform.count("start")) == (5, 5)
    assert platform.count("teardown") == 5
    assert platform.peak["dynamic"] == 1


async def test_a_build_that_fails_ahead_is_the_apps_verdict_when_its_turn_comes(client: Client):
    platform, go = measuring(apps=2)
    platform.prepares[2] = build_fails

    handle = await platform.start(client)
    await platform.logged("build m/app2")
    await platform.logged("run m/app1/dynamic")
    await asyncio.sleep(0.3)
    assert "m/app2" not in platform.apps
    go.set()

    assert (await finished(handle)).counts == {MEASURED: 1, APP_FAILED: 1}
    assert platform.count("build m/app2") == 1
    assert platform.count("start m/app2") == 0
    assert "build failed" in platform.apps["m/app2"].reason
    assert platform.cells(2) == {"static": MEASURED, "dynamic": APP_FAILED}


async def test_what_the_platform_failed_ahead_is_built_when_its_turn_comes(client: Client) -> None:
    platform, go = measuring(apps=2)
    faults = [ApplicationError("no engine", type="FAILED_PRECONDITION", non_retryable=True)]

    def once(app: AppSpec) -> StartOutcome:
        if faults:
            raise faults.pop()
        return built(app)

    platform.prepares[2] = once
    handle = await platform.start(client)
    await platform.logged("build m/app2")
    go.set()

    assert (await finished(handle)).counts == {MEASURED: 2}
    assert platform.count("build m/app2") == 2


async def test_a_build_under_way_when_the_turn_comes_is_not_made_twice(client: Client) -> None:
    platform, go = measuring(apps=2)
    platform.builds[2] = asyncio.Event()

    handle = await platform.start(client)
    await platform.logged("build m/app2")
    go.set()
    await platform.logged("record m/app2/static")
    assert platform.count("start m/app2") == 0
    platform.builds[2].set()

    assert (await finished(handle)).counts == {MEASURED: 2}
    assert platform.count("build m/app2") == 1


async def test_a_pause_holds_what_waits_to_be_built_ahead_and_whose_turn_has_come(client: Client):
    platform, go = measuring(apps=2)

    handle = await platform.start(client)
    await platform.logged("run m/app1/dynamic")
    await platform.logged("build m/app2")
    await handle.signal("pause")
    await until(handle, lambda progress: progress.phase is PipelinePhase.PAUSED)
    go.set()
    await until(handle, lambda progress: progress.finished == 1)
    await asyncio.sleep(0.5)
    assert platform.count("run m/app2") == 0
    assert platform.count("start m/app2") == 0
    await handle.signal("resume")

    assert (await finished(handle)).counts == {MEASURED: 2}


async def test_a_build_ahead_that_a_pause_met_in_its_queue_is_made_when_its_turn_comes(
    client: Client,
) -> None:
    platform = FakePlatform(apps=2, analyzers="d", parallelism=1)
    platform.queue = asyncio.Event()

    handle = await platform.start(client)
    await platform.logged("queue build", 2)
    await handle.signal("pause")
    for number in (1, 2):
        child = client.get_workflow_handle(platform.app_id(number))
        while not (await (await child.describe()).memo()).get("paused"):
            await asyncio.sleep(0.02)
    platform.queue.set()
    await platform.logged("held build", 2)
    assert platform.count("build") == 0
    await handle.signal("resume")

    assert (await finished(handle)).counts == {MEASURED: 2}
    assert platform.count("build m/app2") == 1
    assert platform.states[-1][1]["retries"] == 0


async def test_a_wider_window_lets_what_was_built_ahead_go_at_once(client: Client) -> None:
    platform, go = measuring(apps=2)
    handle = await platform.start(client)
    await platform.logged("run m/app1/dynamic")
    await platform.logged("build m/app2")
    update = await handle.execute_update("set_parallelism", 2, result_type=int)
    await platform.logged("run m/app2/dynamic")
    go.set()

    assert update == 2
    assert (await finished(handle)).counts == {MEASURED: 2}
    assert platform.peak["dynamic"] == 2


async def test_a_cancel_ends_a_build_ahead_and_tears_down_what_it_left(client: Client) -> None:
    platform, _ = measuring(apps=3)
    platform.builds[3] = asyncio.Event()

    handle = await platform.start(client)
    await platform.logged("run m/app1/dynamic")
    await platform.logged("build m/app2")
    await platform.logged("build m/app3")
    await handle.signal("cancel")
    result = await finished(handle)

    assert result.phase is PipelinePhase.CANCELLED
    assert platform.count("teardown m/app2") == 1
    assert platform.count("start") == 1
    assert {key: "cancelled" in app.reason for key, app in platform.apps.items()} == {
        "m/app1": True,
        "m/app2": True,
        "m/app3": True,
    }
    assert platform.log[-1] == "report"


@pytest.mark.parametrize("analyzers", ["s", "sa"])
async def test_what_needs_no_running_app_is_not_built(client: Client, analyzers: str) -> None:
    platform = FakePlatform(apps=3, analyzers=analyzers, parallelism=1)

    assert (await platform.run(client)).counts == {MEASURED: 3}
    assert platform.count("build") == 0


async def test_while_one_app_is_on_trial_no_more_is_built_ahead(client: Client) -> None:
    breaker = BreakerSpec(pipeline_threshold=1, analyzer_threshold=100, probe_interval_s=0.1)
    platform = FakePlatform(apps=5, analyzers="d", parallelism=1, breaker=breaker)
    broken, go = fails("UNAVAILABLE"), asyncio.Event()
    hold = blocks(go)
    platform.runs[DYNAMIC] = lambda r: broken(r) if r.ref.app_number == 1 else hold(r)

    handle = await platform.start(client)
    await platform.logged("run m/app2/dynamic")
    await asyncio.sleep(0.5)
    assert platform.count("build") == 3, "the two that were built ahead before it opened"
    go.set()

    assert (await finished(handle)).counts == {MEASURED: 4, MeasurementState.INFRA_FAILED: 1}


async def test_a_long_pipeline_that_goes_on_as_new_runs_each_app_once(client: Client) -> None:
    platform = FakePlatform(apps=14, analyzers="d", parallelism=2)

    result = await platform.run(client)

    assert result.counts == {MEASURED: 14}
    assert platform.states[-1][1]["continued_as_new"] >= 1
    assert (platform.count("build"), platform.count("start")) == (14, 14)
    assert platform.peak["live m/app1"] == 1
    assert platform.peak["dynamic"] <= 2
