"""What the engine tells of itself: since when it runs, and whom it killed for want of memory."""

import time
from datetime import datetime
from typing import Any

import docker

from clients.docker.errors import call
from contract.errors import ErrorCode, PlatformError


async def running_since(client: docker.DockerClient) -> datetime | None:
    """When the engine was last started: it makes its default network at each of its starts.

    None when it is configured without that network.

    Raises:
        PlatformError: the engine is unreachable.
    """
    try:
        network: dict[str, Any] = await call(client.api.inspect_network, "bridge")
    except PlatformError as error:
        if error.code is ErrorCode.NOT_FOUND:
            return None
        raise
    return moment(str(network["Created"]))


async def ran_out_of_memory(client: docker.DockerClient, container_id: str) -> bool:
    """Whether a container hit its memory limit of late; it may be gone by now. About 1 s.

    Raises:
        PlatformError: the engine is unreachable.
    """
    filters = {"container": container_id, "event": "oom"}

    def events() -> list[Any]:
        # The engine keeps its last events; without `until` it goes on telling new ones.
        stream = client.api.events(
            since=1, until=int(time.time()) + 1, filters=filters, decode=True
        )
        return list(stream)

    return bool(container_id) and bool(await call(events))


def moment(text: str) -> datetime:
    """A time stamp of the engine (RFC 3339)."""
    return datetime.fromisoformat(text)
