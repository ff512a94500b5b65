"""Where a container listens: its open sockets are the truth about its port, whatever it says."""

import asyncio
from contextlib import suppress
from pathlib import Path

import docker

from clients.docker.containers import State
from clients.docker.errors import call
from clients.docker.execs import run_inside
from clients.sockets import Listening, parse
from contract.errors import PlatformError

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_MAX_BYTES = 512 * 1024
_TIMEOUT_S = 5.0


async def listening(client: docker.DockerClient, state: State, local: bool) -> Listening:
    """The ports that the container listens on now.

    Args:
        client: of its engine.
        state: of the container.
        local: whether the engine is this host's.
    """
    tables = await asyncio.to_thread(_of_process, state) if local and state.pid else ""
    if not tables:
        with suppress(PlatformError, OSError):
            argv = ["cat", *_TABLES]
            code, output = await call(run_inside, client, state.id, argv, _TIMEOUT_S, _MAX_BYTES)
            tables = output.decode("ascii", errors="replace") if code == 0 else ""
    return parse(tables.splitlines()) if tables else Listening()


def _of_process(state: State) -> str:
    """The tables of this host's kernel; empty where it does not show us other processes."""
    folder = Path(f"/proc/{state.pid}")
    try:
        if state.id not in (folder / "cgroup").read_text():
            return ""
        return "".join((folder / table.removeprefix("/proc/")).read_text() for table in _TABLES)
    except OSError:
        return ""
