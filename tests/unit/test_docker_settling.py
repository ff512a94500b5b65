"""When a port that answers is taken for the app's, and what shows that nothing more is to come."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from clients.docker import settling
from clients.docker.activity import Activity, activity
from clients.docker.finding import Seen
from clients.docker.settling import Settling
from clients.probe import Answer
from clients.sockets import Listening
from tests.support.launch_bench import RUNNING, calm

HTTP, SOCKET = Answer("http", 200), Answer("http", 426)
IDLE = Activity(0.0, {1: 1.0, 2: 1.0}, waits=True)
PROGRAMS = {
    "a server": ("serve = {}; print(flush=True); serve.accept()", True),
    "a server below a shell": ("sh", True),
    "its worker shares the port": ("s = {}; os.fork(); print(flush=True); s.accept()", True),
    "a timer": ("s = {}; print(flush=True); time.sleep(600)", False),
    "a program beside it": (
        "s = {}; subprocess.Popen(['sleep', '600']); print(flush=True); s.accept()",
        False,
    ),
    "no port": ("print(flush=True); threading.Event().wait()", False),
}


async def decided(seen: Seen, declared: dict[int, str] | None = None, port: int = 8000) -> bool:
    return await Settling(local=False).is_over(port, declared or {}, seen, RUNNING)


async def seen_of(*open_ports: int, **fields: object) -> Seen:
    answers = dict.fromkeys(open_ports, HTTP)
    seen = replace(Seen(calm()), sockets=Listening(True, open_ports), answers=answers, **fields)
    seen.note(asyncio.get_running_loop().time())
    return seen


async def test_a_port_that_somebody_names_is_taken_at_once():
    assert not await decided(await seen_of(8000))
    assert await decided(await seen_of(8000), {8000: "EXPOSE"})
    assert await decided(await seen_of(8000, logged=(8000,)))
    assert await decided(await seen_of(8000, source=(8000,)))
    unseen = await seen_of(8000, logged=(8000,))
    unseen.sockets = Listening()
    assert await decided(unseen)


@pytest.mark.parametrize(
    ("fields", "declared"),
    [
        ({"source": (8000, 3000)}, {}),
        ({"logged": (8000,), "source": (3000,)}, {}),
        ({"logged": (3000,)}, {}),
        ({"logged": (8000,)}, {3000: "EXPOSE"}),
    ],
    ids=["the source", "log and source", "another", "declared"],
)
async def test_while_another_port_that_is_named_is_closed_more_may_come(fields, declared):
    assert not await decided(await seen_of(8000, **fields), declared)


async def test_what_shows_no_pages_is_never_taken_early():
    seen = await seen_of(8000)
    seen.answers = {8000: SOCKET}

    assert not await decided(seen, {8000: "EXPOSE"})


async def test_in_time_any_port_is_taken(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settling, "_SETTLE_S", 0.0)

    assert await decided(await seen_of(8000, source=(3000,)))


async def test_a_service_has_to_do_nothing_for_a_while(monkeypatch: pytest.MonkeyPatch):
    looks = [0.0, 0.2, 0.4, 0.8, 1.0, 1.2, 1.4]
    states = [replace(IDLE, at_s=at, cpu_s={1: 1.0, 2: 1.0 + (at > 0.5) * 0.3}) for at in looks]
    monkeypatch.setattr(settling, "activity", lambda _pid: states.pop(0))
    one, state = Settling(local=True), replace(RUNNING, pid=1)
    seen = await seen_of(8000)

    found = [await one.is_over(8000, {}, seen, state) for _ in looks]

    assert found == [False] * 6 + [True]
    assert not await Settling(local=False).is_over(8000, {}, seen, state)


@pytest.mark.parametrize(
    ("change", "calm"),
    [
        ({"cpu_s": {1: 1.0, 2: 1.05}}, True),
        ({"cpu_s": {1: 1.0, 2: 1.5}}, False),
        ({"cpu_s": {1: 1.0, 2: 1.0, 3: 0.0}}, False),
        ({"cpu_s": {1: 1.0}}, False),
        ({"waits": False}, False),
    ],
    ids=["our questions", "it works", "a new process", "one has ended", "more may come"],
)
def test_calm_is_the_same_processes_that_only_answer(change, calm: bool):
    assert replace(IDLE, at_s=1.0, **change).is_calm_since(IDLE) is calm


@contextmanager
def running(program: str) -> Iterator[int]:
    """Process of a program that has said a line."""
    listen = "socket.create_server(('127.0.0.1', 0))"
    imports = "import os, socket, subprocess, threading, time\n"
    if program == "sh":
        code = imports + f"s = {listen}; print(flush=True); s.accept()"
        argv = ["sh", "-c", f'{sys.executable} -c "{code}"; true']
    else:
        argv = [sys.executable, "-c", imports + program.replace("{}", listen)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            os.killpg(process.pid, 9)


@pytest.mark.parametrize(("program", "waits"), PROGRAMS.values(), ids=PROGRAMS)
def test_what_processes_wait_for_is_seen(program: str, waits: bool):
    with running(program) as pid:
        deadline = time.monotonic() + 10
        while activity(pid).waits is not waits and time.monotonic() < deadline:
            time.sleep(0.01)  # until it has come to where it waits
        before = activity(pid)
        assert before.waits is waits
        assert activity(pid).is_calm_since(before) is waits


def test_of_a_process_that_is_gone_nothing_is_known():
    with running("print(flush=True)") as pid:
        pass
    assert not activity(pid).waits
