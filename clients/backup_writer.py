"""Writes backups, as a folder or as one ZIP file: see `contract.backup`.

A folder is written so that its manifest always names a whole backup: what is new lies beside the
old, the manifest takes the old one's place at the end, and only then what nobody names is removed.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from clients.archive_writer import ZipWriter, blocks_of
from clients.files import disk_faults, remove_stale, temporary_file, write_atomically
from contract.backup import ARTIFACTS, BACKUP_MANIFEST, BackupFile, BackupManifest
from contract.errors import ErrorCode, PlatformError

ZIP_SUFFIX = ".zip"
Took = Callable[[int], None]
"""Is told how many bytes were read; may raise to end the work."""


class BackupWriter(Protocol):
    """Takes files and then the manifest."""

    def add(self, name: str, path: Path) -> BackupFile:
        """Take the file at `path` under `name`.

        Raises:
            FileNotFoundError: it is not there (any more).
            PlatformError: a fault of the disk.
        """
        ...

    def finish(self, manifest: BackupManifest) -> None:
        """End the backup, which is there from now on."""
        ...


def object_path(folder: Path, sha256: str) -> Path:
    """Where a backup in a folder keeps a content."""
    return folder / "objects" / sha256[:2] / sha256


@contextmanager
def backup_writer(target: Path, took: Took) -> Generator[BackupWriter]:
    """Writes to `target`: a ZIP file if its name says so, else a folder. A file appears at the end.

    Raises:
        PlatformError: a fault of the disk; INVALID_ARGUMENT: the folder holds other things, or
            another backup is being written to it.
    """
    if target.suffix == ZIP_SUFFIX:
        with _ZipBackup(target, took) as writer:
            yield writer
        return
    with disk_faults(target):
        _require_own(target)
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (target / "lock").open("w") as lock:
            _lock(target, lock.fileno())
            yield _FolderBackup(target, took)


def _require_own(target: Path) -> None:
    """Refuse a folder with something else in it: contents are removed from it later."""
    inside = {path.name for path in target.iterdir()} if target.is_dir() else set[str]()
    if inside and "lock" not in inside:
        message = f"{target} is not empty, and holds no backup"
        next_step = "name a new folder, one with a backup, or a file that ends with .zip"
        raise PlatformError(ErrorCode.INVALID_ARGUMENT, message, next_step=next_step)


def _lock(target: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        message = f"another backup is being written to {target}"
        next_step = "wait for its end"
        raise PlatformError(ErrorCode.INVALID_ARGUMENT, message, next_step=next_step) from error


class _ZipBackup(ZipWriter):
    def __init__(self, path: Path, took: Took) -> None:
        super().__init__(path, mode=0o600)
        self._took = took

    def add(self, name: str, path: Path) -> BackupFile:
        with path.open("rb") as file:
            changed = os.fstat(file.fileno()).st_mtime_ns
            is_packed = name.startswith(f"{ARTIFACTS}/sha256/")  # by Zstandard
            blocks = _told(blocks_of(file), self._took)
            size, digest = self.write(name, blocks, is_packed=is_packed)
        return BackupFile(name=name, size_bytes=size, sha256=digest, changed_ns=changed)

    def finish(self, manifest: BackupManifest) -> None:
        self.publish(BACKUP_MANIFEST, manifest.model_dump_json(indent=1).encode())


class _FolderBackup:
    def __init__(self, folder: Path, took: Took) -> None:
        self._folder = folder
        self._took = took
        self._temporary = folder / "tmp"
        self._known = _files_before(folder)
        self._trusted = {file.sha256 for file in self._known.values()}
        remove_stale(self._temporary)

    def add(self, name: str, path: Path) -> BackupFile:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            known = self._known.get(name)
            same = known and (status.st_size, status.st_mtime_ns) == (
                known.size_bytes,
                known.changed_ns,
            )
            if known and same and _is_there(self._folder, known.sha256, known.size_bytes):
                self._took(0)
                return known
            with disk_faults(self._folder):
                size, digest = self._copy(_told(blocks_of(file), self._took))
        return BackupFile(name=name, size_bytes=size, sha256=digest, changed_ns=status.st_mtime_ns)

    def _copy(self, blocks: Iterator[bytes]) -> tuple[int, str]:
        """Keep a content; its size and digest."""
        digest, size = hashlib.sha256(), 0
        with temporary_file(self._temporary) as (file, temporary):
            for block in blocks:
                digest.update(block)
                size += len(block)
                file.write(block)
            sha256 = digest.hexdigest()
            # One that no whole backup names may be of a run that a power cut ended: not trusted.
            if sha256 not in self._trusted or not _is_there(self._folder, sha256, size):
                file.flush()
                target = object_path(self._folder, sha256)
                target.parent.mkdir(parents=True, exist_ok=True)
                temporary.replace(target)
        return size, sha256

    def finish(self, manifest: BackupManifest) -> None:
        with disk_faults(self._folder):
            os.sync()  # all contents, before a manifest that names them
            text = manifest.model_dump_json(indent=1).encode()
            write_atomically(self._folder / BACKUP_MANIFEST, text, self._temporary)
            self._sweep({file.sha256 for file in manifest.files})

    def _sweep(self, named: set[str]) -> None:
        """Remove contents of the backup that was here before."""
        for path in (self._folder / "objects").glob("??/*"):
            if path.name not in named:
                path.unlink()
        with suppress(OSError):
            self._temporary.rmdir()


def _files_before(folder: Path) -> Mapping[str, BackupFile]:
    """What the backup that is there holds; nothing if there is none, or none that can be read."""
    try:
        text = (folder / BACKUP_MANIFEST).read_bytes()
        manifest = BackupManifest.model_validate_json(text)
    except (OSError, ValidationError):
        return {}
    return {file.name: file for file in manifest.files}


def _is_there(folder: Path, sha256: str, size: int) -> bool:
    try:
        return object_path(folder, sha256).stat().st_size == size
    except FileNotFoundError:
        return False


def _told(blocks: Iterator[bytes], took: Took) -> Iterator[bytes]:
    took(0)
    for block in blocks:
        yield block
        took(len(block))
