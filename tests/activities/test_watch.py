"""`watch_apps`: what it asks the server, how often, and when it ends."""

import asyncio
import itertools
from collections.abc import Callable

import pytest
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo, PendingChildExecutionInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities import watch
from activities.watch import WatchActivities
from contract.attempt import Beat
from contract.limits import DOING_CHARS
from tests.activities.fakes import environment, given_up

PIPELINE = "pipeline/p"
STARTED = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED


class FakeServer:
    """A client whose server knows one pipeline and its apps.

    `asked`: when each workflow was described. `away`: how often it does not answer. After `rounds`
    descriptions of the pipeline, the pipeline has ended.
    """

    def __init__(self, rounds: int = 1, **apps: str) -> None:
        self.apps = {f"{PIPELINE}/m/{name}": message for name, message in apps.items()}
        self.asked: list[tuple[str, float]] = []
        self.away = 0
        self.unreadable: set[str] = set()
        self._left = rounds

    def get_workflow_handle(self, workflow_id: str, run_id: str | None = None) -> "Handle":
        assert (run_id == "run-1") is (workflow_id == PIPELINE), "its own run of the pipeline"
        return Handle(self, workflow_id)

    def count(self, workflow_id: str) -> int:
        return sum(name == workflow_id for name, _ in self.asked)

    async def describe(self, workflow_id: str) -> WorkflowExecutionDescription:
        self.asked.append((workflow_id, asyncio.get_running_loop().time()))
        if self.away:
            self.away -= 1
            raise RPCError("no server", RPCStatusCode.UNAVAILABLE, b"")
        if workflow_id in self.unreadable:
            raise RPCError("gone", RPCStatusCode.NOT_FOUND, b"")
        response = DescribeWorkflowExecutionResponse()
        info = response.workflow_execution_info
        info.status = WorkflowExecutionStatus.RUNNING
        if workflow_id == PIPELINE:
            if not self._left:
                info.status = WorkflowExecutionStatus.COMPLETED
            self._left -= 1
            children = [(name, "AnalyzeApp") for name in self.apps]
            for name, kind in (*children, (f"{PIPELINE}/other", "Guard")):
                child = PendingChildExecutionInfo(workflow_id=name, workflow_type_name=kind)
                response.pending_children.append(child)
        else:
            response.pending_activities.append(await beating(self.apps[workflow_id]))
        return await WorkflowExecutionDescription._from_raw_description(
            response, namespace="default", converter=pydantic_data_converter
        )


class Handle:
    def __init__(self, server: FakeServer, workflow_id: str) -> None:
        self._server, self._id = server, workflow_id

    async def describe(self, rpc_timeout: object) -> WorkflowExecutionDescription:
        return await self._server.describe(self._id)


async def beating(message: str) -> PendingActivityInfo:
    pending = PendingActivityInfo(activity_id="1", state=STARTED, attempt=1)
    payloads = await pydantic_data_converter.encode([Beat(message=message)])
    pending.heartbeat_details.payloads.extend(payloads)
    return pending


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_PAUSE_S", 0.001)
    monkeypatch.setattr(watch, "_ROUND_S", 0.0)


async def watched(server: FakeServer, beat: Beat | None = None) -> list[dict[str, str]]:
    """What the heartbeats told of the apps, until the pipeline ended."""
    env, beats = environment(client=server, beat=beat)  # type: ignore[arg-type]
    await env.run(WatchActivities().watch_apps, "p")
    return [beat.apps for beat in beats]


async def test_each_app_is_told_by_its_label() -> None:
    told = await watched(FakeServer(app1="static: 3/9 tools", app2="building"))

    assert told[-1] == {"m/app1": "static: 3/9 tools", "m/app2": "building"}


async def test_a_change_is_told_at_once_and_nothing_twice() -> None:
    told = await watched(FakeServer(rounds=3, app1="building"))

    assert told == [{}, {"m/app1": ""}, {"m/app1": "building"}]


async def test_a_long_message_is_cut() -> None:
    told = await watched(FakeServer(app1="x" * 10_000))

    assert len(told[-1]["m/app1"]) == DOING_CHARS


async def test_descriptions_follow_one_another_with_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    pause_s = 0.02
    monkeypatch.setattr(watch, "_PAUSE_S", pause_s)
    activities = WatchActivities()
    servers = [FakeServer(app1="a", app2="b", app3="c") for _ in range(2)]
    await asyncio.gather(
        *(
            environment(client=server)[0].run(activities.watch_apps, "p")  # type: ignore[arg-type]
            for server in servers
        )
    )

    times = sorted(at for server in servers for _, at in server.asked)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(times) == 2 * (2 + 3)
    assert min(gaps) > 0.9 * pause_s, "those of all pipelines together"


async def test_a_server_that_does_not_answer_is_asked_again() -> None:
    server = FakeServer(app1="building")
    server.away = 2
    told = await watched(server, Beat(apps={"m/app1": "waits for a slot"}))

    assert server.count(PIPELINE) == 4, "twice in vain, once running, once ended"
    assert told == [{"m/app1": "waits for a slot"}, {"m/app1": "building"}]


async def test_an_app_that_cannot_be_read_hides_no_other() -> None:
    server = FakeServer(app1="building", app2="starting")
    server.unreadable = {f"{PIPELINE}/m/app1"}

    assert (await watched(server))[-1] == {"m/app1": "", "m/app2": "starting"}


async def test_a_pipeline_that_is_gone_ends_it() -> None:
    server = FakeServer()
    server.unreadable = {PIPELINE}

    assert await watched(server) == [{}]


@pytest.mark.parametrize(
    ("why", "ends"),
    [("cancel_requested", True), ("not_found", True), ("worker_shutdown", False)],
)
async def test_only_a_watch_that_nobody_needs_ends(why: str, ends: bool) -> None:
    server = FakeServer(rounds=10**9)
    env, _ = environment(client=server)  # type: ignore[arg-type]
    run = asyncio.create_task(env.run(WatchActivities().watch_apps, "p"))
    await _until(lambda: server.count(PIPELINE) > 0)
    _give_up(env, why)

    if ends:
        assert await run is None
    else:
        with pytest.raises(asyncio.CancelledError):
            await run


def _give_up(env: ActivityEnvironment, why: str) -> None:
    env.cancel(given_up(why))


async def _until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not reached():
            await asyncio.sleep(0)
