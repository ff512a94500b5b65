"""What a check says of an app that gives no answer, is paused, or is gone."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from clients import blame
from clients.calm import Host, Moment, Patience
from clients.docker import checks
from clients.docker.checks import AppChecker
from clients.docker.containers import State
from clients.ending import Ending
from clients.sockets import Listening
from contract.running import AppCheck, RunningApp, RunningService

RUNNING = State(
    id="c1", name="web", running=True, unbroken=True, exit_code=0, out_of_memory=False,
    health="", ports={80: 1}, labels={}, dns_name="web-1", address="",
)  # fmt: skip
PAUSED = replace(RUNNING, running=False, paused=True)


@dataclass
class FakeContainers:
    """Answers with `states` one after another, the last of them for ever."""

    states: list[State | None]
    written: int = 0
    said: bytes = b"GET / 200\nMemoryError: no more\n"

    async def state(self, container_id: str) -> State | None:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    async def log(self, container_id: str) -> bytes:
        return self.said

    async def written_bytes(self, workflow_id: str) -> dict[str, int]:
        return {"c1": self.written}


@dataclass
class FakeEndings:
    """Answers with `found` one after another, the last of them for ever."""

    found: list[Ending | None]
    client: Any = None

    async def of(self, container_id: str) -> Ending | None:
        return self.found.pop(0) if len(self.found) > 1 else self.found[0]


@pytest.fixture
def listens(monkeypatch: pytest.MonkeyPatch) -> Callable[[Listening], None]:
    """Sets what the container listens on."""

    def to(found: Listening) -> None:
        async def listening(*_: object) -> Listening:
            return found

        monkeypatch.setattr(checks, "listening", listening)

    to(Listening(True, (80,)))
    return to


@asynccontextmanager
async def port(*replies: bytes) -> AsyncIterator[int]:
    """A port that says `replies` one after another, the last for ever; empty: nothing at all."""
    done = asyncio.Event()
    left = list(replies)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        reply = left.pop(0) if len(left) > 1 else left[0]
        writer.write(reply)
        await writer.drain()
        if not reply:
            await done.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        done.set()
        server.close()
        await server.wait_closed()


async def check(
    state: State,
    *,
    states: list[State | None] | None = None,
    found: list[Ending | None] | None = None,
    pressure: float = 0.0,
    written: int = 0,
    serves: bool = True,
) -> AppCheck:
    """A check whose patience is a second of made-up time per request."""

    def look() -> Moment:
        now_s = asyncio.get_running_loop().time() * 1_000
        return Moment(now_s, {"cpu": int(now_s * pressure * 1e6)}, 0.0)

    patience = Patience(Host(True, look), waits_s=(0.1,), poll_s=0.0)
    containers = FakeContainers(states or [state], written)
    endings = FakeEndings(found or [None])
    checker = AppChecker(containers, endings, "host", 1_000, patience, pause_s=0.0, gone_s=0.0)
    service = RunningService(service="web", container_id="c1", role="support")
    if serves:
        update = {"host_port": state.ports[80], "container_port": 80, "role": "backend"}
        service = service.model_copy(update=update)
    app = RunningApp(workflow_id="w", host="here", engine="docker", services=(service,))
    return await checker.check(app)


def at(number: int) -> State:
    return replace(RUNNING, ports={80: number})


async def test_an_answer_of_any_status_is_life(listens):
    async with port(b"HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n") as number:
        found = await check(at(number))

    assert found.alive
    assert found.targets


async def test_silence_on_a_loaded_host_proves_nothing(listens):
    async with port(b"") as number:
        found = await check(at(number), pressure=0.9)

    assert (found.alive, found.silent, found.taken) == (False, True, False)
    assert "CPU pressure" in found.reason


async def test_silence_while_others_are_connected_proves_nothing(listens):
    listens(Listening(True, (80,), (), (80,)))
    async with port(b"") as number:
        found = await check(at(number))

    assert found.silent
    assert "other connections" in found.reason


async def test_long_silence_on_a_calm_host_is_a_hang(listens):
    async with port(b"") as number:
        found = await check(at(number))

    assert (found.alive, found.silent, found.taken, found.killed) == (False, False, False, False)
    assert "its host was calm" in found.reason


async def test_an_app_whose_publication_was_taken_away_is_not_blamed_for_a_hang(listens):
    """A reloaded firewall closes the way to a port that is open within."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    found = await check(at(number))

    assert (found.alive, found.silent) == (False, True)
    assert "publication of it refuses" in found.reason


