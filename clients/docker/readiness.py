"""When an app that was started is ready, how long that may take, and what it means when it is not.

An answer below 500 is ready. A server error may be a warm-up (migrations, a back end that is not up
yet): a health check of the app's own is asked then, and a 503 without one is waited for. What the
container listens on is the truth about its port.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import docker

from clients import blame
from clients.calm import Host, Moment
from clients.docker.containers import State
from clients.docker.engine import cores_used
from clients.docker.ports import WELL_KNOWN_PORTS
from clients.docker.reach import unreached
from clients.docker.sockets import listening
from clients.probe import Answer, ask, speaks_tls
from clients.sockets import Listening
from clients.targets import Location
from contract.blame import Row
from contract.errors import PlatformError

_WARMING_UP = (502, 503, 504)
# A health check that says `starting` may have a long start period.
_HEALTH_S = 300.0
_SETTLE_S = 6.0
# Compiling or loading a model at the start, on the one core that an app has.
_AT_WORK_CORES = 0.5
_LOOK_EVERY_S = 2.0


class Moved(Exception):
    """A service listens on `port`, which its container does not publish."""

    def __init__(self, service: str, port: int) -> None:
        super().__init__(f"{service} listens on {port}")
        self.service = service
        self.port = port


@dataclass(slots=True)
class _Seen:
    """What one service did so far.

    Attributes:
        answers: the last of each port.
        moved: the unpublished port it listened on at the last look; 0: none.
    """

    began_s: float
    began: Moment
    answers: dict[int, Answer] = field(default_factory=dict[int, Answer])
    looked_s: float = 0.0
    moved: int = 0


@dataclass(slots=True)
class Readiness:
    """Of the services of one start, which begins when this is made."""

    client: docker.DockerClient
    location: Location
    deadline_s: float
    host: Host
    on_progress: Callable[[str], None]
    notes: list[str] = field(default_factory=list[str])
    _began: Moment = field(init=False)
    _seen: dict[str, _Seen] = field(default_factory=dict[str, _Seen])
    _said: set[str] = field(default_factory=set[str])

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

    async def is_over(self, state: State) -> bool:
        """Whether the time is over, and nothing speaks for more of it."""
        if self._elapsed_s() <= self.deadline_s:
            return False
        why, more_s = await self._reason_to_wait(state)
        if why and self._elapsed_s() <= self.deadline_s + more_s:
            if why not in self._said:
                self._said.add(why)
                self.on_progress(f"not ready after {self._elapsed_s():.0f} s, still waiting: {why}")
            return False
        return True

    async def _reason_to_wait(self, state: State) -> tuple[str, float]:
        """Why more time is given, and how much in seconds; an empty reason: none is."""
        if state.health == "starting":
            return "its health check says `starting`", _HEALTH_S
        if state.paused:
            return "it is paused", self.deadline_s
        if strained := self.strain():
            return f"the host is loaded ({strained})", self.deadline_s
        if self._elapsed_s() > 2 * self.deadline_s:
            return "", 0.0
        with suppress(PlatformError):  # whether it is gone, the next look tells
            if await cores_used(self.client, state.id) > _AT_WORK_CORES:
                return "it is still at work (it keeps its processor busy)", self.deadline_s
        return "", 0.0

    async def port(self, service: str, state: State, *, may_move: bool) -> int | None:
        """The port that is ready to be measured; None: not yet.

        Args:
            service: its name.
            state: of its container.
            may_move: whether to look where else it listens; not for one that has moved already.

        Raises:
            Moved: the service listens elsewhere.
        """
        if state.paused:
            return None
        seen = self._of(service)
        for port in state.ports:
            seen.answers[port] = answer = await ask(state.probe_url(self.location, port))
            if self._is_ready(answer, state):
                return port
        answering = [port for port, answer in seen.answers.items() if answer.kind == "http"]
        if answering and await self.is_over(state):
            said = f"{service}: {seen.answers[answering[0]]} to the end of its start"
            self.notes.append(f"{said} (health check: {state.health or 'none'})")
            return answering[0]
        if not answering and may_move:
            await self._look_elsewhere(service, state, seen)
        return None

    @staticmethod
    def _is_ready(answer: Answer, state: State) -> bool:
        if answer.kind != "http":
            return False
        if answer.status < 500 or state.health == "healthy":
            return True
        return not state.health and answer.status not in _WARMING_UP

    async def _look_elsewhere(self, service: str, state: State, seen: _Seen) -> None:
        """Where else it listens, if it does so at two looks and nowhere it said it would.

        Raises:
            Moved: it does.
        """
        now_s = asyncio.get_running_loop().time()
        if now_s - seen.began_s < _SETTLE_S or now_s - seen.looked_s < _LOOK_EVERY_S:
            return
        seen.looked_s = now_s
        found = await listening(self.client, state, self.host.local)
        if not found.outside or set(found.outside) & set(state.ports):
            seen.moved = 0
            return
        known = [port for port in WELL_KNOWN_PORTS if port in found.outside]
        port = (*known, *found.outside)[0]
        if port == seen.moved:
            raise Moved(service, port)
        seen.moved = port

    def is_foreign(self, service: str) -> bool:
        """Whether it answers, and in another protocol on each port that answers at all."""
        kinds = {one.kind for one in self._of(service).answers.values()}
        return "foreign" in kinds and "http" not in kinds

    async def speaks_no_http(self, service: str, state: State) -> bool:
        """Whether it accepts connections on a port of its own, but speaks something else."""
        if state.paused:
            return False
        found = await listening(self.client, state, self.host.local)
        other = self._no_http(service, found)
        if other:
            self.notes.append(f"{service}: port {other[0]} speaks no HTTP, so it is not measured")
        return bool(other)

    def _no_http(self, service: str, found: Listening) -> list[int]:
        """Ports that accept connections, and answered in something else than HTTP."""
        answers = self._of(service).answers.items()
        kinds = ("broken", "foreign")
        return [port for port, one in answers if port in found.outside and one.kind in kinds]

    async def verdict(self, service: str, state: State) -> tuple[Row, str]:
        """What it means that `service` did not become ready: a row, and how it is said of it."""
        if state.paused:
            return blame.PAUSED, f"was paused from outside, and did not answer {self.waited()}"
        found = await listening(self.client, state, self.host.local)
        if found.known and found.loopback and not found.outside:
            return blame.LOOPBACK, _loopback(found)
        answers = self._of(service).answers
        if port := await unreached(state, found, answers, self.host.reaches):
            return blame.UNREACHED, (
                f"listens on port {port}, and 127.0.0.1:{state.ports[port]}, where its engine"
                " publishes it, refuses connections: the engine is another machine's, or its port"
                " forwarding is broken (was a firewall reloaded?)"
            )
        for port in self._no_http(service, found):
            if await speaks_tls(state.probe_url(self.location, port)):
                return blame.TLS_ONLY, f"speaks TLS on port {port}, and plain HTTP on none"
        row = blame.SLOW_START if self.strain() else blame.NEVER_ANSWERED
        text = f"runs but did not answer HTTP on {self._tried(service, state, found)}"
        return row, f"{text} {self.waited()}; {found}"

    def _tried(self, service: str, state: State, found: Listening) -> str:
        """`port 8000, 80 (accepts connections and does not answer)`."""
        answers = self._of(service).answers
        tried = [
            f"{port} ({answers[port]})" if port in answers and port in found.outside else str(port)
            for port in state.ports
        ]
        return f"port {', '.join(tried)}" if tried else "any port"

    def _of(self, service: str) -> _Seen:
        now = self.host.look()
        return self._seen.setdefault(service, _Seen(now.at_s, now))

    def _elapsed_s(self) -> float:
        return self.host.look().at_s - self._began.at_s


def _loopback(found: Listening) -> str:
    places = ", ".join(f"127.0.0.1:{port}" for port in found.loopback)
    return (
        f"listens on {places} of its own container alone, which nothing outside of it reaches:"
        " it has to listen on 0.0.0.0"
    )
