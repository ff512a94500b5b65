"""Runs dynamic tools on an app of a test: a folder of sources and an address."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from analyzers.dynamic.tools import TOOLS
from analyzers.runtime.process.runner import Runner
from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import Parsed, Tool, ToolRun
from contract.analysis import SubtaskRequest, Target
from contract.analyzers import AnalyzerKind
from contract.spec import AppRef, SourceRef
from tests.support.cases import case_app

INSTALLED = Path(__file__).parents[2] / ".tools" / "dynamic"
BOUND = "('0.0.0.0', 8000)"


def run_over(url: str, folder: Path, source: Path | None = None, **options: float | str) -> ToolRun:
    """A run over the app at `url` whose files are `source`; none of its own by default."""
    app = source or folder / "app"
    workspace = folder / "work"
    app.mkdir(exist_ok=True)
    workspace.mkdir(exist_ok=True)
    request = SubtaskRequest(
        subtask_id="p/m/1/dynamic",
        analyzer=AnalyzerKind.DYNAMIC,
        ref=AppRef(model="m", app_number=1),
        source=SourceRef(path=str(app), digest="0" * 64),
        targets=(Target(service="app", base_url=url),),
        options=options,
    )
    return ToolRun(request, list_source(app), workspace, INSTALLED)


def tool_named(name: str) -> Tool:
    """The dynamic tool of that name."""
    return next(tool for tool in TOOLS if tool.name == name)


async def measure(run: ToolRun, *names: str) -> dict[str, Parsed]:
    """The result of each of these tools, one after another."""
    runner = Runner(run.workspace)
    return {name: await tool_named(name).run(run, runner) for name in names}


def rules(report: Parsed) -> set[str]:
    """`rule METHOD /path` of each finding."""
    return {f"{one.rule_id} {one.location.method} {one.location.url}" for one in report.findings}


def missed(report: Parsed) -> dict[str, str]:
    """What was not looked at, with the reason."""
    return {one.what: one.reason for one in report.coverage.skipped}


@asynccontextmanager
async def serving_case(name: str) -> AsyncIterator[str]:
    """The app of a case, as its author starts it, but on a free port of 127.0.0.1."""
    code = (case_app(name) / "app.py").read_text()
    assert BOUND in code
    free = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port: int = free.sockets[0].getsockname()[1]
    free.close()
    await free.wait_closed()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", code.replace(BOUND, f"('127.0.0.1', {port})")
    )
    try:
        async with asyncio.timeout(20):
            while not await _listens(port):
                await asyncio.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def html(text: str, status: int = 200, **headers: str) -> web.Response:
    """A page."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(text=text, status=status, content_type="text/html", headers=named)
