"""Files that are whole or not there: unique temporary name, fsync, atomic rename.

A temporary file stays locked while its writer lives. `remove_stale` therefore recognises those that
a killed process left, however long other processes need for theirs.
"""

import errno
import fcntl
import os
import re
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from contract.errors import ErrorCode, PlatformError

LOCKED_SUFFIX = ".part"
"""Of a temporary file, which is locked while its writer lives."""
_OURS = re.compile(rf"[0-9a-f]{{32}}{re.escape(LOCKED_SUFFIX)}")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


@contextmanager
def disk_faults(root: Path) -> Generator[None]:
    """Turn faults of the disk below `root` into platform faults with a next step.

    Raises:
        PlatformError: RESOURCE_EXHAUSTED (full), PERMISSION_DENIED, or UNAVAILABLE for the rest.
    """
    try:
        yield
    except OSError as error:
        raise _translated(root, error) from error


def _translated(root: Path, error: OSError) -> PlatformError:
    if error.errno in _FULL:
        message = f"disk full on {root}: free space or move ASSAY_DATA"
        return PlatformError(ErrorCode.RESOURCE_EXHAUSTED, message)
    cause = f"{error.strerror or error} ({error.filename or root})"
    if error.errno in _FORBIDDEN:
        message = f"no access below {root}: {cause}; correct its owner or move ASSAY_DATA"
        return PlatformError(ErrorCode.PERMISSION_DENIED, message)
    message = f"fault on the disk below {root}: {cause}; check the disk"
    return PlatformError(ErrorCode.UNAVAILABLE, message)


@contextmanager
def temporary_file(folder: Path) -> Generator[tuple[BinaryIO, Path]]:
    """A new, locked file in `folder`; it is removed unless it was renamed."""
    file, path = _create_locked(folder)
    try:
        with file:
            yield file, path
    finally:
        with suppress(FileNotFoundError):
            path.unlink()


def _create_locked(folder: Path) -> tuple[BinaryIO, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        path = folder / f"{uuid.uuid4().hex}{LOCKED_SUFFIX}"
        file = path.open("xb")
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file, path
        file.close()  # mistaken for stale between its creation and its lock


def publish(file: BinaryIO, temporary: Path, target: Path) -> None:
    """Make the finished temporary file durable under its real name, replacing an existing file."""
    file.flush()
    os.fsync(file.fileno())
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary.replace(target)
    _sync_folder(target.parent)


def write_atomically(target: Path, data: bytes, temporary_folder: Path) -> None:
    """Write `data` to `target`: a reader sees the old file or the new one, never a part."""
    with temporary_file(temporary_folder) as (file, temporary):
        file.write(data)
        publish(file, temporary, target)


def remove_stale(folder: Path) -> int:
    """Remove temporary files whose writers are dead. Returns how many there were.

    Only files of the names that `temporary_file` gives: others may be somebody's.
    """
    removed = 0
    for path in filter(is_temporary, folder.glob(f"*{LOCKED_SUFFIX}")):
        with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            removed += 1
    return removed


def is_temporary(path: Path) -> bool:
    """Whether it is named as `temporary_file` names files."""
    return _OURS.fullmatch(path.name) is not None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
