"""The one way out of a confinement: what is let through, what is refused, and how it is counted."""

import asyncio
import gc
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from analyzers.runtime.live import egress
from analyzers.runtime.live.egress import Gate

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def name(host: str, port: int) -> bytes:
    return bytes((3, len(host))) + host.encode() + struct.pack("!H", port)


def address(host: str, port: int) -> bytes:
    family, kind = (socket.AF_INET6, 4) if ":" in host else (socket.AF_INET, 1)
    return bytes((kind,)) + socket.inet_pton(family, host) + struct.pack("!H", port)


@asynccontextmanager
async def gate_to_echo(*names: str) -> AsyncIterator[tuple[Gate, int]]:
    """A gate that leads `names` to a server that answers with what it is sent, until the end."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    there = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    gate = Gate(dict.fromkeys(names, there))
    serving = await asyncio.start_server(gate, "127.0.0.1", 0)
    async with server, serving:
        yield gate, serving.sockets[0].getsockname()[1]
    async with asyncio.timeout(5):
        while gate.connections:
            await asyncio.sleep(0.01)


async def ask(port: int, where: bytes, command: int = 1) -> tuple[int, Stream]:
    """The gate's answer to a request, and the connection."""
    stream = await asyncio.open_connection("127.0.0.1", port)
    stream[1].write(b"\x05\x01\x00")
    assert await stream[0].readexactly(2) == b"\x05\x00"
    stream[1].write(bytes((5, command, 0)) + where)
    return (await stream[0].readexactly(10))[1], stream


async def test_what_is_the_apps_is_passed_on_unread():
    sent = bytes(range(256)) * 40_000
    async with gate_to_echo("localhost:3000") as (gate, port):
        code, (reader, writer) = await ask(port, name("LocalHost.", 3000))
        writer.write(sent)
        writer.write_eof()
        came = await reader.read()
        writer.close()

    assert (code, came) == (0, sent)
    assert gate.served == {"localhost:3000": 1}


@pytest.mark.parametrize(
    ("where", "called"),
    [
        (name("localhost", 7233), "localhost:7233"),
        (name("localhost.evil.example", 3000), "localhost.evil.example:3000"),
        (name("169.254.169.254", 80), "169.254.169.254:80"),
        (address("127.0.0.1", 7233), "127.0.0.1:7233"),
        (address("172.17.0.1", 3000), "172.17.0.1:3000"),
        (address("::1", 3000), "[::1]:3000"),
        (address("::ffff:127.0.0.1", 3000), "[::ffff:7f00:1]:3000"),
        (name("a\x00\x1b[31m\n", 1), "a??[31m?:1"),
    ],
)
async def test_all_else_is_refused_counted_and_listed(where: bytes, called: str):
    async with gate_to_echo("localhost:3000", "127.0.0.1:3000") as (gate, port):
        for _ in range(2):
            code, (reader, writer) = await ask(port, where)
            assert code == 2
            assert await reader.read() == b""
            writer.close()

    assert (gate.refused, gate.served) == ({called: 2}, {})


@pytest.mark.parametrize("command", [2, 3])
async def test_listening_and_datagrams_are_not_to_be_had(command: int):
    async with gate_to_echo("localhost:3000") as (gate, port):
        code, (_, writer) = await ask(port, name("localhost", 3000), command)
        writer.close()

    assert code == 7
    assert sum(gate.refused.values()) == 1


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x04\x01", b"\x05\x00\x05\x01\x00\x09", b"\x05", b""]
)
async def test_garbage_ends_its_own_connection_only(garbage: bytes):
    async with gate_to_echo("localhost:3000") as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(garbage)
        writer.write_eof()
        await asyncio.wait_for(reader.read(), 5)
        writer.close()

        code, (_, other) = await ask(port, name("localhost", 3000))
        other.close()
    assert code == 0


async def test_an_answer_under_way_outlives_the_connection_that_asked_for_it():
    begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.set()
        await go_on.wait()
        writer.close()
        done.set()

    server = await asyncio.start_server(slow, "127.0.0.1", 0)
    there = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    gate = await asyncio.start_server(Gate({"localhost:3000": there}), "127.0.0.1", 0)
    async with server, gate:
        _, (_, writer) = await ask(gate.sockets[0].getsockname()[1], name("localhost", 3000))
        await asyncio.wait_for(begun.wait(), 5)
        writer.transport.abort()
        await asyncio.sleep(0.05)
        gc.collect()  # "Task was destroyed but it is pending" is an error here
        go_on.set()
        await asyncio.wait_for(done.wait(), 5)


async def test_an_app_that_is_gone_is_told_apart_from_a_refusal():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        there = f"127.0.0.1:{taken.getsockname()[1]}"
        gate = Gate({"localhost:3000": there})
        server = await asyncio.start_server(gate, "127.0.0.1", 0)
        async with server:
            code, (_, writer) = await ask(
                server.sockets[0].getsockname()[1], name("localhost", 3000)
            )
            writer.close()

    assert code == 5
    assert (gate.silent, gate.refused) == ({"localhost:3000": 1}, {})


async def test_a_page_cannot_fill_the_report_with_names(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(egress, "_MAX_NAMES", 3)
    async with gate_to_echo() as (gate, port):
        for number in range(6):
            _, (_, writer) = await ask(port, name(f"n{number}", 80))
            writer.close()

    assert gate.refused == {"n0:80": 1, "n1:80": 1, "n2:80": 1, "(further names)": 3}


@pytest.mark.parametrize("uids", [(0, 0, 0), (1000, 0, 1000), (1000, 1000, 0)])
def test_what_is_root_or_may_become_it_again_is_not_run(
    uids: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(egress.os, "getresuid", lambda: uids)

    with pytest.raises(PermissionError, match="as root"):
        egress._become(0)
