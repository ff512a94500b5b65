"""Why a running service did not become ready, as far as its sockets tell."""

from collections.abc import Iterable
from dataclasses import dataclass

from clients import blame
from clients.docker.containers import State
from clients.docker.finding import Finder, Seen
from clients.docker.reach import unreached
from clients.docker.sockets import listening
from clients.docker.starttime import StartTime
from clients.probe import refuses, speaks_tls
from clients.sockets import Listening
from contract.blame import Row


@dataclass(frozen=True, slots=True)
class Unready:
    """One service whose time is over.

    Attributes:
        seen: the facts about it so far.
        ports: those on which it was expected to answer.
    """

    finder: Finder
    time: StartTime
    state: State
    seen: Seen
    ports: Iterable[int]

    async def verdict(self) -> tuple[Row, str]:
        """A row, and the text to put after the service's name."""
        state = self.state
        if state.paused:
            return blame.PAUSED, f"was paused from outside, and did not answer {self.time.waited()}"
        found = await listening(self.finder.client, state, self.finder.local)
        if found.known and found.loopback and not found.outside:
            return blame.LOOPBACK, _loopback(found)
        if port := await unreached(state, found, self.seen.answers, self.finder.reaches):
            return blame.UNREACHED, (
                f"listens on port {port}, and 127.0.0.1:{state.ports[port]}, where its engine"
                " publishes it, refuses connections: the engine is another machine's, or its port"
                " forwarding is broken (was a firewall reloaded?)"
            )
        for port in self.seen.accepting("broken", "foreign"):
            if await speaks_tls(state.probe_url(self.finder.location, port)):
                return blame.TLS_ONLY, f"speaks TLS on port {port}, and plain HTTP on none"
        if port := await self._only_ipv6(found):
            text = f"listens on port {port} for IPv6 alone, and its container has an IPv4 address"
            return blame.LOOPBACK, f"{text}: it has to listen on 0.0.0.0 or on both"
        row = blame.SLOW_START if self.time.strain() else blame.NEVER_ANSWERED
        text = f"runs but did not answer HTTP on {self._tried(found)} {self.time.waited()}"
        return row, f"{text}; {found}"

    async def _only_ipv6(self, found: Listening) -> int:
        """An open port that refuses IPv4 connections; 0: there is none."""
        for port in found.outside if self.finder.reaches and self.state.address else ():
            if await refuses(self.state.address, port):
                return port
        return 0

    def _tried(self, found: Listening) -> str:
        """`port 8000, 80 (accepts connections and does not answer)`."""
        answers = self.seen.answers

        def answered(port: int) -> str:
            is_open = port in answers and port in found.outside
            return f" ({answers[port]})" if is_open else ""

        tried = [f"{port}{answered(port)}" for port in self.ports]
        return f"port {', '.join(tried)}" if tried else "any port"


def _loopback(found: Listening) -> str:
    places = ", ".join(f"127.0.0.1:{port}" for port in found.loopback)
    return (
        f"listens on {places} of its own container alone, which nothing outside of it reaches:"
        " it has to listen on 0.0.0.0"
    )
