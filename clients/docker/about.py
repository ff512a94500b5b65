"""Which engine this is, on which machine it runs, and which of our limits it keeps."""

import os
import re
from dataclasses import dataclass
from typing import Any, cast

import docker
import docker.errors
import psutil
import requests.exceptions

from clients.docker.errors import platform_error
from contract.errors import ErrorCode, PlatformError

# Docker 20.10, the oldest engine that the tests run on.
_OLDEST_API = (1, 41)
# Fields of `docker info`, one per limit; a rootless engine on cgroup v1 keeps no limit.
_LIMITS = {"MemoryLimit": "memory", "CpuCfsQuota": "processors", "PidsLimit": "processes"}


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine.

    Attributes:
        name: `Docker` or `Podman`.
        machine: the name of its machine.
        here: whether that is this machine, judged by name, kernel and memory.
        unlimited: the resources of an app that it cannot limit.
    """

    name: str
    version: str
    machine: str = ""
    rootless: bool = False
    here: bool = True
    unlimited: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} {self.version}{', rootless' if self.rootless else ''}"

    @property
    def kind(self) -> str:
        """The engine's kind in the conditions of a run: compare figures of the same kind only."""
        return f"{self.name.lower()}{'-rootless' if self.rootless else ''}"

    @property
    def apart(self) -> str:
        """Why this host's firewall and cgroups do not affect its apps; empty when they do."""
        if not self.here:
            return "the engine runs on another machine"
        return "the engine is rootless" if self.rootless else ""

    @property
    def closes_by_network(self) -> bool:
        """Whether an internal network keeps apps inside and still publishes their ports.

        Rootless Podman does that. Elsewhere our firewall or Docker's missing masquerading closes
        the way out; Podman masquerades in each network.
        """
        return self.name == "Podman" and self.rootless

    @property
    def notes(self) -> tuple[str, ...]:
        """The differences from a Docker engine that runs as root on this machine."""
        found = [f"engine: {self}"] if self.kind != "docker" or not self.here else []
        if not self.here:
            where = f"another machine ({self.machine})"
            found.append(f"engine: on {where}, whose ports are taken to be forwarded to 127.0.0.1")
        if self.unlimited:
            found.append(f"limits: this engine keeps none of {', '.join(self.unlimited)}")
        return tuple(found)


DOCKER = Engine("Docker", "of an unknown version")


def learn(client: docker.DockerClient) -> Engine:
    """The engine that `client` talks to. Blocking.

    Raises:
        PlatformError: UNAVAILABLE; FAILED_PRECONDITION when it is too old or runs no Linux.
    """
    try:
        version = client.version()
        require_recent(version)
        info = client.info()
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise platform_error(error) from error
    options = [str(option) for option in info.get("SecurityOptions") or ()]
    rootless = any("rootless" in option for option in options) or bool(info.get("Rootless"))
    # Podman claims them and ignores them.
    none = rootless and info.get("CgroupVersion") == "1"
    return Engine(
        name=name_of(version),
        version=str(version.get("Version") or "of an unknown version"),
        machine=str(info.get("Name") or "unnamed"),
        rootless=rootless,
        here=_is_here(info),
        unlimited=tuple(limit for key, limit in _LIMITS.items() if none or info.get(key) is False),
    )


def name_of(version: dict[str, Any]) -> str:
    """The program that gave this answer to `/version`."""
    parts = cast("list[dict[str, Any]]", version.get("Components") or [])
    return "Podman" if any("Podman" in str(part.get("Name")) for part in parts) else "Docker"


def require_recent(version: dict[str, Any]) -> None:
    """Refuse an engine that lacks what we need of it later.

    Raises:
        PlatformError: FAILED_PRECONDITION.
    """
    numbers = re.findall(r"\d{1,6}", str(version.get("ApiVersion") or ""))[:2]
    api = tuple(map(int, numbers))
    engine = f"the engine is {name_of(version)} {version.get('Version')}"
    if api < _OLDEST_API:
        message = f"{engine} (API {'.'.join(numbers) or 'unknown'}): Assay needs Docker 20.10"
        message += " (API 1.41), Podman 4, or later: upgrade it, or set ASSAY_ENGINE=process"
        raise PlatformError(ErrorCode.FAILED_PRECONDITION, message)
    if (system := str(version.get("Os") or "linux")) != "linux":
        message = f"{engine} for {system} containers: switch it to Linux containers"
        raise PlatformError(ErrorCode.FAILED_PRECONDITION, message)


def _is_here(info: dict[str, Any]) -> bool:
    """Whether the engine's machine looks like this one; a missing fact is no difference.

    In a container this process has another host name; then kernel and memory decide.
    """
    own = {"KernelVersion": os.uname().release, "MemTotal": psutil.virtual_memory().total}
    if not os.path.exists("/.dockerenv") and not os.path.exists("/run/.containerenv"):
        own["Name"] = os.uname().nodename
    return all(info.get(key) in (None, "", 0, value) for key, value in own.items())
