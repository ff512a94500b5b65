"""The engine's own history: since when it runs, and what happened to its containers."""

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import docker

from clients.docker.errors import call
from contract.errors import ErrorCode, PlatformError

_ROOT = "/var/lib/docker"
_DEFAULT_NETWORK = "com.docker.network.bridge.default_bridge"


async def running_since(client: docker.DockerClient) -> datetime | None:
    """When the engine was last started: Docker makes its default network at each start.

    None when it is configured without that network, and for Podman, whose containers outlive it.

    Raises:
        PlatformError: the engine is unreachable.
    """
    try:
        network: dict[str, Any] = await call(client.api.inspect_network, "bridge")
    except PlatformError as error:
        if error.code is ErrorCode.NOT_FOUND:
            return None
        raise
    if (network.get("Options") or {}).get(_DEFAULT_NETWORK) != "true":
        return None
    return moment(str(network["Created"]))


async def folder_of(client: docker.DockerClient) -> Path:
    """Where the engine keeps images and what containers write, on its own host."""
    with suppress(PlatformError):
        return Path(str((await call(client.info)).get("DockerRootDir") or _ROOT))
    return Path(_ROOT)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a container.

    Attributes:
        action: `kill`, `oom`, `die`, `stop`, `restart`.
        at_ns: Unix time by the engine's clock.
        signal: the one sent, for a `kill`; 0 where the engine does not tell (Podman).
    """

    action: str
    at_ns: int
    signal: int = 0


async def events_of(client: docker.DockerClient, container_id: str) -> list[Event]:
    """What happened to a container lately, oldest first; it may be gone by now. About 1 s.

    The engine keeps its last 256 events of all containers: a missing event proves nothing.

    Raises:
        PlatformError: the engine is unreachable.
    """
    if not container_id:
        return []
    found = [_event(event) for event in await call(_events, client, container_id)]
    return sorted(found, key=lambda event: event.at_ns)


def _events(client: docker.DockerClient, container_id: str) -> list[Any]:
    # By the engine's own clock: a later time would make the engine wait for new events. The second
    # of waiting is intended: the engine may report the cause of an end after the end.
    until = int(_clock(client)) + 1
    wanted = ["kill", "oom", "die", "stop", "restart"]
    filters = {"container": container_id, "event": wanted}
    return list(client.api.events(since=1, until=until, filters=filters, decode=True))


def _clock(client: docker.DockerClient) -> float:
    """Unix time of the engine's host."""
    system_time = client.info().get("SystemTime")
    return moment(str(system_time)).timestamp() if system_time else time.time()


def _event(event: dict[str, Any]) -> Event:
    actor = cast("dict[str, Any]", event.get("Actor") or {})
    signal = str((actor.get("Attributes") or {}).get("signal", ""))
    at_ns = int(event.get("timeNano") or int(event.get("time") or 0) * 10**9)
    action = str(event.get("Action") or event.get("status") or "")
    return Event(action, at_ns, int(signal) if signal.isdecimal() else 0)


async def ran_out_of_memory(client: docker.DockerClient, container_id: str) -> bool:
    """Whether a container hit its memory limit lately; it may be gone by now. About 1 s.

    Raises:
        PlatformError: the engine is unreachable.
    """
    return any(event.action == "oom" for event in await events_of(client, container_id))


async def cores_used(client: docker.DockerClient, container_id: str) -> float:
    """How many cores the container keeps busy now, over about 1 s; 0 when the engine cannot tell.

    Raises:
        PlatformError: the engine is unreachable, or the container is gone.
    """
    figures = cast("dict[str, Any]", await call(client.api.stats, container_id, stream=False))
    now, before = figures.get("cpu_stats") or {}, figures.get("precpu_stats") or {}
    try:
        used = now["cpu_usage"]["total_usage"] - before["cpu_usage"]["total_usage"]
        passed = now["system_cpu_usage"] - before["system_cpu_usage"]
        return used / passed * now["online_cpus"] if passed > 0 else 0.0
    except (KeyError, TypeError):
        return 0.0


def moment(text: str) -> datetime:
    """Parse a time stamp of the engine (RFC 3339)."""
    return datetime.fromisoformat(text)
