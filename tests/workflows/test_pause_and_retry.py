"""A pause reaches what waits in a queue; a named retry leaves nothing of an app standing."""

import asyncio

import pytest
from temporalio.client import Client

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.ids import pipeline_workflow_id
from contract.progress import PipelinePhase, PipelineResult
from contract.running import AppCheck
from control.retrying import reopen
from tests.workflows.fake_platform import FakePlatform, blocks, fails, finished, measured, until
from workflows import policies

MEASURED = MeasurementState.MEASURED
APP_FAILED = MeasurementState.APP_FAILED
INFRA_FAILED = MeasurementState.INFRA_FAILED
STATIC, DYNAMIC = AnalyzerKind.STATIC, AnalyzerKind.DYNAMIC


async def test_pause_holds_what_waits_for_a_slot_and_resume_costs_no_attempt(
    client: Client,
) -> None:
    platform = FakePlatform(apps=2, analyzers="sd")
    platform.queue = asyncio.Event()

    handle = await platform.start(client)
    await platform.logged("queue", 4)
    await handle.signal("pause")
    await until(handle, lambda progress: progress.phase is PipelinePhase.PAUSED)
    for number in (1, 2):
        child = client.get_workflow_handle(platform.app_id(number))
        while not (await (await child.describe()).memo()).get("paused"):
            await asyncio.sleep(0.02)
    platform.queue.set()
    await platform.logged("held", 4)
    await asyncio.sleep(0.3)
    assert platform.count("start") == platform.count("run") == 0, "neither a build nor a tool"
    assert platform.now["static"] == 0, "no slot is held either"
    await handle.signal("resume")
    result = await finished(handle)

    assert result.counts == {MEASURED: 2}
    assert platform.count("start") == 2
    assert platform.count("run") == 4
    outcomes = platform.subtasks.values()
    assert {(outcome.attempts, outcome.retry_causes) for outcome in outcomes} == {(1, ())}
    assert platform.states[-1][1]["retries"] == 0


async def test_a_pause_of_any_length_uses_up_no_start_and_no_round(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = FakePlatform(analyzers="d")
    platform.queue = asyncio.Event()

    handle = await platform.start(client)
    child = client.get_workflow_handle(platform.app_id(1))
    for times in range(1, policies.MAX_STARTS + 2):
        await platform.logged("queue build", times)
        await child.signal("pause")
        while not (await (await child.describe()).memo()).get("paused"):
            await asyncio.sleep(0.01)
        platform.queue.set()
        await platform.logged("held", times)
        platform.queue.clear()
        await child.signal("resume")
    platform.queue.set()

    assert (await finished(handle)).counts == {MEASURED: 1}
    assert (platform.count("build"), platform.count("start")) == (1, 1)


async def test_a_cancel_of_what_is_held_ends_it(client: Client) -> None:
    platform = FakePlatform(analyzers="sd")
    platform.queue = asyncio.Event()

    handle = await platform.start(client)
    await platform.logged("queue", 2)
    await client.get_workflow_handle(platform.app_id(1)).signal("pause")
    while not (await _memo(client, platform)).get("paused"):
        await asyncio.sleep(0.01)
    platform.queue.set()
    await platform.logged("held", 2)
    await handle.signal("cancel")

    assert (await finished(handle)).phase is PipelinePhase.CANCELLED
    assert platform.cells(1) == {"static": INFRA_FAILED, "dynamic": INFRA_FAILED}
    assert platform.count("run") == 0


async def _memo(client: Client, platform: FakePlatform) -> dict[str, object]:
    described = await client.get_workflow_handle(platform.app_id(1)).describe()
    return dict(await described.memo())


def wrongly_blamed(platform: FakePlatform) -> None:
    """Static lacks a measurement; the app is said to have died under the scan, which is wrong."""
    dead = AppCheck(alive=False, reason="app exited with 1")
    platform.alive[1] = [AppCheck(alive=True), dead]
    platform.runs[STATIC] = fails("PERMISSION_DENIED")


async def test_a_named_app_runs_as_a_whole_whatever_else_it_lacks(client: Client) -> None:
    platform = FakePlatform(apps=2, analyzers="sd", parallelism=2)
    wrongly_blamed(platform)
    go = asyncio.Event()
    hold = blocks(go)

    async def scan(request):  # type: ignore[no-untyped-def]
        return await hold(request) if request.ref.app_number == 2 else measured(request)

    platform.runs[DYNAMIC] = scan
    handle = await platform.start(client)
    await until(handle, lambda progress: progress.counts == {APP_FAILED: 1})
    platform.runs.pop(STATIC)
    again = await handle.execute_update("retry_failed", ["m/app1"], result_type=list[str])
    go.set()
    result = await finished(handle)

    assert again == ["m/app1"]
    assert result.counts[MEASURED] >= 1
    assert platform.cells(1) == {"static": MEASURED, "dynamic": MEASURED}, "the verdict is cured"
    assert platform.apps["m/app1"].state is MEASURED
    assert platform.count("run m/app1/static") == platform.count("run m/app1/dynamic") == 2


async def test_without_names_only_what_the_platform_failed_runs_again(client: Client) -> None:
    platform = FakePlatform(apps=1, analyzers="sd")
    wrongly_blamed(platform)
    await platform.run(client)
    platform.runs.clear()

    await reopen(client, platform.reopening(), [])
    await finished(followed(client, platform))

    assert platform.cells(1) == {"static": MEASURED, "dynamic": APP_FAILED}
    assert platform.count("run m/app1/dynamic") == 1
    told = [state for state, _ in platform.states]
    assert told == ["completed", "running", "completed"], "while it runs, it has not ended"


async def test_a_named_app_of_an_ended_pipeline_runs_as_a_whole(client: Client) -> None:
    platform = FakePlatform(apps=1, analyzers="sd")
    wrongly_blamed(platform)
    await platform.run(client)
    platform.runs.clear()

    await reopen(client, platform.reopening("m/app1"), ["m/app1"])
    result = await finished(followed(client, platform))

    assert result.counts == {MEASURED: 1}
    assert platform.cells(1) == {"static": MEASURED, "dynamic": MEASURED}
    assert platform.count("run m/app1/dynamic") == 2
    assert [state for state, _ in platform.states] == ["completed", "running", "completed"]


async def test_what_was_named_is_still_whole_after_the_pipeline_continued_as_new(
    client: Client,
) -> None:
    platform = FakePlatform(apps=14, analyzers="sd", parallelism=2)
    platform.goes_on(
        cursor=14, again=tuple(range(14)), whole=(13,), repeated=2, counts={APP_FAILED: 2}
    )
    for number in (13, 14):
        platform.has_recorded(number, APP_FAILED, static=INFRA_FAILED, dynamic=APP_FAILED)

    await platform.run(client)

    assert platform.states[-1][1]["continued_as_new"] >= 1
    assert platform.count("run m/app14/dynamic") == 1
    assert platform.count("run m/app13/dynamic") == 0, "this one was not named"
    assert platform.count("run m/app13/static") == platform.count("run m/app14/static") == 1


def followed(client: Client, platform: FakePlatform):
    """The handle that a command would follow."""
    id_ = pipeline_workflow_id(platform.id)
    return client.get_workflow_handle(id_, result_type=PipelineResult)
