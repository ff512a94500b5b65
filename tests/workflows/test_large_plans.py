"""Plans of many pages: they come whole or not at all, and no payload grows with the fleet."""

import asyncio

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowUpdateFailedError

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.errors import PlatformError
from contract.plan import PAGE_APPS, PlanPage, pages_of
from contract.progress import PipelinePhase, PipelineProgress
from control import starting
from control.pipelines import Pipeline, submit
from control.starting import start_again, start_pipeline
from tests.workflows.fake_platform import FakePlatform, blocks, fails, finished, planned, until
from workflows import search_attributes
from workflows.fleet import LINES_MAX
from workflows.state import PipelineRun

MEASURED = MeasurementState.MEASURED
INFRA_FAILED = MeasurementState.INFRA_FAILED
STATIC = AnalyzerKind.STATIC
PAYLOAD_LIMIT = 2 * 1024 * 1024


def paused(apps: int) -> FakePlatform:
    """A fleet whose pipeline starts no app."""
    platform = FakePlatform(apps=apps, analyzers="s")
    platform.down[STATIC] = "connection refused"
    return platform


async def test_ten_thousand_apps_are_taken_and_no_payload_grows_with_them(client: Client) -> None:
    platform = paused(apps=10_000)

    assert await submit(client, platform.plan)
    pipeline = Pipeline(client, platform.id)
    progress = await until(pipeline._handle, lambda p: p.phase is PipelinePhase.WAITING)

    assert (progress.total, progress.finished) == (10_000, 0)
    assert platform.store.planned == list(platform.plan.apps), "in order, each once"
    assert len(progress.model_dump_json()) < PAYLOAD_LIMIT / 10
    assert not await submit(client, platform.plan), "joined, by the digest in its memo"
    await pipeline.cancel()
    result = await finished(pipeline._handle)

    assert result.counts == {INFRA_FAILED: 10_000}
    assert len(platform.apps) == 10_000, "each is named in the record"
    history = await pipeline._handle.fetch_history()
    largest = max(event.ByteSize() for event in history.events)
    assert largest < PAYLOAD_LIMIT / 8


async def test_a_submitter_that_dies_leaves_a_pipeline_that_says_what_it_waits_for(
    client: Client,
) -> None:
    platform = FakePlatform(apps=2 * PAGE_APPS + 1, analyzers="s")
    platform.down[STATIC] = "connection refused"
    handle = await client.start_workflow(
        "Pipeline",
        PipelineRun.of(platform.plan),
        id=f"pipeline/{platform.id}",
        task_queue="assay-control",
        memo={"plan": platform.plan.digest},
    )

    progress = await until(handle, lambda p: bool(p.message))
    assert progress.phase is PipelinePhase.REGISTERING
    words = "waits for 2 of 3 pages of its plan: submit it again"
    assert progress.message == words
    attributes = (await handle.describe()).typed_search_attributes
    assert attributes.get(search_attributes.STATE) == "registering"
    details = (await handle.query("__temporal_workflow_metadata")).current_details
    assert words in details
    assert platform.count("run") == 0

    await submit(client, platform.plan)
    await until(handle, lambda p: p.phase is PipelinePhase.WAITING)
    assert len(platform.store.planned) == 2 * PAGE_APPS + 1
    await handle.signal("cancel")
    await finished(Pipeline(client, platform.id)._handle)


async def test_a_cancel_ends_a_pipeline_whose_plan_never_came_whole(client: Client) -> None:
    platform = FakePlatform(apps=PAGE_APPS + 1, analyzers="s")
    handle = await start_again(client, PipelineRun.of(platform.plan))
    await until(handle, lambda p: bool(p.message))

    await handle.signal("cancel")
    result = await finished(handle)

    assert (result.phase, result.counts) == (PipelinePhase.CANCELLED, {INFRA_FAILED: PAGE_APPS})
    assert result.message == "1 apps of its plan never came: it was not submitted whole"
    assert platform.log[-1] == "report"


