"""What the containers of running apps use: one question per container, answered at once.

The engine is asked for a single look (`one-shot`): its stream, and its default of two looks a
second apart, would cost a second for each container.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import docker
import docker.errors
import requests.exceptions

from clients.docker.engine import moment
from clients.docker.labels import Labels
from clients.usage import AppUsage, joined
from contract.errors import ErrorCode, PlatformError
from contract.ids import LABEL_WORKFLOW

_MAX_CONTAINERS = 100
_NANO = 1e9
_GONE = (docker.errors.NotFound, KeyError, ValueError)


@dataclass(frozen=True, slots=True)
class UsageReader:
    """Asks the engine; one question at a time, so that a hung engine holds one thread at most."""

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
            found = self.client.api.containers(filters=self.labels.filters())
            return joined([u for c in found[:_MAX_CONTAINERS] if (u := self._of(c))])
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            raise PlatformError(ErrorCode.UNAVAILABLE, f"the engine: {error}") from error
        finally:
            self._busy.release()

    def _of(self, container: Mapping[str, Any]) -> AppUsage | None:
        """Of one container; None if it has just ended, or belongs to no app."""
        workflow_id = (container.get("Labels") or {}).get(LABEL_WORKFLOW, "")
        if not workflow_id:
            return None
        try:
            stats = self.client.api.stats(container["Id"], stream=False, one_shot=True)
            state = self.client.api.inspect_container(container["Id"])["State"]
            if not state.get("Running"):
                return None
            since = moment(state["StartedAt"])
            cpu_s = stats["cpu_stats"]["cpu_usage"]["total_usage"] / _NANO
            memory_bytes = memory_of(stats.get("memory_stats") or {})
        except _GONE:
            return None
        uptime_s = max(0.0, (datetime.now(UTC) - since).total_seconds())
        return AppUsage(workflow_id, uptime_s, memory_bytes, cpu_s)


def memory_of(stats: Mapping[str, Any]) -> int:
    """Bytes in use, as `docker stats` counts them: without the inactive part of the file cache."""
    details = stats.get("stats") or {}
    cache = details.get("inactive_file", details.get("total_inactive_file", 0))
    return max(0, int(stats.get("usage", 0)) - int(cache))
