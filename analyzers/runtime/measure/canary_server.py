"""A tiny app with known answers on 127.0.0.1: the canary of tools that need a running app."""

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from analyzers.runtime.request_log import request_log

Answers = Mapping[str, tuple[int, Mapping[str, str], str]]
_QUERY = re.compile(r"\{query:([^}]*)\}")


@asynccontextmanager
async def serve_canary(answers: Answers) -> AsyncGenerator[str]:
    """Serve `METHOD /path` -> (status, headers, body) on a free port; yields its base URL.

    `{query:NAME}` in a body becomes the raw value of that query parameter. HEAD is answered as GET;
    anything else is 404.
    """

    async def answer(request: web.Request) -> web.Response:
        key = f"{request.method} {request.path}"
        if request.method == "HEAD":
            key = f"GET {request.path}"
        known = answers.get(key)
        if known is None:
            return web.Response(status=404, text="not found")
        status, headers, body = known
        filled = _QUERY.sub(lambda found: request.query.get(found[1], ""), body)
        return web.Response(status=status, headers=dict(headers), body=filled.encode())

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, logger=request_log(), shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port: int = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
