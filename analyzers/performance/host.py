"""How busy the host was while we measured: CPU pressure, steal, load."""

import asyncio
import os
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from contract.analysis import Metric

# Above this share of late requests the generator could not keep up with the rate.
MAX_LATE_RATIO = 0.05
_STEAL = 7
_CALM_WINDOW_S = 1.0

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Above any of these a load test is flagged as measured under contention.

    Attributes:
        pressure: share of time in which some task waited for a processor (PSI `some`). The app and
            the generator cause part of it, so the limit is high. At rates that keep a core busy
            they cause all of it, so only lighter steps are judged by it.
        load_per_core: load average per core, where the kernel gives no pressure.
        steal: share of processor time the hypervisor gave to others.
        late: share of requests that our generator sent more than 20 ms late.
    """

    pressure: float = 0.6
    load_per_core: float = 1.5
    steal: float = 0.05
    late: float = MAX_LATE_RATIO


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Kernel counters at one moment; None where the kernel has none."""

    at_s: float
    pressure_us: int | None
    steal_ticks: int
    total_ticks: int
    load_1min: float


@dataclass(frozen=True, slots=True)
class HostLoad:
    """What happened on the host between two snapshots, as ratios of the elapsed time."""

    elapsed_s: float
    pressure: float | None
    steal: float
    load_1min: float
    cores: int

    def contention(self, limits: Thresholds, late: float = 0.0) -> tuple[str, ...]:
        """Why a measurement made in this time cannot be trusted; empty when it can."""
        shares = [("steal", self.steal, limits.steal), ("requests sent late", late, limits.late)]
        if self.pressure is not None:
            shares.insert(0, ("CPU pressure", self.pressure, limits.pressure))
        found = [
            f"{name} {value:.0%} above {limit:.0%}"
            for name, value, limit in shares
            if value > limit
        ]
        per_core = self.load_1min / self.cores
        if self.pressure is None and per_core > limits.load_per_core:
            found.insert(0, f"load {per_core:.1f} per core above {limits.load_per_core:g}")
        return tuple(found)

    def metrics(self) -> tuple[Metric, ...]:
        """The figures that the kernel gave."""
        found = [
            Metric(name="host_steal", value=round(self.steal, 4), unit="ratio"),
            Metric(name="host_load_1min", value=self.load_1min, unit="count"),
        ]
        if self.pressure is not None:
            pressure = round(self.pressure, 4)
            found.append(Metric(name="host_cpu_pressure", value=pressure, unit="ratio"))
        return tuple(found)

    def notes(self) -> tuple[str, ...]:
        """The figures that the kernel did not give."""
        if self.pressure is not None:
            return ()
        return ("this kernel gives no CPU pressure: contention is judged by load per core",)


def parse_pressure(text: str) -> int | None:
    """`total` of the `some` line of /proc/pressure/cpu, microseconds."""
    for line in text.splitlines():
        if line.startswith("some "):
            return int(line.rpartition("total=")[2])
    return None


def parse_stat(text: str) -> tuple[int, int]:
    """Steal and total ticks of the `cpu ` line of /proc/stat (guest time is inside user time)."""
    fields = [int(value) for value in text.split("\n", 1)[0].split()[1:]]
    return (fields[_STEAL] if len(fields) > _STEAL else 0), sum(fields[: _STEAL + 1])


def snapshot(proc: Path = Path("/proc")) -> Snapshot:
    """Read the counters now."""
    try:
        pressure = parse_pressure((proc / "pressure/cpu").read_text(encoding="ascii"))
    except OSError:
        pressure = None
    steal, total = parse_stat((proc / "stat").read_text(encoding="ascii"))
    load = float((proc / "loadavg").read_text(encoding="ascii").split()[0])
    return Snapshot(time.monotonic(), pressure, steal, total, load)


def between(before: Snapshot, after: Snapshot) -> HostLoad:
    """The load from `before` to `after`."""
    elapsed_s = max(after.at_s - before.at_s, 1e-6)
    ticks = max(after.total_ticks - before.total_ticks, 1)
    pressure = None
    if before.pressure_us is not None and after.pressure_us is not None:
        pressure = min((after.pressure_us - before.pressure_us) / 1e6 / elapsed_s, 1.0)
    steal = (after.steal_ticks - before.steal_ticks) / ticks
    return HostLoad(elapsed_s, pressure, steal, after.load_1min, os.cpu_count() or 1)


async def watched(work: Awaitable[Value]) -> tuple[Value, HostLoad]:
    """The result of `work`, and the load of the host during it."""
    before = snapshot()
    value = await work
    return value, between(before, snapshot())


async def wait_until_calm(limits: Thresholds, wait_s: float) -> bool:
    """Wait for one second without contention, at most `wait_s`; returns whether it came."""
    end = time.monotonic() + wait_s
    while True:
        before = snapshot()
        await asyncio.sleep(_CALM_WINDOW_S)
        if not between(before, snapshot()).contention(limits):
            return True
        if time.monotonic() >= end:
            return False
