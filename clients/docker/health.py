"""A container's own health check, run when we need it and not after its interval.

An engine runs a check for the first time after its interval, half a minute by default. Running it
at once gives the same answer earlier.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import docker

from clients.docker.containers import State
from clients.docker.errors import call
from clients.docker.execs import run_inside
from contract.errors import PlatformError

Health = Literal["none", "healthy", "waiting", "broken"]
_EVERY_S = 2.0
_TIMEOUT_S = 10.0
_MAX_BYTES = 16_384
_NOT_RUNNABLE = (126, 127)
# A shell's message about a program that the image does not have.
_MISSING = re.compile(
    rb"([\w./-]+): (?:command )?not found|executable file not found|no such file or directory",
    re.IGNORECASE,
)


@dataclass(slots=True)
class _Looked:
    at_s: float = -_EVERY_S
    found: Health = "waiting"


@dataclass(slots=True)
class HealthChecks:
    """The health checks of the containers of one start.

    Attributes:
        broken: container ID -> why its check cannot be run.
    """

    client: docker.DockerClient
    broken: dict[str, str] = field(default_factory=dict[str, str])
    _looked: dict[str, _Looked] = field(default_factory=dict[str, _Looked])

    async def of(self, state: State) -> Health:
        """The result of the check now; `broken`: it can never pass, because it cannot be run."""
        if not state.health:
            return "none"
        if state.health == "healthy":
            return "healthy"
        if not state.running:
            return "waiting"
        now_s = asyncio.get_running_loop().time()
        last = self._looked.setdefault(state.id, _Looked())
        if now_s - last.at_s >= _EVERY_S:
            last.found = await self._run(state)
            last.at_s = asyncio.get_running_loop().time()
        return last.found

    async def _run(self, state: State) -> Health:
        argv = _argv(state.health_test)
        if not argv:
            return "waiting"
        try:
            code, output = await call(
                run_inside, self.client, state.id, argv, _TIMEOUT_S, _MAX_BYTES, errors=True
            )
        except (PlatformError, OSError):  # the next look shows whether it is gone
            return "waiting"
        if code == 0:
            self.broken.pop(state.id, None)
            return "healthy"
        missing = _MISSING.search(output)
        if code in _NOT_RUNNABLE or missing:
            reason = missing[0] if missing else output[-200:]
            self.broken[state.id] = reason.decode(errors="replace").strip()
            return "broken"
        return "waiting"


def _argv(test: Sequence[str]) -> list[str]:
    if len(test) > 1 and test[0] == "CMD":
        return list(test[1:])
    return ["/bin/sh", "-c", test[1]] if len(test) == 2 and test[0] == "CMD-SHELL" else []
