"""The ports of the built-in alerts: who is looked at, where alerts are kept, who is told."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from contract.alert import Notice, Severity
from contract.alerting import AlertChange, Delivery, HostFacts, ServerFacts, StoredAlert, Window


class ServerLook(Protocol):
    """Asks the Temporal server about what may be wrong."""

    async def look(self) -> ServerFacts:
        """What it says, within some seconds.

        Raises:
            PlatformError: it does not answer.
        """
        ...


class HostLook(Protocol):
    """Looks at this host: its disks, and the analyzers as its worker reaches them.

    Attributes:
        host: its name.
    """

    @property
    def host(self) -> str: ...  # noqa: D102

    async def look(self, before: HostFacts | None) -> HostFacts:
        """How it is, within some seconds; what cannot be seen is named.

        `before`: what was said last, perhaps by an earlier worker: since when things are so.

        Raises:
            PlatformError: a disk hangs. A host that cannot write is to be silent.
        """
        ...


class AlertKeeper(Protocol):
    """Where facts of hosts, alerts and notices are kept."""

    async def window(self, since: datetime) -> Window:
        """What was recorded since then, by analyzer.

        Raises:
            PlatformError: it cannot be read; so do all of these.
        """
        ...

    async def tell_host(self, facts: HostFacts) -> None:
        """Keep what a host's worker says of it, in place of what it said before."""
        ...

    async def hosts(self) -> tuple[HostFacts, ...]:
        """What each host said last."""
        ...

    async def change(
        self, now: datetime, decide: Callable[[Mapping[str, StoredAlert]], AlertChange]
    ) -> None:
        """Put alerts in place of those there, with what is to be told, in one transaction."""
        ...

    async def add(self, notice: Notice, receivers: Sequence[str], now: datetime) -> None:
        """Keep a notice to be told; one that is there already is not told again."""
        ...

    async def claim(self, now: datetime) -> dict[str, tuple[Delivery, ...]]:
        """What each receiver is to be told now, in order; nobody else gets it for a minute."""
        ...

    async def hurry(self, receivers: Sequence[str], now: datetime) -> None:
        """Let what these receivers failed to take be due at once."""
        ...

    async def told(self, delivery: Delivery, why: str, now: datetime) -> None:
        """Keep how an attempt ended; empty: the receiver took it."""
        ...


class Receivers(Protocol):
    """The receivers of the alerts file, one by one."""

    async def wanting(self, severity: Severity) -> tuple[str, ...]:
        """Names of those that want to know of something so severe.

        Raises:
            PlatformError: INVALID_ARGUMENT: the alerts file is wrong.
        """
        ...

    async def repeat_s(self) -> float:
        """After how many seconds an alert that lasts is sent again.

        Raises:
            PlatformError: INVALID_ARGUMENT: the alerts file is wrong.
        """
        ...

    async def rewritten(self) -> tuple[str, ...]:
        """Names of all, where the file was written since this was asked last; empty otherwise."""
        ...

    async def deliver(self, receiver: str, notice: Notice) -> str:
        """Send to one of them, within 30 s; what went wrong, empty if it took it."""
        ...
