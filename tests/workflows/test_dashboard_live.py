"""The live page and the API's events, in front of a real server and a pipeline that runs."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    PollActivityTaskQueueRequest,
)
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleSpec,
    ScheduleState,
    WorkflowFailureError,
)
from temporalio.service import RPCError

from contract.analysis import SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.ids import (
    app_workflow_id,
    janitor_schedule_id,
    pipeline_workflow_id,
    task_queue_analyzer,
    task_queue_host,
)
from contract.outcome import SubtaskOutcome
from contract.progress import PipelinePhase
from control.hosts import hosts_at_work
from control.live_documents import LivePipeline
from dashboard.live.document import Document
from dashboard.live.hub import EVERY_S, Channel
from store.results import SqlResultStore
from tests.support.dashboard_site import site_of, token_for
from tests.workflows.fake_platform import HOST, PATIENCE_S, blocks, finished
from tests.workflows.live_dashboard import Recorded, Road, real_store, served, told

STATIC = AnalyzerKind.STATIC
Event = tuple[str, str, str]


class Stage:
    """A pipeline of static measurements that wait, and a dashboard in front of it."""

    def __init__(self, client: Client, store: SqlResultStore, folder: Path, apps: int) -> None:
        self.client = client
        self.go = {number: asyncio.Event() for number in range(1, apps + 1)}
        self.platform = Recorded(store, apps=apps, analyzers="s", parallelism=2)
        self.platform.runs[STATIC] = self.platform.kept(self._waits)
        port = client.service_client.config.target_host.rpartition(":")[2]
        self.road = Road(int(port))
        self.site = site_of(folder, connect=self.connect, ui_url="http://127.0.0.1:8233")
        self.path = f"/pipelines/{self.platform.id}"
        self.api = f"/api/v1{self.path}"
        self.web: httpx.AsyncClient
        self.app: Any = None

    async def _waits(self, request: SubtaskRequest) -> SubtaskOutcome:
        return await blocks(self.go[request.ref.app_number])(request)

    async def connect(self) -> Client:
        return await self.road.client(self.client)

    def go_all(self) -> None:
        for event in self.go.values():
            event.set()

    async def end(self) -> None:
        """Let the pipeline come to its end."""
        self.go_all()
        apps = [app.ref for app in self.platform.plan.apps]
        ids = [app_workflow_id(self.platform.id, app.model, app.app_number) for app in apps]
        # The apps of a pipeline that a test has terminated still end, and are recorded, after it.
        for id_ in (pipeline_workflow_id(self.platform.id), *ids):
            with suppress(WorkflowFailureError, RPCError):  # terminated; never begun
                await finished(self.client.get_workflow_handle(id_))
        await asyncio.gather(*self.platform.apps.writing)  # type: ignore[attr-defined]

    @asynccontextmanager
    async def events(self, path: str, last_id: str = "") -> AsyncGenerator[AsyncIterator[Event]]:
        headers = {"Last-Event-ID": last_id} if last_id else {}
        async with self.web.stream("GET", path, headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield told(answer)


async def wanted(events: AsyncIterator[Event], is_it: Callable[[Event], bool]) -> Event:
    """The first event that is so."""
    async with asyncio.timeout(PATIENCE_S):
        async for event in events:
            if is_it(event):
                return event
    raise AssertionError("the stream ended")


@pytest_asyncio.fixture
async def stage(client: Client, tmp_path: Path) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(real_store(tmp_path))
        stage = Stage(client, store, tmp_path, apps=3)
        await stage.platform.register(tmp_path / "fleet")
        await stage.platform.start(client)
        await stack.enter_async_context(stage.road)
        url, stage.app = await stack.enter_async_context(served(stage.site))
        headers = {"Authorization": f"Bearer {await token_for(stage.site)}"}
        limits = httpx.Limits(max_connections=100)
        stage.web = await stack.enter_async_context(
            httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=PATIENCE_S)
        )
        stack.push_async_callback(stage.end)
        await stage.platform.logged("run m/app1")
        await stage.platform.logged("run m/app2")
        yield stage


def states(data: str) -> dict[str, str | None]:
    """States of the apps that an event tells, by label."""
    apps = json.loads(data)["apps"]
    return {f"{a['ref']['model']}/app{a['ref']['app_number']}": a["state"] for a in apps}


async def test_the_api_tells_all_then_what_differs_and_again_after_a_break(stage: Stage) -> None:
    async with stage.events(f"{stage.api}/events") as events:
        first = await anext(events)
        stage.go[1].set()
        change = await wanted(events, lambda e: states(e[2]).get("m/app1") == "measured")
    async with stage.events(f"{stage.api}/events", first[0]) as events:
        replayed = await anext(events)
    async with stage.events(f"{stage.api}/events", "ffffffff.3") as events:
        whole = await anext(events)

    assert first[1] == "state"
    assert LivePipeline.model_validate_json(first[2]).phase is PipelinePhase.RUNNING
    assert states(first[2]) == {"m/app1": None, "m/app2": None, "m/app3": None}
    assert change[1] == "change"
    assert "m/app2" not in states(change[2]) or states(change[2])["m/app2"] is None
    assert (replayed[1], states(replayed[2])["m/app1"]) == ("change", "measured")
    assert json.loads(replayed[2])["fields"]["finished"] == 1
    assert (whole[1], states(whole[2])["m/app1"]) == ("state", "measured")


async def test_the_page_fills_up_by_events_and_a_running_app_never_waits(stage: Stage) -> None:
    page = (await stage.web.get(stage.path)).text
    since = page.partition("since=")[2].partition('"')[0]
    async with stage.events(f"{stage.path}/events?since={since}") as events:
        stage.go[1].set()
        parts = (await wanted(events, lambda e: "✓ measured" in e[2] and "hx-partial" in e[2]))[2]

    rows = page.partition("<tbody>")[2].split("<tr ")[1:4]
    assert [word_of(row) for row in rows] == ["running", "running", "waiting"]
    assert parts.count('hx-target="#row-') <= 3
    assert "<script" not in parts
    assert "hx-nonce" not in parts, "events are the same for all who may do the same"


def word_of(row: str) -> str:
    return row.partition('class="pill')[2].partition(">")[2].partition("<")[0]


async def test_a_pipeline_is_paused_and_goes_on_by_plain_forms(stage: Stage) -> None:
    paused = await stage.web.post(f"{stage.path}/pause")
    notice = await stage.web.get(paused.headers["location"])
    status = (await stage.web.get(stage.api)).json()
    resumed = await stage.web.post(f"{stage.path}/resume")
    after = (await stage.web.get(stage.api)).json()

    assert paused.status_code == resumed.status_code == 303
    assert "Pause was sent" in notice.text
    assert (status["phase"], status["paused"]) == ("paused", True)
    assert "everything that has not begun: the pipeline is paused" in status["waits"]
    assert (after["phase"], after["paused"]) == ("running", False)


async def test_who_may_only_look_is_offered_nothing_else(stage: Stage) -> None:
    own = (await stage.web.get(stage.path)).text
    async with httpx.AsyncClient(base_url=stage.web.base_url) as reader:
        pages = [
            (await reader.get(f"{stage.path}{form}")).text
            for form in ("", "/retry", "/cancel", "/add")
        ]
        async with reader.stream("GET", f"{stage.path}/events") as answer:
            events = (await anext(told(answer)))[2]

    assert own.count('method="post"') > 2
    assert "You may look." not in own
    assert all(page.count("You may look.") == 1 for page in pages)
    assert "#live-controls" in events
    for page in (*pages, events):
        assert 'method="post"' not in page
        assert "Cancel…" not in page


async def test_the_number_of_apps_in_flight_is_asked_for_until_the_end(stage: Stage) -> None:
    page = (await stage.web.get(stage.path)).text
    since = page.partition("since=")[2].partition('"')[0]
    async with stage.events(f"{stage.path}/events?since={since}") as events:
        stage.go_all()
        parts = (await wanted(events, lambda e: "#live-window" in e[2]))[2]

    assert "Change</button>" in page
    assert "Change</button>" not in parts


async def test_who_sent_a_message_sees_it_at_once_while_others_watch(stage: Stage) -> None:
    async with stage.events(f"{stage.api}/events") as events:
        await anext(events)
        await stage.web.post(f"{stage.path}/pause")
        page = (await stage.web.get(stage.path)).text
        await stage.web.post(f"{stage.path}/resume")

    assert "phase-paused" in page


async def test_nothing_runs_in_a_pipeline_that_was_terminated(stage: Stage) -> None:
    handle = stage.client.get_workflow_handle(pipeline_workflow_id(stage.platform.id))
    await handle.terminate()
    page = (await stage.web.get(stage.path)).text

    assert "its workflow was terminated" in page
    assert "No app runs now." in page
    assert "running</span>" not in page
    assert page.count(">not finished</span>") == 3


async def test_who_comes_as_the_last_one_leaves_is_told_what_happens(stage: Stage) -> None:
    await stage.web.get(stage.api)
    channel: Channel = stage.app.state.hub.channel(stage.platform.id)
    view = await channel.view("document", lambda _: Document())
    async with channel.watched(view):
        await asyncio.sleep(0)
    async with channel.watched(view):
        stage.go[1].set()
        await held(lambda: channel.seen is not None and channel.seen.finished == 1)


async def test_a_refused_number_is_shown_again_with_the_reason(stage: Stage) -> None:
    refused = await stage.web.post(f"{stage.path}/parallelism", data={"apps": "99"})
    taken = await stage.web.post(f"{stage.path}/parallelism", data={"apps": "3"})
    by_api = await stage.web.post(f"{stage.api}/parallelism", json={"apps": 4})

    assert refused.status_code == 400
    assert 'value="99"' in refused.text
    assert "99 is not in 1 to 50" in refused.text
    assert taken.status_code == 303
    assert by_api.json()["answer"] == 4
    assert (await stage.web.get(stage.api)).json()["parallelism"] == 4


async def test_a_breaker_is_closed_by_hand_and_an_unknown_one_is_named(stage: Stage) -> None:
    closed = await stage.web.post(f"{stage.api}/reset-breaker", json={"name": "static"})
    wrong = await stage.web.post(f"{stage.path}/reset-breaker", data={"name": "nothing"})

    assert closed.json()["answer"] == "closed"
    assert wrong.status_code == 400
    assert "no breaker &#39;nothing&#39;" in wrong.text


async def test_apps_are_added_from_the_folder_and_others_are_refused(stage: Stage) -> None:
    form = (await stage.web.get(f"{stage.path}/add")).text
    none = await stage.web.post(f"{stage.path}/add")
    known = await stage.web.post(f"{stage.path}/add", data={"app": "m/app1"})
    stage.go[4] = asyncio.Event()
    added = await stage.web.post(f"{stage.path}/add", data={"app": "m/app4"})

    assert 'value="m/app4"' in form
    assert 'value="m/app1"' not in form
    assert none.status_code == known.status_code == 400
    assert "no app was chosen" in none.text
    assert "m/app1 is in pipeline" in known.text
    assert added.status_code == 303
    assert (await stage.web.get(stage.api)).json()["total"] == 4


async def test_a_cancelled_app_says_that_it_was_cancelled(stage: Stage) -> None:
    asked = await stage.web.get(f"{stage.path}/cancel")
    cancelled = await stage.web.post(f"{stage.path}/cancel")
    await stage.end()
    page = (await stage.web.get(stage.path)).text

    assert "Cancel the pipeline" in asked.text
    assert cancelled.status_code == 303
    rows = page.partition("<tbody>")[2].split("<tr ")[1:4]
    reasons = [row.partition('class="told">')[2].partition("<")[0] for row in rows]
    assert all("cancel" in reason for reason in reasons), reasons
    assert "phase-cancelled" in page


async def test_an_app_of_an_ended_pipeline_runs_again_and_is_shown_so(stage: Stage) -> None:
    await stage.end()
    ended = (await stage.web.get(stage.api)).json()
    stage.go[2].clear()
    retried = await stage.web.post(f"{stage.path}/retry", data={"app": "m/app2"})
    async with stage.events(f"{stage.path}/events") as events:
        await wanted(events, lambda e: "running</span>" in e[2] and "m/app2" in e[2])
    nothing = await stage.web.post(f"{stage.path}/retry", data={"app": "  "})

    assert ended["phase"] == "completed"
    assert (retried.status_code, retried.headers["location"]) == (303, f"{stage.path}?done=retry")
    assert nothing.status_code == 400
    assert "no app is named" in nothing.text


async def test_a_pruned_pipeline_is_gone_though_the_server_has_its_history(stage: Stage) -> None:
    await stage.end()
    store, name = stage.platform.sql, stage.platform.id
    await store.record_pipeline_state(name, "completed", {})
    assert await store.prune([name]) == [name]

    answer = await stage.web.get(stage.path)

    assert answer.status_code == 404
    assert "removed on purpose" in answer.text


async def test_a_server_that_is_away_is_told_and_comes_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("_PATIENCE_S", "_FIRST_PATIENCE_S", "_ASK_SERVER_S"):
        monkeypatch.setattr(f"control.watching.{limit}", 0.5)
    async with stage.events(f"{stage.api}/events") as events:
        await anext(events)
        await stage.road.block()
        gone = await wanted(events, lambda e: "away" in json.loads(e[2])["fields"])
        page = (await stage.web.get(stage.path)).text
        await stage.road.open()
        back = await wanted(events, lambda e: "away" in json.loads(e[2])["fields"])

    assert json.loads(gone[2])["fields"]["away"] == "the Temporal server does not answer"
    assert "What stands here is of" in page
    assert "was running" in page
    assert json.loads(back[2])["fields"]["away"] == ""


async def test_many_viewers_cost_one_look_a_second_and_none_none(stage: Stage) -> None:
    viewers = 40
    began_s = time.monotonic()
    async with AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(stage.events(f"{stage.api}/events"))
            for _ in range(viewers)
        ]
        firsts = await asyncio.gather(*(anext(stream) for stream in streams))
        channel = stage.app.state.hub.channel(stage.platform.id)
        stage.go[1].set()
        measured = [
            wanted(stream, lambda e: states(e[2]).get("m/app1") == "measured") for stream in streams
        ]
        told_ = await asyncio.gather(*measured)
        looks, took_s = channel.looks, time.monotonic() - began_s
    await held(lambda: not channel.is_watched)

    assert len({first[2] for first in firsts}) <= 2
    assert len({event[0] for event in told_}) <= 2
    assert looks <= took_s / EVERY_S + 3


async def held(is_it: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_it():
            await asyncio.sleep(0.02)


async def test_without_a_worker_it_is_the_worker_that_is_away(stage: Stage) -> None:
    lonely = f"{stage.platform.id}-lonely"
    id_, nobody = pipeline_workflow_id(lonely), f"nobody-{lonely}"
    handle = await stage.client.start_workflow("Pipeline", id=id_, task_queue=nobody)
    answer = await stage.web.get(f"/api/v1/pipelines/{lonely}")
    await handle.terminate()

    assert answer.status_code == 503
    assert answer.json()["detail"] == "no worker answers for the pipeline"
    assert "a worker runs" in answer.json()["next_step"]


async def known_host(client: Client) -> None:
    """A host has a janitor, whose schedule has its name; this one never sweeps."""
    sweep = ScheduleActionStartWorkflow("Janitor", id="sweep", task_queue="nobody")
    schedule = Schedule(action=sweep, spec=ScheduleSpec(), state=ScheduleState(paused=True))
    with suppress(ScheduleAlreadyRunningError):
        await client.create_schedule(janitor_schedule_id(HOST), schedule)


async def asked_and_died(client: Client, queue: str) -> None:
    """A worker that was killed while it waited for work; the server lists it for some minutes."""
    place: dict[str, Any] = {"namespace": client.namespace, "task_queue": TaskQueue(name=queue)}
    asked = PollActivityTaskQueueRequest(**place, identity="1@killed")
    listed = DescribeTaskQueueRequest(
        **place, task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
    )
    names = set[str]()
    while asked.identity not in names:
        with suppress(RPCError):
            service = client.workflow_service
            await service.poll_activity_task_queue(asked, timeout=timedelta(seconds=3))
        described = await client.workflow_service.describe_task_queue(listed)
        names = {poller.identity for poller in described.pollers}


async def test_hosts_are_told_once_by_their_names(stage: Stage) -> None:
    await known_host(stage.client)
    for queue in (task_queue_host(HOST), task_queue_analyzer(AnalyzerKind.DYNAMIC, HOST)):
        await asked_and_died(stage.client, queue)

    async def told_hosts() -> list[tuple[str, str]]:
        hosts = await hosts_at_work(stage.client, (STATIC, AnalyzerKind.DYNAMIC))
        return [(host.host, host.queue) for host in hosts.rows]

    wanted_ = [(HOST, "apps"), (HOST, "dynamic"), (HOST, "static")]
    async with asyncio.timeout(PATIENCE_S):
        while await told_hosts() != wanted_:
            await asyncio.sleep(0.1)


async def test_the_time_left_and_what_waits_are_told(stage: Stage) -> None:
    status = (await stage.web.get(stage.api)).json()

    assert status["told_by"] == "server"
    assert status["left"] is None
    assert "not known yet" in status["left_unknown"]
    assert "1 app for a place: 2 may be in flight at once" in status["waits"]
    assert {host["queue"] for host in status["hosts"]} >= {"apps", "static"}
