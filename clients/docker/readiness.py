"""When a started service is ready, how long that may take, and what it means if it is not.

A service's own health check decides if it has one. Otherwise an HTTP service is ready when it
answers below 500; a service with another protocol, when it accepts connections; a service that
cannot be reached from outside, when it runs. A server error may be a warm-up (migrations, a back
end that is not up yet).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from clients.appfolder import ServicePlan
from clients.docker.containers import State
from clients.docker.finding import Finder, Seen, how_found, likeliest
from clients.docker.health import Health, HealthChecks
from clients.docker.settling import Settling
from clients.docker.starttime import StartTime
from clients.docker.unready import Unready
from contract.blame import Row

_WARMING_UP = (502, 503, 504)
# Any other server error that lasts so long is no warm-up.
_ERROR_S = 30.0
# A service that speaks no HTTP for so long speaks another protocol.
_OTHER_S = 5.0
# A service that listens nowhere for so long never will.
_GRACE_S = 6.0


class Moved(Exception):
    """A service listens on `port`, which its container does not publish."""

    def __init__(self, service: str, port: int) -> None:
        super().__init__(f"{service} listens on {port}")
        self.service = service
        self.port = port


@dataclass(frozen=True, slots=True)
class Up:
    """A service that has come up.

    Attributes:
        port: the port that answers HTTP; None: none does.
        found_by: why it is this port.
        further: other ports that accept connections.
    """

    port: int | None = None
    found_by: str = ""
    further: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What we expect of a service.

    Attributes:
        plan: how it runs.
        expected: whether it has to accept connections.
        may_move: whether its container may be created again with another port published.
    """

    plan: ServicePlan
    expected: bool
    may_move: bool


