"""What the server lists of pipelines, asked for all who look."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

from control import serving
from control.errors import ServerAwayError
from control.pipelines import Served
from control.serving import ServedPipelines, by_id

START = datetime(2026, 11, 1, tzinfo=UTC)


class Server:
    """A server whose list can be given, held back, or refused."""

    def __init__(self) -> None:
        self.queries: list[str] = []
        self.ids = ["one"]
        self.away = False
        self.fault: Exception = ServerAwayError("it is away", next_step="start it")
        self.gate = asyncio.Event()
        self.gate.set()

    async def connect(self) -> Any:
        await self.gate.wait()
        if self.away:
            raise self.fault
        return SimpleNamespace(list_workflows=self._list)

    async def _list(self, query: str):
        self.queries.append(query)
        for id_ in self.ids:
            yield SimpleNamespace(
                id=f"pipeline/{id_}",
                status=SimpleNamespace(name="RUNNING"),
                typed_search_attributes={},
                start_time=START,
                close_time=None,
            )


class Clock:
    """The clock that the list goes by."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_two_hundred_viewers_cost_one_question_a_second():
    server, clock = Server(), Clock()
    served = ServedPipelines(server.connect, clock)
    views = await asyncio.gather(*(served.now() for _ in range(200)))
    clock.now += 0.9
    await served.now()
    assert len(server.queries) == 1
    clock.now += 0.2
    await asyncio.gather(*(served.now() for _ in range(200)))

    assert len(server.queries) == served.asked == 2
    assert all(list(view.pipelines or ()) == ["one"] and not view.away for view in views)


async def test_after_the_first_list_only_what_may_have_changed_is_asked_for():
    server, clock = Server(), Clock()
    served = ServedPipelines(server.connect, clock)
    await served.now()
    server.ids = ["two"]
    clock.now += 2
    view = await served.now()

    assert "CloseTime >" in server.queries[1]
    assert set(view.pipelines or ()) == {"one", "two"}


async def test_a_server_that_went_away_leaves_what_it_said_and_the_moment():
    server, clock = Server(), Clock()
    served = ServedPipelines(server.connect, clock)
    first = await served.now()
    server.away = True
    clock.now += 2
    view = await served.now()

    assert (view.pipelines, view.as_of, view.away) == (first.pipelines, first.as_of, "it is away")
    server.away = False
    clock.now += 2
    assert (await served.now()).away == ""


async def test_an_error_of_the_server_itself_is_told_too():
    server, clock = Server(), Clock()
    served = ServedPipelines(server.connect, clock)
    await served.now()
    clock.now += 2
    server.away = True
    server.fault = RPCError("no permission", RPCStatusCode.PERMISSION_DENIED, b"")
    view = await served.now()

    assert list(view.pipelines or ()) == ["one"]
    assert "no permission" in view.away


async def test_nobody_waits_for_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(serving, "_PATIENCE_S", 0.01)
    server = Server()
    server.gate.clear()
    served = ServedPipelines(server.connect)
    views = await asyncio.gather(*(served.now() for _ in range(20)))

    assert {view.away for view in views} == {"the Temporal server does not answer"}
    assert served.asked == 1
    server.gate.set()
    await asyncio.sleep(0)
    await served.close()


def test_of_a_pipeline_that_ran_again_the_latest_run_counts():
    def run(status: str, hours: int) -> Served:
        return Served("p", status, "", START + timedelta(hours=hours), None)

    newest_first = [run("running", 2), run("completed", 1)]
    assert by_id(newest_first)["p"].status == by_id(newest_first[::-1])["p"].status == "running"
