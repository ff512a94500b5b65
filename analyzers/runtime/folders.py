"""Folders of an analyzer: its data, locked for it alone, and one for runs, empty at its start."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from pathlib import Path


class StartupError(Exception):
    """The service cannot start; the message names cause and next step."""


def work_folder(data: Path) -> Path:
    """Where the runs of the analyzer that keeps `data` have their private folders.

    The path is short: browsers put sockets below it, whose paths end at 107 bytes.
    """
    name = hashlib.sha256(str(data.absolute()).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"assay-{name}"


def fresh_work_dir(data: Path) -> Path:
    """An empty private folder for runs. Its old content, of a dead process, is removed."""
    folder = work_folder(data)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise StartupError(f"{folder}: {error.strerror}: set TMPDIR to a writable one") from error
    return folder


def locked(data: Path) -> int:
    """Make the data folder and lock it; the descriptor holds the lock."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(data / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise StartupError(f"--data {data}: {error.strerror}: choose a writable one") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise StartupError(
            f"--data {data} is used by another analyzer: stop it, or choose another folder"
        ) from None
    return descriptor
