"""Runs the `app.py` of a case, or of a variant, as a process on a free port of 127.0.0.1."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

# The cases bind a port of their own; here every one is given a free one, which is told.
_RUN = """
import http.server, runpy, sys
inner = http.server.ThreadingHTTPServer
class Free(inner):
    def __init__(self, address, handler):
        super().__init__(("127.0.0.1", 0), handler)
        print(self.server_port, flush=True)
http.server.ThreadingHTTPServer = Free
runpy.run_path(sys.argv[1], run_name="__main__")
"""


@asynccontextmanager
async def app_running(program: Path) -> AsyncGenerator[str]:
    """Address of the running app; it is gone afterwards."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-c", _RUN, str(program)),
        cwd=program.parent,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout
        port = int(await asyncio.wait_for(process.stdout.readline(), 20))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()