async def test_a_port_that_nobody_listens_on_any_more_is_a_death(listens):
    listens(Listening(True, (9_000,)))
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]

    found = await check(at(number))

    assert (found.alive, found.silent) == (False, False)
    assert found.reason == "web runs, but nothing listens on its port 80 any more"


async def test_an_app_that_dies_while_it_is_asked_has_died(listens):
    async with port(b"") as number:
        ended = replace(at(number), running=False, unbroken=False, exit_code=3)
        found = await check(
            at(number),
            states=[at(number), at(number), ended],
            found=[None, Ending(blame.EXIT, "exited with 3")],
        )

    assert (found.alive, found.silent) == (False, False)
    assert found.reason == "web exited with 3: MemoryError: no more"


async def test_an_app_that_ends_between_two_looks_is_looked_at_once_more(listens):
    """An ended container publishes no port: that alone is not another one than at its start."""
    ended = replace(RUNNING, running=False, unbroken=False, exit_code=3, ports={})
    found = await check(RUNNING, states=[ended], found=[None, Ending(blame.EXIT, "exited with 3")])

    assert (found.alive, found.taken) == (False, False)
    assert found.reason.startswith("web exited with 3")


async def test_an_app_that_ends_while_it_is_asked_has_no_port_to_ask(listens):
    ended = replace(RUNNING, running=False, unbroken=False, exit_code=3, ports={})
    found = await check(
        RUNNING, states=[RUNNING, ended], found=[None, Ending(blame.EXIT, "exited with 3")]
    )

    assert found.reason.startswith("web exited with 3")


@pytest.mark.parametrize(
    ("code", "row", "serves", "alive"),
    [
        (0, blame.EXIT, False, True),
        (1, blame.EXIT, False, False),
        (0, blame.KILLED, False, False),
        (0, blame.EXIT, True, False),
    ],
    ids=["done", "failed", "killed", "served"],
)
async def test_what_has_done_its_work_is_no_death(listens, code, row, serves, alive):
    """A migration that nobody waits for ends after the app is up."""
    ended = replace(RUNNING, running=False, unbroken=False, exit_code=code)
    found = await check(ended, found=[Ending(row, f"exited with {code}")], serves=serves)

    assert found.alive == alive


async def test_a_paused_app_is_not_the_apps_fault(listens):
    found = await check(PAUSED)

    assert (found.alive, found.taken, found.reason) == (False, True, "web is paused from outside")


async def test_an_app_that_was_paused_while_it_was_asked_is_asked_again(listens):
    async with port(b"", b"HTTP/1.1 200 x\r\ncontent-length: 0\r\n\r\n") as number:
        now = at(number)
        # Looked at, asked, found to be paused, looked at again, asked again.
        states: list[State | None] = [now, now, replace(now, running=False, paused=True), now]
        found = await check(now, states=states)

    assert found.alive
    assert states == [now]


async def test_an_app_that_wrote_too_much_is_stopped(listens):
    found = await check(RUNNING, written=2_000)

    assert (found.alive, found.taken) == (False, False)
    assert "has written 2000 bytes" in found.reason


@pytest.mark.parametrize(
    ("said", "words"),
    [(b"GET / 200\n", ""), (b"", "; its log is empty; it ran `python app.py`")],
)
async def test_an_access_log_is_no_reason_and_an_empty_one_is_told(listens, said, words):
    containers = FakeContainers([replace(RUNNING, command="python app.py")], said=said)
    endings = FakeEndings([Ending(blame.EXIT, "exited with 3")])
    checker = AppChecker(containers, endings, "host", 1_000, Patience(Host()))
    service = RunningService(service="web", container_id="c1", host_port=1, container_port=80)

    found = await checker.check(
        RunningApp(workflow_id="w", host="here", engine="docker", services=(service,))
    )

    assert found.reason == f"web exited with 3{words}"
