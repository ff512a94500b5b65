"""How all that works on one host gives way to a load test: three files, locked by the kernel.

`LOAD_LOCK` is held by the one load test of the host. Beside it lies a second file (`work_lock`):
whoever works holds it shared, and a load test takes it alone before it begins. What wants to begin
while the first is held waits; what has begun is waited for. The third (`scan_lock`) is held shared
by scans from their first tool to their last: load tests let them end before they hold off anything,
so that several load tests follow one another, and then several scans work side by side. A holder
that dies frees all. All waits are bounded: who has waited long enough goes on, and the load test's
own figures say what came of it.

Files that cannot be opened mean that nobody can be given way to, and nobody is waited for.
"""

import asyncio
import fcntl
import math
import os
import stat
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

LOAD_LOCK = Path("/tmp/assay-load-test.lock")  # noqa: S108 - one per host, whoever runs it
# Between two load tests who waited can begin; no load test begins within this time after another.
GAP_S = 0.5
# From the end of one load test to the beginning of the next app's: no tool of a scan begins then.
SCAN_CALM_S = 4.0
_POLL_S = 0.1


def work_lock(load_lock: Path) -> Path:
    """The second file."""
    return load_lock.with_name(f"{load_lock.name}.work")


def scan_lock(load_lock: Path) -> Path:
    """The third file."""
    return load_lock.with_name(f"{load_lock.name}.scans")


class Work:
    """Work that was begun, as load tests see it; `end` may be called twice.

    Attributes:
        waited_s: how long it gave way.
    """

    def __init__(self, descriptor: int | None, waited_s: float) -> None:
        self._descriptor = descriptor
        self.waited_s = waited_s

    def end(self) -> None:
        """Nobody needs to wait for it any more."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


async def give_way(
    load_lock: Path,
    limit_s: float,
    tell: Callable[[str], None] = lambda _message: None,
    calm_s: float = 0.0,
) -> Work:
    """Wait while a load test runs on this host, then begin; the caller must `end` the work.

    Args:
        load_lock: of the host.
        limit_s: who has waited as long goes on beside the load test, and one that has lasted as
            long is given way to no more.
        tell: is told once that it waits.
        calm_s: wait until the last load test is so long ago, as another may follow.
    """
    began_s = time.monotonic()
    told = False
    while True:
        held = _is_loaded(load_lock, limit_s, calm_s)
        waited_s = time.monotonic() - began_s
        if not held or waited_s >= limit_s:
            descriptor = _open(work_lock(load_lock))
            if descriptor is None:
                return Work(None, waited_s)
            _try(descriptor, fcntl.LOCK_SH)  # one that we do not give way to may hold it
            # Between the look and the lock a load test may have begun to wait for us.
            if waited_s >= limit_s or not _is_loaded(load_lock, limit_s, 0.0):
                return Work(descriptor, waited_s)
            os.close(descriptor)
        if not told:
            told = True
            tell("gives way to a load test on this host")
        await asyncio.sleep(_POLL_S)


def scan(load_lock: Path) -> Work:
    """A scan has begun; the caller must `end` it."""
    descriptor = _open(scan_lock(load_lock))
    if descriptor is not None:
        _try(descriptor, fcntl.LOCK_SH)  # a load test looks for an instant: then it is not seen
    return Work(descriptor, 0.0)


async def scans_ended(
    load_lock: Path, limit_s: float, tell: Callable[[str], None] = lambda _message: None
) -> None:
    """Wait until no scan is under way on this host; nothing is held off meanwhile.

    Where a load test runs, or ended just now, the scans stand still already: then there is no wait.

    Args:
        load_lock: of the host.
        limit_s: after this they are held off as they are, tool by tool.
        tell: is told once that it waits.
    """
    descriptor = _open(scan_lock(load_lock))
    if descriptor is None:
        return
    end_s = time.monotonic() + limit_s
    told = False
    try:
        while not _try(descriptor, fcntl.LOCK_EX) and time.monotonic() < end_s:
            if _is_loaded(load_lock, math.inf, SCAN_CALM_S):
                return
            if not told:
                told = True
                tell("lets scans on this host end")
            await asyncio.sleep(_POLL_S)
    finally:
        os.close(descriptor)


@asynccontextmanager
async def undisturbed(load_lock: Path, limit_s: float) -> AsyncGenerator[bool]:
    """Wait until all work on this host has ended and hold off new work; the load lock is held.

    Yields whether it ended within `limit_s`; where it did not, the load test runs beside it.
    """
    descriptor = _open(work_lock(load_lock))
    if descriptor is None:
        yield False
        return
    try:
        end_s = time.monotonic() + limit_s
        while True:
            alone = _try(descriptor, fcntl.LOCK_EX)
            if alone or time.monotonic() >= end_s:
                break
            await asyncio.sleep(_POLL_S)
        yield alone
    finally:
        os.close(descriptor)


def _is_loaded(load_lock: Path, limit_s: float, calm_s: float) -> bool:
    """Whether a load test runs that began within `limit_s`, or one ended within `calm_s`.

    A holder writes into the file when it begins, and empties it at its end. A look locks the file
    for an instant; who wants to load tries ten times a second.
    """
    # It is the load test's to make: only its owner writes into it.
    descriptor = _open(load_lock) if load_lock.exists() else None
    if descriptor is None:
        return False
    try:
        held = not _try(descriptor, fcntl.LOCK_SH)
        facts = os.fstat(descriptor)
        # A folder (an engine makes one where a file to be mounted is missing) says nothing.
        is_file = stat.S_ISREG(facts.st_mode)
        age_s = time.time() - facts.st_mtime
        if held:
            return not is_file or not facts.st_size or age_s < limit_s
        return is_file and not facts.st_size and 0 <= age_s < calm_s
    finally:
        os.close(descriptor)


def _open(path: Path) -> int | None:
    """For reading: another user's file in /tmp can be locked but not opened to write."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.open(path, flags if path.exists() else flags | os.O_CREAT, 0o644)
    except OSError:
        return None


def _try(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
