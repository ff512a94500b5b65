"""How all work on one host gives way to a load test: three files, which the kernel locks.

- `LOAD_LOCK`: held by the one load test of the host. Work that wants to begin waits while it is
  held.
- `work_lock`: all work holds it shared while it goes on. A load test takes it alone before it
  begins: so it waits for the work that has begun.
- `scan_lock`: each scan holds it shared from its first tool to its last. A load test lets scans end
  before it holds anything else off. So several load tests follow one another, and after them
  several scans work side by side.

When a holder dies, the kernel frees its locks. All waits are bounded: after its limit, work goes on
beside the load test, whose own figures show the effect. Where a file cannot be opened, nothing
waits.
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
# After a load test no other begins within this time, so that work that waited can begin.
GAP_S = 0.5
# After a load test no tool of a scan begins within this time, as the next app's may follow.
SCAN_CALM_S = 4.0
_POLL_S = 0.1


def work_lock(load_lock: Path) -> Path:
    """The file that all work holds."""
    return load_lock.with_name(f"{load_lock.name}.work")


def scan_lock(load_lock: Path) -> Path:
    """The file that scans hold."""
    return load_lock.with_name(f"{load_lock.name}.scans")


class Work:
    """Work for which load tests wait until its `end`, which may be called twice.

    Attributes:
        waited_s: how long it had to wait before it began.
    """

    def __init__(self, descriptor: int | None, waited_s: float) -> None:
        self._descriptor = descriptor
        self.waited_s = waited_s

    def end(self) -> None:
        """Let load tests begin."""
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
        load_lock: the lock file of the host.
        limit_s: after this time the work begins beside the load test. The work does not wait at
            all for a load test that has already lasted so long.
        tell: called once, with a sentence for people, when the work has to wait.
        calm_s: the last load test must have ended so long ago, as another may follow.
    """
    began_s = time.monotonic()
    has_told = False
    while True:
        held = _is_loaded(load_lock, limit_s, calm_s)
        waited_s = time.monotonic() - began_s
        if not held or waited_s >= limit_s:
            descriptor = _open(work_lock(load_lock))
            if descriptor is None:
                return Work(None, waited_s)
            _try(descriptor, fcntl.LOCK_SH)  # fails if a load test of this kind holds it
            # After the check, and before the lock, a load test may have begun to wait.
            if waited_s >= limit_s or not _is_loaded(load_lock, limit_s, 0.0):
                return Work(descriptor, waited_s)
            os.close(descriptor)
        if not has_told:
            has_told = True
            tell("gives way to a load test on this host")
        await asyncio.sleep(_POLL_S)


def scan(load_lock: Path) -> Work:
    """Note that a scan has begun; the caller must `end` it."""
    descriptor = _open(scan_lock(load_lock))
    if descriptor is not None:
        _try(descriptor, fcntl.LOCK_SH)  # fails in the instant in which a load test checks it
    return Work(descriptor, 0.0)


async def scans_ended(
    load_lock: Path, limit_s: float, tell: Callable[[str], None] = lambda _message: None
) -> None:
    """Wait until no scan goes on on this host; meanwhile all other work may begin.

    There is no wait while another load test runs, or has just ended: all scans stand still then.

    Args:
        load_lock: the lock file of the host.
        limit_s: the longest wait; then scans stop between two of their tools.
        tell: called once, with a sentence for people, when this has to wait.
    """
    descriptor = _open(scan_lock(load_lock))
    if descriptor is None:
        return
    end_s = time.monotonic() + limit_s
    has_told = False
    try:
        while not _try(descriptor, fcntl.LOCK_EX) and time.monotonic() < end_s:
            if _is_loaded(load_lock, math.inf, SCAN_CALM_S):
                return
            if not has_told:
                has_told = True
                tell("lets scans on this host end")
            await asyncio.sleep(_POLL_S)
    finally:
        os.close(descriptor)


@asynccontextmanager
async def undisturbed(load_lock: Path, limit_s: float) -> AsyncGenerator[bool]:
    """Wait until all work on this host has ended, and let none begin in this block.

    The caller holds the load lock. Yields whether the work ended within `limit_s`; if it did not,
    the load test runs beside it.
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

    A holder writes into the file when it begins, and empties the file at its end. This check locks
    the file for an instant; a load test that wants it tries ten times a second.
    """
    # Only load tests make the file, because only its owner can write into it.
    descriptor = _open(load_lock) if load_lock.exists() else None
    if descriptor is None:
        return False
    try:
        held = not _try(descriptor, fcntl.LOCK_SH)
        facts = os.fstat(descriptor)
        # An engine makes a folder where a file to be mounted is missing: it says nothing.
        is_file = stat.S_ISREG(facts.st_mode)
        age_s = time.time() - facts.st_mtime
        if held:
            return not is_file or not facts.st_size or age_s < limit_s
        return is_file and not facts.st_size and 0 <= age_s < calm_s
    finally:
        os.close(descriptor)


def _open(path: Path) -> int | None:
    """Open it for reading: that is enough to lock a file of another user in /tmp."""
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