async def test_many_who_submit_one_large_plan_at_once_are_one_pipeline(client: Client) -> None:
    platform = paused(apps=3 * PAGE_APPS)

    begun = await asyncio.gather(*(submit(client, platform.plan) for _ in range(8)))

    assert begun.count(True) == 1
    handle = Pipeline(client, platform.id)._handle
    await until(handle, lambda p: p.phase is PipelinePhase.WAITING)
    assert platform.store.planned == list(platform.plan.apps)
    assert platform.count("register") == 3, "each page once"
    await handle.signal("cancel")
    await finished(handle)


async def test_a_page_of_another_plan_and_an_addition_to_half_a_plan_are_refused(
    client: Client,
) -> None:
    platform, other = (FakePlatform(apps=PAGE_APPS + n, analyzers="s") for n in (1, 2))
    foreign = PlanPage(first=PAGE_APPS, apps=(planned("x", 1),))
    handle = await start_again(client, PipelineRun.of(platform.plan))
    await until(handle, lambda p: bool(p.message))

    with pytest.raises(WorkflowUpdateFailedError) as strange:
        await handle.execute_update("add_page", foreign)
    with pytest.raises(WorkflowUpdateFailedError) as early:
        await handle.execute_update("add_apps", [planned("n", 7)])
    with pytest.raises(PlatformError, match="with a different spec or different sources"):
        await start_pipeline(client, other.plan.model_copy(update={"pipeline_id": platform.id}))

    assert "no page of the plan" in str(strange.value.cause)
    assert "has not come whole" in str(early.value.cause)
    await handle.signal("cancel")
    await finished(handle)


async def test_a_page_that_the_store_refuses_fails_the_pipeline_and_tells_who_sent_it(
    client: Client,
) -> None:
    platform = FakePlatform(apps=PAGE_APPS + 1, analyzers="s")
    handle = await start_again(client, PipelineRun.of(platform.plan))
    await until(handle, lambda p: bool(p.message))
    platform.refuses_plan = True

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("add_page", pages_of(platform.plan)[1])

    assert "another plan" in str(refused.value.cause)
    async with asyncio.timeout(30):
        while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
            await asyncio.sleep(0.05)
    assert platform.count("run") == 0


async def test_a_snapshot_of_a_large_fleet_shows_what_runs_first(client: Client) -> None:
    platform = FakePlatform(apps=PAGE_APPS + 200, analyzers="s", parallelism=4)
    go = asyncio.Event()
    platform.runs[STATIC] = blocks(go)
    await submit(client, platform.plan)
    await platform.logged("run", 4)

    progress: PipelineProgress = await Pipeline(client, platform.id).progress()

    assert (progress.total, progress.in_flight) == (PAGE_APPS + 200, 4)
    assert len(progress.apps) <= LINES_MAX
    assert [app.step for app in progress.apps[:5]] == ["analysing"] * 4 + ["waiting"]
    await Pipeline(client, platform.id).cancel()
    await finished(Pipeline(client, platform.id)._handle)


async def test_a_large_plan_that_no_worker_takes_is_a_clear_error(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "_PAGE_S", 0.3)
    monkeypatch.setattr(starting, "TASK_QUEUE_CONTROL", "nobody-serves-this")
    platform = FakePlatform(apps=PAGE_APPS + 1, analyzers="s")

    with pytest.raises(PlatformError, match="no worker takes the plan") as away:
        await submit(client, platform.plan)

    assert away.value.retryable
    assert await Pipeline(client, platform.id).is_running(), "submitted again, it goes on"
    await Pipeline(client, platform.id)._handle.terminate()


async def test_apps_that_are_added_while_others_are_read_run_each_once(client: Client) -> None:
    platform = FakePlatform(apps=1, analyzers="s")
    platform.runs[STATIC] = fails("PERMISSION_DENIED")
    handle = await platform.start(client)
    go = platform.reads = asyncio.Event()
    go.set()
    await finished(handle)
    platform.runs.clear()
    go.clear()

    again = await start_again(client, PipelineRun.again(platform.reopening("m/app1"), ["m/app1"]))
    await platform.logged("read")
    await again.execute_update("add_apps", [planned("n", 7)])
    go.set()

    assert (await finished(again)).counts == {MEASURED: 2}
    assert platform.count("run n/app7") == 1
