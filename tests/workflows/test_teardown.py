"""An app is removed exactly once, after the last live subtask, whatever ends its workflow."""

import asyncio
import uuid
from datetime import timedelta

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError

from contract.analysis import MeasurementState, SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.ids import TASK_QUEUE_CONTROL
from contract.outcome import AppFacts, AppOutcome, SubtaskOutcome
from contract.running import AppCheck
from tests.support.facts import log
from tests.workflows.fake_platform import (
    FakePlatform,
    Run,
    blocks,
    ends_cancelled,
    fails,
    gone,
    has_measured,
    measured,
    running,
)
from workflows import policies
from workflows.state import AppRun


async def analyze(client: Client, platform: FakePlatform) -> WorkflowHandle[object, AppOutcome]:
    """Start one app's workflow without a pipeline."""
    app = platform.plan.app_spec(platform.plan.apps[0])
    return await client.start_workflow(
        "AnalyzeApp",
        AppRun(app=app),
        id=app.workflow_id,
        task_queue=TASK_QUEUE_CONTROL,
        result_type=AppOutcome,
    )


async def test_teardown_waits_for_every_live_subtask(client: Client) -> None:
    platform = FakePlatform(analyzers="sdp")
    go = asyncio.Event()
    platform.runs[AnalyzerKind.DYNAMIC] = blocks(go)
    platform.unrecordable = {AnalyzerKind.STATIC}

    handle = await analyze(client, platform)
    await platform.logged("run m/app1/dynamic")
    await platform.logged("record m/app1/static")
    await asyncio.sleep(0.5)
    assert platform.count("teardown") == 0, "static failed, but the scan still runs"
    go.set()
    with pytest.raises(WorkflowFailureError):
        await handle.result()

    assert platform.log.index("teardown m/app1") > platform.log.index("end m/app1/dynamic")
    assert platform.count("teardown") == 1


async def test_what_a_measured_app_wrote_is_in_its_outcome(client: Client) -> None:
    platform = FakePlatform(analyzers="d")
    platform.left = AppFacts(logs=(log("app-web.log"),), notes=("a note",))

    await (await analyze(client, platform)).result()

    facts = platform.apps["m/app1"].facts
    assert (facts.logs, facts.notes) == ((log("app-web.log"),), ("a note",))


async def test_a_failed_load_test_keeps_the_app_up_for_the_scan(client: Client) -> None:
    platform = FakePlatform(analyzers="dp")
    platform.runs[AnalyzerKind.PERFORMANCE] = fails("INTERNAL", "load tool crashed")

    await (await analyze(client, platform)).result()

    assert platform.log.index("end m/app1/performance") < platform.log.index("run m/app1/dynamic")
    assert platform.log[-2:] == ["record m/app1/dynamic", "teardown m/app1"]
    assert platform.count("start") == 1


async def test_offline_work_starts_beside_the_app_and_does_not_hold_it_up(client: Client) -> None:
    platform = FakePlatform(analyzers="sd")
    go = asyncio.Event()
    platform.runs[AnalyzerKind.STATIC] = blocks(go)

    handle = await analyze(client, platform)
    await platform.logged("teardown m/app1")
    assert platform.count("end m/app1/static") == 0, "the app is gone, static still runs"
    go.set()

    assert (await handle.result()).state is MeasurementState.MEASURED


async def test_cancel_ends_the_running_scan_first_and_tears_down_after(client: Client) -> None:
    platform = FakePlatform(analyzers="dp")
    platform.runs[AnalyzerKind.PERFORMANCE] = blocks(asyncio.Event())

    handle = await analyze(client, platform)
    await platform.logged("run m/app1/performance")
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()

    assert isinstance(failure.value.cause, CancelledError)
    assert platform.log.index("end m/app1/performance") < platform.log.index("teardown m/app1")
    assert platform.count("run m/app1/dynamic") == 0
    assert platform.cells(1) == dict.fromkeys(
        ("performance", "dynamic"), MeasurementState.INFRA_FAILED
    )
    assert "cancelled" in platform.apps["m/app1"].reason


