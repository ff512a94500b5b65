"""Small apps for tests of the load survey: a case by its number, or a `do_GET` of the test."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import Parsed, ToolRun
from contract.analysis import Target
from tests.support.case_server import app_running
from tests.support.cases import case_app
from tests.support.load_run import run_of

Start = Callable[[str], AbstractAsyncContextManager[ToolRun]]

HANDLER = """
import json, secrets, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def reply(self, status, kind, data, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *args):
        pass
    def do_GET(self):
{body}

ThreadingHTTPServer(("0.0.0.0", 8000), Page).serve_forever()
"""


def starter(tmp_path: Path) -> Start:
    """Starts an app as a process of its own; yields a run on it."""

    @asynccontextmanager
    async def start(app: str) -> AsyncGenerator[ToolRun]:
        folder = case_app(app) if app.isalnum() else _written(tmp_path / "app", app)
        async with app_running(folder / "app.py") as url:
            run = run_of(tmp_path, url)
            yield replace(run, source=list_source(folder))

    return start


def _written(folder: Path, body: str) -> Path:
    folder.mkdir()
    text = "\n".join(f"        {line}" for line in body.strip().splitlines())
    (folder / "app.py").write_text(HANDLER.replace("{body}", text))
    return folder


def role(run: ToolRun, service: str, kind: Literal["backend", "frontend"]) -> ToolRun:
    """The same run; its only service has this name, and the role that the name suggests."""
    target = Target(service=service, base_url=run.request.targets[0].base_url, role=kind)
    return replace(run, request=run.request.model_copy(update={"targets": (target,)}))


def run_with(run: ToolRun, **options: object) -> ToolRun:
    """The same run with other options."""
    given = {**run.request.options, **options}
    return replace(run, request=run.request.model_copy(update={"options": given}))


def skipped(parsed: Parsed) -> dict[str, str]:
    return {one.what: one.reason for one in parsed.coverage.skipped}
