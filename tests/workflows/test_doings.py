"""`status` and `watch` say what an app waits for."""

import asyncio

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from cli.view import progress_line
from contract.analysis import SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.attempt import Beat
from contract.outcome import SubtaskOutcome
from control.doings import doings
from control.pipelines import Pipeline
from tests.workflows.fake_platform import PATIENCE_S, FakePlatform, finished, measured

LOCKED = "performance: 0/1 tools, openloop; waits for another stack's load test (12 s)"
FULL = "dynamic: waits, all 2 places are taken"


@pytest.mark.parametrize(
    ("kind", "message"),
    [(AnalyzerKind.PERFORMANCE, LOCKED), (AnalyzerKind.DYNAMIC, FULL)],
)
async def test_what_a_subtask_waits_for_is_shown(
    client: Client, kind: AnalyzerKind, message: str
) -> None:
    platform = FakePlatform(analyzers=kind.value[0])
    go = asyncio.Event()

    async def waits(request: SubtaskRequest) -> SubtaskOutcome:
        while not go.is_set():
            activity.heartbeat(Beat(message=message))
            await asyncio.sleep(0.02)
        return measured(request)

    platform.runs[kind] = waits
    handle = await platform.start(client)
    await platform.logged("run")
    async with asyncio.timeout(PATIENCE_S):
        while message not in await doings(client, platform.app_id(1)):
            await asyncio.sleep(0.05)

    progress, running = await Pipeline(client, platform.id).snapshot()
    go.set()
    await finished(handle)

    assert running
    assert progress.apps[0].step == message, "the command 'status'"
    assert message in progress_line(progress), "the command 'watch'"


async def test_a_build_that_is_tried_again_says_why(client: Client) -> None:
    platform = FakePlatform(analyzers="d")
    away = [ApplicationError("the Docker daemon does not answer", type="UNAVAILABLE")]

    def fails_once(app):  # type: ignore[no-untyped-def]
        raise away[0]

    platform.starts[1] = fails_once
    handle = await platform.start(client)
    wanted = "start_app: is tried again after: the Docker daemon does not answer"
    await platform.logged("start")
    async with asyncio.timeout(PATIENCE_S):
        while wanted not in await doings(client, platform.app_id(1)):
            await asyncio.sleep(0.02)
    platform.starts.clear()

    await finished(handle)


@pytest.mark.parametrize(
    ("activity_type", "activity_id", "words"),
    [
        ("run_analysis", "analyze-performance", ["performance: waits for a free slot"]),
        ("prepare_app", "2", ["waits for a slot to be built"]),
        ("start_app", "3", ["waits for its host to start it"]),
        ("record_app", "9", []),
    ],
)
async def test_what_waits_in_a_queue_says_so(
    activity_type: str, activity_id: str, words: list[str]
) -> None:
    pending = PendingActivityInfo(
        activity_id=activity_id,
        state=PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED,
        attempt=1,
    )
    pending.activity_type.name = activity_type

    assert await doings(_Server(pending), "w") == words  # type: ignore[arg-type]


class _Server:
    """A client whose server knows one workflow with one pending activity."""

    def __init__(self, pending: PendingActivityInfo) -> None:
        self.raw_description = self
        self.pending_activities = [pending]

    def get_workflow_handle(self, workflow_id: str) -> "_Server":
        return self

    async def describe(self) -> "_Server":
        return self
