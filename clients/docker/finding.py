"""Finds where a container listens and what each port answers: its open sockets are the truth."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

import docker

from clients.calm import Moment
from clients.docker.containers import State
from clients.docker.ports import WELL_KNOWN_PORTS, logged_ports
from clients.docker.sockets import listening
from clients.probe import TIMEOUT_S, Answer, ask, patience_s, speaks_http
from clients.sockets import Listening
from clients.targets import Location

# Where this host does not show us its sockets, each look is a command in the container.
_CHEAP_S = 0.05
_LOOK_EVERY_S = 2.0
_DIRECT_S = 2.0
_MAX_PORTS = 12
# These answers show no pages: a WebSocket server, a debugger.
NO_PAGES = (400, 426, 501)


@dataclass(slots=True)
class Seen:
    """What one service has done so far.

    Attributes:
        sockets: at the last look.
        answers: of ports that analyzers can reach, at the last look.
        direct: answers of other ports, as far as this host reaches the container itself; a port
            that it does not reach counts as refused.
        since_s: when each port began to answer as it does now.
        logged: ports that its log names.
        source: ports that its own files name.
    """

    began: Moment
    sockets: Listening = field(default_factory=Listening)
    answers: dict[int, Answer] = field(default_factory=dict[int, Answer])
    direct: dict[int, Answer] = field(default_factory=dict[int, Answer])
    since_s: dict[int, tuple[str, float]] = field(default_factory=dict[int, tuple[str, float]])
    logged: tuple[int, ...] = ()
    source: tuple[int, ...] = ()
    looked_s: float = 0.0
    pause_s: float = 0.0
    read_s: float = -_LOOK_EVERY_S

    def ports(self, *kinds: str) -> list[int]:
        """The reachable ports that answered in one of these ways."""
        return [port for port, answer in self.answers.items() if answer.kind in kinds]

    def accepting(self, *kinds: str) -> list[int]:
        """The same, without ports whose open socket should be visible and is not."""
        known, open_ports = self.sockets.known, self.sockets.outside
        return [port for port in self.ports(*kinds) if port in open_ports or not known]

    def lasted_s(self, port: int) -> float:
        """For how long `port` has answered as it does now."""
        now_s = asyncio.get_running_loop().time()
        return now_s - self.since_s[port][1] if port in self.since_s else 0.0

    def silent_s(self, ports: Iterable[int]) -> float:
        """For how long one of `ports` has accepted connections without answering."""
        silent = [port for port in ports if self.since_s.get(port, ("",))[0] == "silent"]
        return max(map(self.lasted_s, silent), default=0.0)

    def note(self, now_s: float) -> None:
        """Remember since when each port answers as it does."""
        kinds = {port: answer.kind for port, answer in {**self.direct, **self.answers}.items()}
        before = self.since_s
        self.since_s = {
            port: before[port] if before.get(port, ("",))[0] == kind else (kind, now_s)
            for port, kind in kinds.items()
        }


@dataclass(frozen=True, slots=True)
class Finder:
    """Looks at the containers of one start.

    Attributes:
        local: whether the engine is this host's.
        reaches: whether this host reaches containers at their own addresses.
        log: the output of a container.
    """

    client: docker.DockerClient
    location: Location
    local: bool
    reaches: bool
    log: Callable[[str], Awaitable[bytes]]

    async def look(self, state: State, seen: Seen) -> None:
        """Where it listens now, and what its ports answer."""
        clock = asyncio.get_running_loop().time
        now_s = clock()
        if now_s - seen.looked_s >= seen.pause_s:
            seen.looked_s = now_s
            seen.sockets = await listening(self.client, state, self.local)
            seen.pause_s = _LOOK_EVERY_S if clock() - now_s > _CHEAP_S else 0.0
        within = [port for port in self._reachable(state, seen.sockets) if port]
        urls = {port: state.probe_url(self.location, port) for port in within[:_MAX_PORTS]}
        seen.answers = await _ask(urls, patience_s(seen.silent_s(urls)))
        seen.direct = {} if seen.ports("http") else await self._directly(state, seen.sockets)
        seen.note(now_s)

    def _reachable(self, state: State, sockets: Listening) -> Iterable[int]:
        if not sockets.known:
            return state.ports
        if self.location == "network":
            return sockets.outside
        return [port for port in sockets.outside if port in state.ports]

    async def _directly(self, state: State, sockets: Listening) -> dict[int, Answer]:
        """The answers of ports that are not published."""
        if self.location == "network":
            return {}
        ports = [port for port in sockets.outside if port not in state.ports][:_MAX_PORTS]
        if not self.reaches or not state.address:
            return dict.fromkeys(ports, Answer("refused"))
        return await _ask({port: f"http://{state.address}:{port}" for port in ports}, _DIRECT_S)

    async def speaks_http(self, state: State, port: int) -> bool:
        """Whether the port answers more than a GET."""
        return await speaks_http(state.probe_url(self.location, port))

    async def read_log(self, state: State, seen: Seen, *, again: bool = False) -> None:
        """Find the ports its log names: needed if several answer, or sockets cannot be seen."""
        now_s = asyncio.get_running_loop().time()
        if again or now_s - seen.read_s >= _LOOK_EVERY_S:
            seen.read_s = now_s
            seen.logged = await asyncio.to_thread(logged_ports, await self.log(state.id))


async def _ask(urls: Mapping[int, str], timeout_s: float) -> dict[int, Answer]:
    """The answer of each port; a slow port is not waited for where another one speaks HTTP."""
    asked = {asyncio.create_task(ask(url, timeout_s)): port for port, url in urls.items()}
    pending = set(asked)
    answers = dict.fromkeys(urls, Answer("silent"))
    try:
        while pending:
            done, pending = await asyncio.wait(
                pending, timeout=TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
            )
            answers |= {asked[task]: task.result() for task in done}
            is_up = any(answer.kind == "http" for answer in answers.values())
            if is_up and not done:
                break
    finally:
        for task in pending:
            task.cancel()
    return answers


def likeliest(ports: Iterable[int], declared: Mapping[int, str], seen: Seen) -> int:
    """The port to measure: one that may serve pages, is declared, or named in log or source."""
    order = list(dict.fromkeys((*declared, *seen.logged, *seen.source, *WELL_KNOWN_PORTS)))
    answers = {**seen.direct, **seen.answers}

    def rank(port: int) -> tuple[bool, int, int]:
        place = order.index(port) if port in order else len(order)
        return answers[port].status in NO_PAGES, place, port

    return min(ports, key=rank)


def how_found(port: int, declared: Mapping[int, str], seen: Seen) -> str:
    """Why this is the port, surest reason first: `open socket, EXPOSE`."""
    signs = ["open socket"] if port in seen.sockets.outside else []
    if port in declared:
        signs.append(declared[port])
    elif port in seen.logged:
        signs.append("log")
    elif port in seen.source:
        signs.append("source")
    elif port in WELL_KNOWN_PORTS:
        signs.append("well-known port")
    return ", ".join(signs)