@pytest.mark.parametrize("end", [fails("UNAVAILABLE"), gone(AppCheck(alive=False)), has_measured])
async def test_what_swallows_a_cancellation_begins_nothing_more(client: Client, end: Run) -> None:
    """A worker that dies while it cancels leaves a time-out, and no word of the cancellation."""
    platform = FakePlatform(analyzers="sdp")
    platform.runs[AnalyzerKind.STATIC] = ends_cancelled(fails("UNAVAILABLE"))
    platform.runs[AnalyzerKind.PERFORMANCE] = ends_cancelled(end)

    handle = await analyze(client, platform)
    await platform.logged("run m/app1/static")
    await platform.logged("run m/app1/performance")
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()

    assert isinstance(failure.value.cause, CancelledError)
    assert platform.count("start m/app1") == 1
    assert platform.count("run m/app1/static") == platform.count("run m/app1/performance") == 1
    assert platform.count("run m/app1/dynamic") == 0
    assert platform.log[-1] == "teardown m/app1"
    assert "cancelled" in platform.apps["m/app1"].reason


async def test_signal_and_cancel_in_one_workflow_task_still_tear_down(client: Client) -> None:
    platform = FakePlatform(analyzers="d")
    platform.runs[AnalyzerKind.DYNAMIC] = blocks(asyncio.Event())

    handle = await analyze(client, platform)
    await platform.logged("run m/app1/dynamic")
    await asyncio.gather(handle.signal("pause"), handle.cancel(), handle.signal("resume"))
    with pytest.raises(WorkflowFailureError):
        await handle.result()

    assert platform.log[-1] == "teardown m/app1"


async def test_after_a_termination_the_guard_tears_down(client: Client) -> None:
    platform = FakePlatform(analyzers="d")
    go = asyncio.Event()
    platform.runs[AnalyzerKind.DYNAMIC] = blocks(go)

    handle = await analyze(client, platform)
    await platform.logged("run m/app1/dynamic")
    await handle.terminate("by a person")
    await platform.logged("teardown m/app1")
    go.set()

    guard = client.get_workflow_handle(f"{platform.app_id(1)}/guard", result_type=list[str])
    assert await guard.result() == ["h1: removed 1 containers, 0 networks"]


async def test_a_new_run_waits_until_the_old_runs_guard_has_finished(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "GUARD_RETRY", timedelta(milliseconds=100))
    platform = FakePlatform(analyzers="d")
    guard_id = f"{platform.app_id(1)}/guard"
    old = await client.start_workflow(
        "Guard", platform.app_id(1), id=guard_id, task_queue=TASK_QUEUE_CONTROL
    )

    handle = await analyze(client, platform)
    await asyncio.sleep(0.5)
    assert platform.count("start") == 0
    await old.signal("release")

    assert (await handle.result()).state is MeasurementState.MEASURED


async def test_load_and_scan_of_one_app_never_overlap(client: Client) -> None:
    platform = FakePlatform(apps=4, analyzers="dp", parallelism=4)

    async def slow(request: SubtaskRequest) -> SubtaskOutcome:
        await asyncio.sleep(0.05)
        return measured(request)

    platform.runs = {AnalyzerKind.DYNAMIC: slow, AnalyzerKind.PERFORMANCE: slow}

    await platform.run(client)

    assert [platform.peak[f"live m/app{n}"] for n in (1, 2, 3, 4)] == [1, 1, 1, 1]


async def test_a_lost_host_costs_a_restart_elsewhere_and_no_finished_subtask(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(policies.CHECK_APP, "schedule_to_start_timeout", timedelta(seconds=0.5))
    monkeypatch.setattr(policies, "HOST_WATCH", timedelta(seconds=0.3))
    platform = FakePlatform(analyzers="sd")
    ghost = f"ghost-{uuid.uuid4().hex[:6]}"
    hosts = [ghost]
    platform.starts[1] = lambda app: running(app, hosts.pop() if hosts else "h1")

    outcome = await (await analyze(client, platform)).result()

    assert outcome.state is MeasurementState.MEASURED
    assert outcome.facts.restarts == 1
    assert platform.count("start") == 2
    assert platform.count("run m/app1/static") == 1
    assert platform.count("run m/app1/dynamic") == 1
