"""A scanner gets the session it scans with, and no list of processes shows it."""

from pathlib import Path

import psutil
import pytest
from aiohttp import web

from analyzers.runtime.process.runner import Runner
from tests.support.dynamic_apps import serving
from tests.support.dynamic_run import html, run_over, tool_named

SESSION = "s3cret-session"
DOCUMENT = {
    "openapi": "3.0.0",
    "info": {"title": "t", "version": "1"},
    "paths": {"/items": {"get": {"responses": {"200": {"description": "ok"}}}}},
}


class Watching:
    """An app that looks at all processes of this host now and then while it is asked."""

    def __init__(self) -> None:
        self.cookies = set[str]()
        self.processes = set[str]()

    async def answer(self, request: web.Request) -> web.Response:
        cookie = request.headers.get("Cookie", "")
        if cookie not in self.cookies or len(self.processes) < 1_000:
            rows = psutil.process_iter(["cmdline"])
            self.processes |= {" ".join(one.info["cmdline"] or ()) for one in rows}
        self.cookies.add(cookie)
        if request.path == "/openapi.json":
            return web.json_response(DOCUMENT)
        return html("<a href='/?q=1'>q</a>")


@pytest.mark.parametrize("tool", ["wapiti", "schemathesis"])
async def test_no_list_of_processes_shows_a_session(tmp_path: Path, tool: str):
    watching = Watching()
    app = web.Application()
    app.router.add_get("/{path:.*}", watching.answer)
    async with serving(app) as url:
        run = run_over(url, tmp_path, auth_cookie=f"sid={SESSION}", wapiti_limit_s=40)
        runner = Runner(run.workspace)
        await tool_named(tool).run(run, runner)

    assert any(SESSION in one for one in watching.cookies)
    assert any(tool in one for one in watching.processes)
    for line in (*watching.processes, *(" ".join(one.argv) for one in runner.executed)):
        assert SESSION not in line