@dataclass(slots=True)
class Readiness:
    """Decides which services of one start are ready; the start begins when this is made.

    Attributes:
        declared: by service, its ports -> where they are declared, likeliest first.
        source: by service, ports that its own files name.
        someone_answers: whether a service of the app has answered HTTP.
    """

    finder: Finder
    health: HealthChecks
    time: StartTime
    declared: Mapping[str, Mapping[int, str]]
    settling: Settling
    source: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    notes: list[str] = field(default_factory=list[str])
    someone_answers: bool = False
    _seen: dict[str, Seen] = field(default_factory=dict[str, Seen])

    def begin(self, service: str) -> None:
        """Its container was started just now; it gets at least half of the time of a start."""
        self._of(service)

    def forget(self, service: str) -> None:
        """Its container was created again."""
        self._seen.pop(service, None)

    def age_s(self, service: str) -> float:
        """For how long its container has run, in seconds."""
        return self.time.host.look().at_s - self._of(service).began.at_s

    async def is_over(self, service: str, state: State) -> bool:
        """Whether the time of a service is over, with no reason to give more."""
        seen = self._of(service)
        serves = any(
            answer.kind == "http" and answer.status < 500 for answer in seen.answers.values()
        )
        return await self.time.is_over(seen.began, state, is_warm=serves)

    async def look(self, wanted: Wanted, state: State) -> Up | None:
        """The service if it has come up; None: not yet.

        Raises:
            Moved: it listens on another port.
        """
        if state.paused:
            return None
        seen = self._of(wanted.plan.name)
        await self.finder.look(state, seen)
        health = await self.health.of(state)
        if seen.ports("http"):
            return await self._by_http(wanted.plan, state, seen, health)
        await self._require_published(wanted, state, seen)
        if self._speaks_otherwise(wanted, seen, health):
            return Up()
        if wanted.expected or health == "waiting":
            return None
        return await self._by_running(wanted.plan, state, seen)

    async def _by_http(
        self, plan: ServicePlan, state: State, seen: Seen, health: Health
    ) -> Up | None:
        """The port that is ready to be measured."""
        declared = self.declared.get(plan.name, {})
        ready = [port for port in seen.ports("http") if self._is_ready(port, seen, health)]
        if not ready or health == "waiting":
            return None
        if len(ready) > 1 or not set(ready) & set(declared):
            await self.finder.read_log(state, seen)
        port = likeliest(ready, declared, seen)
        if not await self.settling.is_over(port, declared, seen, state):
            return None
        if port not in declared:  # its log of this time
            await self.finder.read_log(state, seen, again=True)
            port = likeliest(ready, declared, seen)
        if plan.context is None and not await self.finder.speaks_http(state, port):
            self.notes.append(f"{plan.name}: port {port} speaks no HTTP but to say so")
            return Up()
        if health == "broken":
            why = self.health.broken.get(state.id, "")
            text = f"its health check cannot be run ({why}): that it answers has to do"
            self.notes.append(f"{plan.name}: {text}")
        return self._up(plan, seen, port)

    @staticmethod
    def _is_ready(port: int, seen: Seen, health: Health) -> bool:
        status = seen.answers[port].status
        if status < 500 or health == "healthy":
            return True
        warm = status not in _WARMING_UP and health != "waiting"
        return warm and seen.lasted_s(port) >= _ERROR_S

    def _up(self, plan: ServicePlan, seen: Seen, port: int) -> Up:
        self.someone_answers = True
        others = seen.accepting("http", "silent", "broken", "foreign")
        further = tuple(other for other in others if other != port) if seen.sockets.known else ()
        return Up(port, how_found(port, self.declared.get(plan.name, {}), seen), further)

    async def _require_published(self, wanted: Wanted, state: State, seen: Seen) -> None:
        """Return if it can be reached, or speaks no HTTP where it cannot.

        Raises:
            Moved: it may speak HTTP on a port that is not published.
        """
        if not wanted.may_move or seen.accepting("silent", "broken", "foreign"):
            return
        asked = {port: answer.kind for port, answer in seen.direct.items()}
        is_reached = not set(asked.values()) <= {"refused"}
        ports = [port for port, kind in asked.items() if kind == "http" or not is_reached]
        name, declared = wanted.plan.name, self.declared.get(wanted.plan.name, {})
        if ports:
            await self.finder.read_log(state, seen)
            port = likeliest(ports, declared, seen)
            if await self.settling.is_over(port, declared, seen, state):
                raise Moved(name, port)

    def _speaks_otherwise(self, wanted: Wanted, seen: Seen, health: Health) -> bool:
        """Whether it accepts connections but speaks no HTTP for long, while another service does.

        Before that time its HTTP port may still open.
        """
        if health == "waiting" or not self.someone_answers:
            return False
        answers = {**seen.direct, **seen.answers}
        ports = [
            port
            for port, answer in answers.items()
            if answer.kind in ("foreign", "broken")
            and (port in seen.sockets.outside or not seen.sockets.known)
            and seen.lasted_s(port) >= _OTHER_S
        ]
        if ports and wanted.expected:
            text = f"port {ports[0]} speaks no HTTP, so it is not measured"
            self.notes.append(f"{wanted.plan.name}: {text}")
        return bool(ports)

    async def _by_running(self, plan: ServicePlan, state: State, seen: Seen) -> Up | None:
        """For a service that need not answer: it is up when it runs and is past its beginning."""
        if not plan.is_own and not plan.publishes:
            return Up()
        if not self.someone_answers:
            return None
        if not plan.is_own:
            return Up() if seen.sockets.outside or not seen.sockets.known else None
        unseen = [port for port, answer in seen.direct.items() if answer.kind == "http"]
        if unseen and seen.lasted_s(unseen[0]) >= _OTHER_S:
            text = f"answers on port {unseen[0]}, which nothing publishes, so it is not measured"
            self.notes.append(f"{plan.name}: {text} but through the others")
            return Up()
        ran_s = self.age_s(plan.name)
        if seen.answers or seen.direct or ran_s < _GRACE_S or await self.time.is_at_work(state):
            return None
        return Up()

    async def judged(self, wanted: Wanted, state: State) -> Up | None:
        """The state of a service when its time is over; None: it did not come up."""
        plan, seen = wanted.plan, self._of(wanted.plan.name)
        health = await self.health.of(state)
        if state.paused:
            return None
        if answering := seen.ports("http"):
            port = likeliest(answering, self.declared.get(plan.name, {}), seen)
            message = f"{plan.name}: {seen.answers[port]} to the end of its start"
            self.notes.append(f"{message} (health check: {state.health or 'none'})")
            return self._up(plan, seen, port)
        if not wanted.expected:
            return Up()
        if other := seen.accepting("broken", "foreign"):
            text = f"port {other[0]} speaks no HTTP, so it is not measured"
        elif health == "healthy":
            text = "is healthy and answers no HTTP, so it is not measured"
        else:
            return None
        self.notes.append(f"{plan.name}: {text}")
        return Up()

    async def verdict(self, service: str, state: State) -> tuple[Row, str]:
        """Why `service` did not become ready: a row, and the text to put after its name."""
        ports = self.declared.get(service) or state.ports
        return await Unready(self.finder, self.time, state, self._of(service), ports).verdict()

    def _of(self, service: str) -> Seen:
        if service not in self._seen:
            self._seen[service] = Seen(self.time.host.look(), source=self.source.get(service, ()))
        return self._seen[service]
