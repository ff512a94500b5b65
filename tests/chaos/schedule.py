"""Which faults, when, at which target: drawn from a seed alone, so that a run can be repeated."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """What can go wrong. The first word names the target."""

    WORKER_KILL = "worker-kill"
    WORKER_STOP = "worker-stop"
    WORKER_FREEZE = "worker-freeze"
    ANALYZER_STOP = "analyzer-stop"
    STATIC_KILL = "static-kill"
    DYNAMIC_KILL = "dynamic-kill"
    PERFORMANCE_KILL = "performance-kill"
    AI_KILL = "ai-kill"
    TEMPORAL_KILL = "temporal-kill"
    TEMPORAL_FREEZE = "temporal-freeze"
    ENGINE_KILL = "engine-kill"
    ENGINE_GONE = "engine-gone"
    SOCKET_STALL = "socket-stall"
    SOCKET_RESET = "socket-reset"
    SOCKET_TRUNCATE = "socket-truncate"
    SOCKET_DELAY = "socket-delay"
    DISK_FULL = "disk-full"
    STORE_GONE = "store-gone"
    CLOCK_SKEW = "clock-skew"
    APP_KILL = "app-kill"
    APP_PAUSE = "app-pause"
    APP_FLOOD = "app-flood"
    APP_FORK = "app-fork"
    APP_MEMORY = "app-memory"
    APP_REMOVED = "app-removed"

    @property
    def hits_app(self) -> bool:
        """Whether the fault hits an app's own container."""
        return self.value.startswith("app-")

    @property
    def takes_apps(self) -> bool:
        """Whether running apps are removed from outside, which is never the apps' fault."""
        return self in (
            FaultKind.ENGINE_KILL,
            FaultKind.ENGINE_GONE,
            FaultKind.APP_REMOVED,
            FaultKind.APP_KILL,
        )


# What an app does to itself when it is told to, and may fail from.
SELF_INFLICTED = frozenset({FaultKind.APP_FLOOD, FaultKind.APP_FORK, FaultKind.APP_MEMORY})


# How long a fault lasts, in seconds, where it does not end by itself.
_LASTS_S: dict[FaultKind, tuple[float, float]] = {
    FaultKind.WORKER_FREEZE: (10.0, 14.0),
    FaultKind.TEMPORAL_FREEZE: (10.0, 14.0),
    FaultKind.ENGINE_GONE: (15.0, 25.0),
    FaultKind.SOCKET_STALL: (12.0, 20.0),
    FaultKind.SOCKET_TRUNCATE: (1.0, 4.0),
    FaultKind.SOCKET_DELAY: (4.0, 8.0),
    FaultKind.DISK_FULL: (5.0, 12.0),
    FaultKind.STORE_GONE: (20.0, 20.0),
    FaultKind.CLOCK_SKEW: (10.0, 15.0),
    FaultKind.APP_PAUSE: (3.0, 8.0),
}
_WAIT_S = (2.0, 8.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        wait_s: after the fault before it (or the pipeline's start).
        lasts_s: until it is lifted; 0: it is over at once.
        target: chooses among several of a kind (apps, analyzers): index modulo their number.
        amount: in [0, 1); scales what has a size (bytes before a cut, hours of skew).
    """

    kind: FaultKind
    wait_s: float
    lasts_s: float
    target: int
    amount: float

    def __str__(self) -> str:
        lasting = f" for {self.lasts_s:.0f} s" if self.lasts_s else ""
        return f"{self.kind}{lasting}"


def draw(seed: int, count: int, kinds: Iterable[FaultKind]) -> tuple[Fault, ...]:
    """`count` faults: every kind once before any kind again, in an order the seed decides.

    Raises:
        ValueError: there is no kind to draw from.
    """
    deck = sorted(set(kinds))
    if not deck:
        raise ValueError("no kind of fault is possible here")
    source = random.Random(seed)
    order: list[FaultKind] = []
    while len(order) < count:
        order += source.sample(deck, len(deck))
    return tuple(_fault(kind, source) for kind in order[:count])


def _fault(kind: FaultKind, source: random.Random) -> Fault:
    return Fault(
        kind=kind,
        wait_s=round(source.uniform(*_WAIT_S), 2),
        lasts_s=round(source.uniform(*_LASTS_S.get(kind, (0.0, 0.0))), 2),
        target=source.randrange(1_000),
        amount=round(source.random(), 4),
    )
