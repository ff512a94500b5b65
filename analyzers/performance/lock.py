"""One load test per host: a file lock that the kernel releases when its holder dies."""

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from analyzers.runtime.tool import ToolFault

DEFAULT_LOCK = Path("/tmp/assay-load-test.lock")  # noqa: S108 - one per host, whoever runs it
_POLL_S = 0.1


@asynccontextmanager
async def host_lock(path: Path, wait_s: float) -> AsyncGenerator[float]:
    """Hold the host's load-test lock; yields how many seconds we waited for it.

    The file is never removed: removing it would let two holders lock two different files.

    Raises:
        ToolFault: it was not free within `wait_s`, or the file cannot be opened.
    """
    handle = _open(path)
    began = time.monotonic()
    try:
        while not _try_lock(handle):
            if time.monotonic() - began >= wait_s:
                raise ToolFault(
                    f"another load test held {path} for {wait_s:.0f} s: "
                    "run one load test per host at a time"
                )
            await asyncio.sleep(_POLL_S)
        yield time.monotonic() - began
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    """Open for reading: another user's file in /tmp can be locked but not opened to write."""
    flags = os.O_RDONLY | os.O_CLOEXEC
    try:
        return os.open(path, flags if path.exists() else flags | os.O_CREAT, 0o644)
    except OSError as error:
        reason = f"load-test lock {path}: {error.strerror}: name another with ASSAY_LOAD_LOCK"
        raise ToolFault(reason) from error


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
