"""How long a start may take: longer while host, health check or the app's own work ask for it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import docker

from clients.calm import Host, Moment
from clients.docker.containers import State
from clients.docker.engine import cores_used
from contract.errors import PlatformError
from contract.limits import HEALTH_S

# A health check that says `starting` may have a long start period.
# Compiling or loading a model at the start, on the one core of an app.
_AT_WORK_CORES = 0.5


@dataclass(slots=True)
class StartTime:
    """The time of one start, which begins when this is made."""

    client: docker.DockerClient
    deadline_s: float
    host: Host
    on_progress: Callable[[str], None]
    _began: Moment = field(init=False)
    _reported: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        """Begin."""
        self._began = self.host.look()

    def waited(self) -> str:
        """`within 90 s`, and what the host was busy with."""
        strained = self.strain()
        return f"within {self._elapsed_s():.0f} s" + (f" (host: {strained})" if strained else "")

    def strain(self) -> str:
        """What the host was busy with since the start; empty when it was calm."""
        return self.host.strain(self._began, self.host.look())

    async def is_over(self, began: Moment, state: State, *, is_warm: bool) -> bool:
        """Whether the time is over, with no reason to give more.

        Args:
            began: when the container was started: it gets half of the time to itself.
            state: of the container.
            is_warm: whether it serves already: an unhealthy check then is no warm-up.
        """
        late_s = max(began.at_s - self._began.at_s - self.deadline_s / 2, 0.0)
        beyond_s = self._elapsed_s() - self.deadline_s - late_s
        if beyond_s <= 0:
            return False
        why, more_s = await self._reason_to_wait(state, beyond_s, is_warm)
        if why and beyond_s <= more_s:
            if why not in self._reported:
                self._reported.add(why)
                self.on_progress(f"not ready after {self._elapsed_s():.0f} s, still waiting: {why}")
            return False
        return True

    async def _reason_to_wait(
        self, state: State, beyond_s: float, is_warm: bool
    ) -> tuple[str, float]:
        """Why more time is given, and how many seconds; without a reason none is."""
        if state.health == "starting" and not is_warm:
            return "its health check says `starting`", HEALTH_S
        if state.paused:
            return "it is paused", self.deadline_s
        if strained := self.strain():
            return f"the host is loaded ({strained})", self.deadline_s
        if beyond_s <= self.deadline_s and await self.is_at_work(state):
            return "it is still at work (it keeps its processor busy)", self.deadline_s
        return "", 0.0

    async def is_at_work(self, state: State) -> bool:
        """Whether the container keeps a processor busy. About 1 s."""
        with suppress(PlatformError):  # the next look shows whether it is gone
            return await cores_used(self.client, state.id) > _AT_WORK_CORES
        return False

    def _elapsed_s(self) -> float:
        return self.host.look().at_s - self._began.at_s
