"""What scanners send to our canary on purpose is no error in the analyzer's log."""

import asyncio
import logging

import pytest
from aiohttp import web

from analyzers.runtime.measure.canary_server import serve_canary
from analyzers.runtime.request_log import request_log

MALFORMED = (
    b"GET / HTTP/9.9.9\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
)


async def answer_to(url: str, request: bytes) -> bytes:
    """The first line that comes back after a request that is well-formed."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        first = await reader.readuntil(b"known")
        writer.write(request)
        writer.write_eof()
        await asyncio.wait_for(reader.read(), 5)
        return first.partition(b"\r\n")[0]
    finally:
        writer.close()


async def test_a_scanners_malformed_request_is_no_error_of_ours(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG, "aiohttp.server")
    async with serve_canary({"GET /": (200, {}, "known")}) as url:
        for request in MALFORMED:
            assert await answer_to(url, request) == b"HTTP/1.1 200 OK"

    assert len(caplog.records) >= 2, "the server did see them"
    assert {record.levelno for record in caplog.records} == {logging.DEBUG}


async def test_a_fault_of_ours_is_an_error_still(caplog: pytest.LogCaptureFixture):
    async def broken(_: web.Request) -> web.Response:
        raise RuntimeError("ours")

    app = web.Application()
    app.router.add_get("/", broken)
    runner = web.AppRunner(app, access_log=None, logger=request_log(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port: int = runner.addresses[0][1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"500" in await reader.readline()
    writer.close()
    await runner.cleanup()

    assert [record.levelname for record in caplog.records] == ["ERROR"]
