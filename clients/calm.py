"""How busy this host is, and how long we wait for an app that does not answer.

A slow app is not dead. Silence proves a hang only where nothing but the app itself can have kept it
from answering: the host was calm for long enough.
"""

import asyncio
import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

_PROC = Path("/proc")
# Share of time in which some task waited for a processor, or all waited for memory or disk (PSI).
_LIMITS = {"cpu": ("some", 0.6), "memory": ("full", 0.2), "io": ("full", 0.4)}
_NAMES = {"cpu": "CPU", "memory": "memory", "io": "disk"}
_LOAD_PER_CORE = 1.5


@dataclass(frozen=True, slots=True)
class Moment:
    """The kernel's counters at one moment; `stalled_us` is empty where the kernel has none."""

    at_s: float
    stalled_us: dict[str, int]
    load_per_core: float


def look(proc: Path = _PROC) -> Moment:
    """Read the counters now."""
    stalled: dict[str, int] = {}
    for name, (kind, _) in _LIMITS.items():
        try:
            lines = (proc / "pressure" / name).read_text(encoding="ascii").splitlines()
            line = next(line for line in lines if line.startswith(f"{kind} "))
            stalled[name] = int(line.rpartition("total=")[2])
        except (OSError, ValueError, StopIteration):
            continue
    try:
        load = float((proc / "loadavg").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        load = 0.0
    now = asyncio.get_running_loop().time()
    return Moment(now, stalled, load / (os.cpu_count() or 1))


def strain(before: Moment, after: Moment) -> str:
    """What kept tasks of this host waiting between two moments; empty when it was calm."""
    elapsed_us = max((after.at_s - before.at_s) * 1e6, 1.0)
    for name, (_, limit) in _LIMITS.items():
        if name in before.stalled_us and name in after.stalled_us:
            share = (after.stalled_us[name] - before.stalled_us[name]) / elapsed_us
            if share > limit:
                return f"{_NAMES[name]} pressure {min(share, 1.0):.0%}"
    if not after.stalled_us and after.load_per_core > _LOAD_PER_CORE:
        return f"load {after.load_per_core:.1f} per core"
    return ""


@dataclass(frozen=True, slots=True)
class Host:
    """The host that the app runs on.

    Attributes:
        local: whether it is this host; nobody here knows how busy another one is.
        reaches: whether this host reaches containers there at their own addresses.
    """

    local: bool = True
    look: Callable[[], Moment] = field(default=look)
    reaches: bool = True

    def strain(self, before: Moment, after: Moment) -> str:
        """Why the time from `before` to `after` proves nothing about an app; empty when it does."""
        return strain(before, after) if self.local else "its load is not known here"


class Asked(Protocol):
    """One service that is asked until it answers."""

    @property
    def busy(self) -> str:
        """What else kept it busy at the last look, besides our requests; empty: nothing."""
        ...

    async def answers(self, timeout_s: float) -> bool:
        """Whether it answers a request within this time."""
        ...

    async def interrupted(self) -> bool:
        """Whether something else became known about it, so that waiting for an answer is over."""
        ...


@dataclass(frozen=True, slots=True)
class Silence:
    """A service that gave no answer.

    Attributes:
        proven: it hangs: it was asked for long enough while the host was calm.
        text: what was tried and seen.
    """

    proven: bool
    text: str


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a service that does not answer is asked again.

    Attributes:
        waits_s: time limit of each request in turn; the last is used from then on. Requests of
            others before ours may take a minute.
        calm_s: silence for this long on a calm host is a hang.
        limit_s: give up after this time, whatever the host did.
    """

    host: Host = Host()
    waits_s: tuple[float, ...] = (5.0, 10.0, 60.0)
    calm_s: float = 60.0
    limit_s: float = 150.0
    poll_s: float = 1.0

    async def wait(self, question: Asked) -> Silence | None:
        """Ask until there is an answer. None: there is one, or the service was interrupted."""
        began = self.host.look()
        calm_s, tries, strains = 0.0, 0, ""
        last = now = began
        for wait_s in itertools.chain(self.waits_s, itertools.repeat(self.waits_s[-1])):
            if await question.answers(wait_s) or await question.interrupted():
                return None
            tries += 1
            await asyncio.sleep(
                self.poll_s if self.host.look().at_s - last.at_s < self.poll_s else 0
            )
            now = self.host.look()
            if strained := question.busy or self.host.strain(last, now):
                strains = strained
            else:
                calm_s += now.at_s - last.at_s
            last = now
            if calm_s >= self.calm_s or now.at_s - began.at_s >= self.limit_s:
                break
        asked = f"{tries} requests in {now.at_s - began.at_s:.0f} s"
        if calm_s >= self.calm_s:
            return Silence(True, f"{asked}, its host was calm and nobody else was connected")
        return Silence(False, f"{asked}, which proves nothing ({strains})")
