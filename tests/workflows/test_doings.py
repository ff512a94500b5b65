"""`status` and `watch` say what each app does; a heartbeat of the pipeline carries it."""

import asyncio
from collections.abc import Callable

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError

from activities.watch import doing_of
from cli.view import progress_line
from contract.analysis import SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.attempt import Beat
from contract.ids import (
    APP_WORKFLOW,
    TASK_QUEUE_CONTROL,
    TASK_QUEUE_WATCH,
    pipeline_workflow_id,
)
from contract.outcome import SubtaskOutcome
from control.doings import doings_of
from control.pipelines import Pipeline
from tests.workflows.fake_platform import (
    PATIENCE_S,
    FakePlatform,
    Run,
    blocks,
    finished,
    measured,
)
from workflows.state import AppRun

LOCKED = "performance: 0/1 tools, openloop; waits for another stack's load test (12 s)"
FULL = "dynamic: waits, all 2 places are taken"


def says(message: str, until: asyncio.Event) -> Run:
    """A measurement whose heartbeats say `message`."""

    async def waits(request: SubtaskRequest) -> SubtaskOutcome:
        while not until.is_set():
            activity.heartbeat(Beat(message=message))
            await asyncio.sleep(0.02)
        return measured(request)

    return waits


async def told(
    client: Client, pipeline_id: str, wanted: Callable[[dict[str, str]], bool]
) -> dict[str, str]:
    """What the description of the pipeline says of its apps, once it is as `wanted`."""
    handle = client.get_workflow_handle(pipeline_workflow_id(pipeline_id))
    async with asyncio.timeout(PATIENCE_S):
        while not wanted(doings := await doings_of(await handle.describe())):
            await asyncio.sleep(0.05)
    return doings


@pytest.mark.parametrize(
    ("kind", "message"),
    [(AnalyzerKind.PERFORMANCE, LOCKED), (AnalyzerKind.DYNAMIC, FULL)],
)
async def test_what_a_subtask_waits_for_is_shown(
    client: Client, kind: AnalyzerKind, message: str
) -> None:
    platform = FakePlatform(analyzers=kind.value[0])
    go = asyncio.Event()
    platform.runs[kind] = says(message, go)
    handle = await platform.start(client)
    await told(client, platform.id, lambda doings: doings == {"m/app1": message})

    progress, running = await Pipeline(client, platform.id).snapshot()
    go.set()
    await finished(handle)

    assert running
    assert progress.apps[0].step == message, "the command 'status'"
    assert message in progress_line(progress), "the command 'watch'"


async def test_each_running_app_is_told_and_none_that_ended_or_waits(client: Client) -> None:
    platform = FakePlatform(apps=4, analyzers="s", parallelism=2)
    first, rest = asyncio.Event(), asyncio.Event()

    async def by_app(request: SubtaskRequest) -> SubtaskOutcome:
        number = request.ref.app_number
        return await says(f"app {number}", first if number == 1 else rest)(request)

    platform.runs[AnalyzerKind.STATIC] = by_app
    handle = await platform.start(client)
    before = await told(client, platform.id, lambda doings: len(doings) == 2)
    first.set()
    after = await told(client, platform.id, lambda d: "m/app3" in d and "m/app1" not in d)
    rest.set()
    await finished(handle)

    assert before == {"m/app1": "app 1", "m/app2": "app 2"}
    assert after == {"m/app2": "app 2", "m/app3": "app 3"}
    assert await doings_of(await handle.describe()) == {}, "it has ended"


@pytest.mark.parametrize("cause", [None, ValueError("x" * 8_000)], ids=["small", "too large"])
async def test_a_build_that_is_tried_again_says_why(
    client: Client, cause: Exception | None
) -> None:
    platform = FakePlatform(analyzers="d")
    away = ApplicationError("the Docker daemon does not answer", type="UNAVAILABLE")

    def fails(app):  # type: ignore[no-untyped-def]
        raise away from cause

    platform.starts[1] = fails
    handle = await platform.start(client)
    wanted = "start_app: is tried again after: the Docker daemon does not answer"
    await told(client, platform.id, lambda doings: doings.get("m/app1") == wanted)
    platform.starts.clear()

    await finished(handle)


async def test_an_app_that_runs_already_says_so(client: Client) -> None:
    platform = FakePlatform(analyzers="s")
    go = asyncio.Event()
    platform.runs[AnalyzerKind.STATIC] = blocks(go)
    app = platform.plan.app_spec(platform.plan.apps[0])
    await client.start_workflow(
        APP_WORKFLOW, AppRun(app=app), id=app.workflow_id, task_queue=TASK_QUEUE_CONTROL
    )

    handle = await platform.start(client)
    words = "waits for its run that is already under way"
    await told(client, platform.id, lambda doings: doings == {"m/app1": words})
    go.set()

    await finished(handle)


async def test_the_watch_ends_with_its_pipeline_and_holds_nothing_up(client: Client) -> None:
    platform = FakePlatform(analyzers="s")
    handle = await platform.start(client)
    await finished(handle)

    history = await handle.fetch_history()
    scheduled = [
        event.activity_task_scheduled_event_attributes.task_queue.name
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert scheduled.count(TASK_QUEUE_WATCH) == 1


def pending(activity_type: str, activity_id: str) -> PendingActivityInfo:
    info = PendingActivityInfo(
        activity_id=activity_id,
        state=PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED,
        attempt=1,
    )
    info.activity_type.name = activity_type
    return info


@pytest.mark.parametrize(
    ("activity_type", "activity_id", "words"),
    [
        ("run_analysis", "analyze-performance", "performance: waits for a free slot"),
        ("prepare_app", "2", "waits for a slot to be built"),
        ("start_app", "3", "waits for its host to start it"),
        ("record_app", "9", ""),
    ],
)
async def test_what_waits_in_a_queue_says_so(
    activity_type: str, activity_id: str, words: str
) -> None:
    response = DescribeWorkflowExecutionResponse()
    response.pending_activities.append(pending(activity_type, activity_id))
    description = await WorkflowExecutionDescription._from_raw_description(
        response, namespace="default", converter=pydantic_data_converter
    )

    assert await doing_of(description) == words
