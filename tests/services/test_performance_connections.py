"""Connections that a server closes: between requests that is its right, in an answer it is not."""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from analyzers.performance.openloop.generator import run_plan
from analyzers.performance.openloop.plan import LoadPlan, LoadResult
from analyzers.performance.openloop.sender import Sender
from analyzers.performance.probe import ask, new_client
from analyzers.performance.tools import loadtest

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Serve = Callable[[int, asyncio.StreamWriter], None]


def closes_idle(number: int, writer: asyncio.StreamWriter) -> None:
    """Every connection bears two requests; the second is met with a close instead of an answer."""
    if number % 2:
        writer.write(ANSWER)
    else:
        writer.transport.abort()


def breaks_off(_number: int, writer: asyncio.StreamWriter) -> None:
    """Half an answer."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf")
    writer.transport.close()


def drops_fresh(_number: int, writer: asyncio.StreamWriter) -> None:
    """No answer at all, on a connection that was never used before."""
    writer.transport.abort()


@asynccontextmanager
async def server(serve: Serve) -> AsyncGenerator[str]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            number = 0
            while True:
                await reader.readuntil(b"\r\n\r\n")
                number += 1
                serve(number, writer)
                await writer.drain()
        writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    finally:
        listening.close()


async def load(serve: Serve) -> LoadResult:
    async with server(serve) as url:
        return await run_plan(
            LoadPlan(url=url, rates=(40,), step_s=0.5, warmup_s=0, refine_steps=0)
        )


async def test_a_kept_connection_that_was_closed_is_no_error_of_the_app() -> None:
    result = await load(closes_idle)

    (step,) = result.steps
    assert step.errors == {}
    assert step.completed == step.sent > 0  # a busy host may end the step early
    assert result.resent > 0  # and it is told


async def test_several_kept_connections_that_were_closed_are_no_error_either() -> None:
    async with server(closes_idle) as url, Sender(LoadPlan(url=url, rates=(1,))) as sender:
        await asyncio.gather(*(sender.get() for _ in range(3)))
        reply = await sender.get()

    assert (reply.status, sender.resent) == (200, 1)


@pytest.mark.parametrize(
    ("serve", "kind"), [(breaks_off, "cut_short"), (drops_fresh, "disconnected")]
)
async def test_what_breaks_off_or_never_answers_is_an_error(serve: Serve, kind: str) -> None:
    result = await load(serve)

    (step,) = result.steps
    assert step.sent > 0  # a busy host may end the step early
    assert (step.errors, step.completed) == ({kind: step.sent}, 0)
    assert result.resent == 0


async def test_the_survey_asks_again_on_a_new_connection() -> None:
    async with server(closes_idle) as url, new_client() as client:
        answers = [await ask(client, url) for _ in range(4)]

    assert [one.status for one in answers] == [200] * 4


async def test_the_survey_names_an_answer_that_breaks_off() -> None:
    async with server(breaks_off) as url, new_client() as client:
        answer = await ask(client, url)

    assert answer.status == 200
    assert not answer.ok
    assert "RemoteProtocolError" in answer.error


NODE = """
import http from 'http'
import request from %s
const agent = new http.Agent({keepAlive: true, maxSockets: 1})
const seen = []
const once = () => new Promise(resolve => {
  const made = request({timeout: '2000'}, {port: %d, agent}, http.request, answer => {
    answer.resume(); answer.on('end', () => { seen.push(answer.statusCode); resolve() }) })
  made.on('error', error => { seen.push(error.code || error.message); resolve() })
  made.end()
})
for (let number = 0; number < 4; number++) { await once(); await new Promise(setImmediate) }
console.log(JSON.stringify(seen))
process.exit()
"""


@pytest.mark.parametrize(
    ("serve", "seen"), [(closes_idle, [200] * 4), (drops_fresh, ["ECONNRESET"] * 4)]
)
async def test_the_second_generator_does_the_same(
    tmp_path: Path, serve: Serve, seen: list[object]
) -> None:
    generator = Path(loadtest.__file__).with_name("non_2xx.mjs")
    async with server(serve) as url:
        program = tmp_path / "once.mjs"
        port = int(url.rpartition(":")[2].rstrip("/"))
        program.write_text(NODE % (json.dumps(generator.as_uri()), port))
        node = shutil.which("node")
        assert node
        process = await asyncio.create_subprocess_exec(
            node, str(program), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(process.communicate(), 30)

    assert json.loads(out) == seen
