"""Where a container listens: its open sockets are the truth about its port, whatever it says."""

import asyncio
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, cast

import docker

from clients.docker.containers import State
from clients.docker.errors import call
from clients.sockets import Listening, parse
from contract.errors import PlatformError

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_MAX_BYTES = 512 * 1024
_TIMEOUT_S = 5.0


async def listening(client: docker.DockerClient, state: State, local: bool) -> Listening:
    """What the container listens on now.

    Args:
        client: of its engine.
        state: of the container.
        local: whether the engine is this host's.
    """
    tables = await asyncio.to_thread(_of_process, state) if local and state.pid else ""
    if not tables:
        with suppress(PlatformError, OSError):
            tables = await call(_by_exec, client, state.id)
    return parse(tables.splitlines()) if tables else Listening()


def _of_process(state: State) -> str:
    """The tables as this host's kernel shows them; empty where it shows other processes to us."""
    folder = Path(f"/proc/{state.pid}")
    try:
        if state.id not in (folder / "cgroup").read_text():
            return ""
        return "".join((folder / table.removeprefix("/proc/")).read_text() for table in _TABLES)
    except OSError:
        return ""


def _by_exec(client: docker.DockerClient, container_id: str) -> str:
    """The tables as a `cat` in the container prints them: hostile, bounded in size and time."""
    made = client.api.exec_create(container_id, ["cat", *_TABLES], tty=True, stderr=False)
    stream = cast("Any", client.api.exec_start(made["Id"], tty=True, socket=True))
    data = b""
    with closing(stream):
        raw = getattr(stream, "_sock", stream)
        raw.settimeout(_TIMEOUT_S)
        while len(data) < _MAX_BYTES and (chunk := raw.recv(65_536)):
            data += chunk
    return data.decode("ascii", errors="replace")
