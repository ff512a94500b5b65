"""A recorded installation behind a socket: python -m tests.support.dashboard_server FOLDER [PORT].

The folder gets the two recorded pipelines if it has no store. Without a port, a free one is taken;
the first line on standard output is the address.
"""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from dashboard.app import create_app
from tests.support.dashboard_site import ROOT, site_of
from tests.support.two_pipelines import two_pipelines


@contextmanager
def serving(folder: Path) -> Generator[str]:
    """The address of a server in a process of its own, which ends with this context."""
    command = [sys.executable, "-m", "tests.support.dashboard_server", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def _serve(folder: Path, port: int) -> None:
    if not (folder / "assay.db").exists():
        folder.mkdir(parents=True, exist_ok=True)
        await two_pipelines(folder)
    listening = socket.create_server(("127.0.0.1", port), backlog=128)
    server = uvicorn.Server(
        uvicorn.Config(create_app(site_of(folder)), log_level="warning", proxy_headers=False)
    )
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    await server.serve(sockets=[listening])


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
