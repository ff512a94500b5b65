"""A cgroup per build, for the one limit that the engine's build call lacks: the process count.

A ulimit does not help: it is not enforced for root, and most build steps run as root.
"""

import hashlib
import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from clients.docker.errors import call

_ROOT = Path("/sys/fs/cgroup")
_PARENT = "assay-build"
_OLD_S = 3_600.0


@dataclass(frozen=True, slots=True)
class BuildCgroups:
    """Needs root on the engine's own host, and an engine that manages cgroups itself."""

    client: docker.DockerClient
    docker_host: str
    pids: int

    async def obstacle(self) -> str:
        """Why builds have no process limit here; empty when they have one."""
        engine: dict[str, Any] = await call(self.client.info)
        if engine.get("CgroupDriver") != "cgroupfs":
            return f"the engine's cgroup driver is {engine.get('CgroupDriver')}"
        if not self.docker_host.startswith("unix://") or not os.access(self._controller(), os.W_OK):
            return "needs root on the engine's host"
        return ""

    @contextmanager
    def limited(self, key: str) -> Generator[str]:
        """A cgroup for the build `key`; yields the name that the engine gets as its parent.

        Empty when the host refuses.
        """
        name = f"{_PARENT}/{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        folder = self._controller() / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "pids.max").write_text(str(self.pids))
        except OSError:
            yield ""
            return
        try:
            yield f"/{name}"
        finally:
            _remove(name)

    def sweep(self) -> None:
        """Remove cgroups whose worker was killed. A cgroup in use stays."""
        for folder in (self._controller() / _PARENT).glob("*/"):
            with suppress(OSError):
                if folder.stat().st_mtime < time.time() - _OLD_S:
                    _remove(f"{_PARENT}/{folder.name}")

    @staticmethod
    def _controller() -> Path:
        """The folder of the controller for process limits; in cgroup v1 a hierarchy of its own."""
        return _ROOT / "pids" if (_ROOT / "pids").is_dir() else _ROOT


def _remove(name: str) -> None:
    """Remove an empty cgroup; in v1 from each hierarchy that the engine made it in."""
    for folder in (*_ROOT.glob(f"*/{name}"), _ROOT / name):
        with suppress(OSError):
            folder.rmdir()
