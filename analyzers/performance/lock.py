"""One load test per host: a file lock that the kernel releases when its holder dies.

The holder writes its name and start time into the file, so that waiting processes can show them.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from analyzers.runtime.tool import ToolFault

_POLL_S = 0.1
_TELL_EVERY_S = 15.0
_MAX_RECORD_BYTES = 1_000
_UNKNOWN = "another load test"


@asynccontextmanager
async def host_lock(
    path: Path,
    wait_s: float,
    owner: str = "",
    tell: Callable[[str], None] = lambda _message: None,
) -> AsyncGenerator[float]:
    """Hold the host's load-test lock; yields how many seconds we waited for it.

    The file is never removed: removing it would let two holders lock two different files.

    Args:
        path: the lock's file.
        wait_s: how long we wait for another holder.
        owner: our name, for others who wait.
        tell: gets the holder's name and start time, at once and every 15 s.

    Raises:
        ToolFault: it was not free within `wait_s`, or the file cannot be opened.
    """
    handle = _open(path)
    began = time.monotonic()
    announced_at = -_TELL_EVERY_S
    try:
        while not _try_lock(handle):
            waited_s = time.monotonic() - began
            if waited_s >= wait_s:
                raise ToolFault(
                    f"another load test held {path} for {wait_s:.0f} s ({holder(path)}): "
                    "run one load test per host at a time"
                )
            if waited_s - announced_at >= _TELL_EVERY_S:
                announced_at = waited_s
                tell(
                    f"waiting for the host's load-test lock, held by {holder(path)}; "
                    f"waited {waited_s:.0f} s so far"
                )
            await asyncio.sleep(_POLL_S)
        _write(path, handle, owner)
        try:
            yield time.monotonic() - began
        finally:
            _write(path, handle, "")
    finally:
        os.close(handle)


def holder(path: Path) -> str:
    """Who holds the lock and since when, by the holder's own words; anybody may write the file."""
    try:
        with path.open("rb") as stream:
            record = json.loads(stream.read(_MAX_RECORD_BYTES))
        words = {name: _printable(record[name]) for name in ("owner", "host", "since")}
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return _UNKNOWN
    return f"{words['owner'] or _UNKNOWN} on {words['host']} since {words['since']}"


def _printable(value: object) -> str:
    return "".join(char for char in str(value)[:200] if char.isprintable())


def _write(path: Path, handle: int, owner: str) -> None:
    """Write the holder; empty: nobody. Only into a regular file of ours that has one name.

    Anybody may put a file there, and a link must not lead us to another file of ours.
    """
    record = {
        "owner": owner[:200],
        "host": socket.gethostname()[:100],
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    facts = os.fstat(handle)
    if facts.st_uid != os.geteuid() or facts.st_nlink != 1:
        return
    with contextlib.suppress(OSError):
        writing = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if os.path.samestat(os.fstat(writing), facts):
                os.truncate(writing, 0)
                os.write(writing, json.dumps(record).encode() if owner else b"")
        finally:
            os.close(writing)


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
