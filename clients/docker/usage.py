"""What the containers of running apps use: from their cgroups, else from the engine.

The engine takes up to a second for each container, because it looks once a second: those that have
to be asked for are asked side by side, and not all of many.
"""

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import docker
import docker.errors
import requests.exceptions

from clients.docker.cgroup_usage import Used, read_cgroup
from clients.docker.engine import moment
from clients.docker.labels import Labels
from clients.usage import AppUsage, joined
from contract.errors import ErrorCode, PlatformError
from contract.ids import LABEL_WORKFLOW

_MAX_CONTAINERS = 100
_ASKED_AT_ONCE = 16
_ASKED_MAX = 48
_NANO = 1e9
_GONE = (docker.errors.NotFound, KeyError, ValueError)


@dataclass(frozen=True, slots=True)
class _Running:
    """A container of an app that runs."""

    id: str
    workflow_id: str
    since: datetime
    pid: int


@dataclass(frozen=True, slots=True)
class UsageReader:
    """Asks the engine; one question at a time, so that a hung engine holds few threads."""

    client: docker.DockerClient
    labels: Labels
    _busy: threading.Lock = field(default_factory=threading.Lock)

    def read(self) -> list[AppUsage]:
        """The apps whose containers run, at most 100 containers. Blocking.

        Raises:
            PlatformError: UNAVAILABLE: the engine does not answer, or still owes an earlier answer.
        """
        if not self._busy.acquire(blocking=False):
            raise PlatformError(ErrorCode.UNAVAILABLE, "the engine still owes an earlier answer")
        try:
            return joined([_usage(container, used) for container, used in self._all()])
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            raise PlatformError(ErrorCode.UNAVAILABLE, f"the engine: {error}") from error
        finally:
            self._busy.release()

    def _all(self) -> Iterator[tuple[_Running, Used]]:
        listed = self.client.api.containers(filters=self.labels.filters())[:_MAX_CONTAINERS]
        asked: list[_Running] = []
        for running in filter(None, (self._look(container) for container in listed)):
            if used := read_cgroup(running.id, running.pid):
                yield running, used
            else:
                asked.append(running)
        if asked:
            with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
                answers = pool.map(self._ask, asked[:_ASKED_MAX])
                yield from ((one, used) for one, used in zip(asked, answers, strict=False) if used)

    def _look(self, container: Mapping[str, Any]) -> _Running | None:
        """None if it has just ended, or belongs to no app."""
        workflow_id = (container.get("Labels") or {}).get(LABEL_WORKFLOW, "")
        try:
            state = self.client.api.inspect_container(container["Id"])["State"]
            if not workflow_id or not state.get("Running"):
                return None
            since = moment(state["StartedAt"])
            return _Running(container["Id"], workflow_id, since, int(state.get("Pid") or 0))
        except _GONE:
            return None

    def _ask(self, running: _Running) -> Used | None:
        """From the engine; None if the container has just ended."""
        try:
            stats = self.client.api.stats(running.id, stream=False, one_shot=True)
            cpu_s = stats["cpu_stats"]["cpu_usage"]["total_usage"] / _NANO
            return Used(memory_of(stats.get("memory_stats") or {}), cpu_s)
        except _GONE:
            return None


def _usage(container: _Running, used: Used) -> AppUsage:
    uptime_s = max(0.0, (datetime.now(UTC) - container.since).total_seconds())
    return AppUsage(container.workflow_id, uptime_s, used.memory_bytes, used.cpu_s)


def memory_of(stats: Mapping[str, Any]) -> int:
    """Bytes in use, as `docker stats` counts them: without the inactive part of the file cache."""
    details = stats.get("stats") or {}
    cache = details.get("inactive_file", details.get("total_inactive_file", 0))
    return max(0, int(stats.get("usage", 0)) - int(cache))
