"""Reads backups, from a folder or from one ZIP file; each content is checked while it is read."""

import hashlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from clients.archive_writer import blocks_of
from clients.backup_writer import object_path
from clients.zip_reader import ZipLimits, ZipReader, manifest_text, open_zip, parsed_manifest
from contract.backup import BACKUP_MANIFEST, BACKUP_VERSION, BackupFile, BackupManifest
from contract.errors import ErrorCode, PlatformError

_LIMITS = ZipLimits(
    members=20_000_000,
    directory_bytes=4 * 1024**3,
    manifest_bytes=4 * 1024**3,
    bytes=64 * 1024**4,
)
_AGAIN = "restore an earlier backup, or copy this one again from where it was made"


class BackupReader(Protocol):
    """A backup that is there."""

    @property
    def manifest(self) -> BackupManifest:
        """What it holds."""
        ...

    def blocks(self, file: BackupFile) -> Iterator[bytes]:
        """A file's content; after the last block it is certain to be what the manifest says.

        Raises:
            PlatformError: DATA_LOSS: it is not.
        """
        ...


@contextmanager
def open_backup(path: Path) -> Generator[BackupReader]:
    """Open a backup and check its manifest.

    Raises:
        PlatformError: INVALID_ARGUMENT: it is no backup, or of a newer version; DATA_LOSS: it is
            not whole.
    """
    if path.is_dir():
        yield _Folder(path)
        return
    with open_zip(path, _LIMITS) as archive:
        text = manifest_text(path, archive, _LIMITS)
        manifest = parsed_manifest(path, text, BackupManifest, BACKUP_VERSION)
        members = {file.name: file for file in manifest.files}
        yield _Zip(manifest, ZipReader(path, archive, members, _LIMITS))


class _Zip:
    def __init__(self, manifest: BackupManifest, reader: ZipReader) -> None:
        self.manifest = manifest
        self._reader = reader

    def blocks(self, file: BackupFile) -> Iterator[bytes]:
        return self._reader.blocks(file.name)


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            text = (folder / BACKUP_MANIFEST).read_bytes()
        except OSError as error:
            message = f"{folder} holds no whole backup: {BACKUP_MANIFEST}: {error.strerror}"
            next_step = "name the folder or the file that a backup was written to"
            raise PlatformError(ErrorCode.INVALID_ARGUMENT, message, next_step=next_step) from error
        self.manifest = parsed_manifest(folder, text, BackupManifest, BACKUP_VERSION)

    def blocks(self, file: BackupFile) -> Iterator[bytes]:
        path = object_path(self._folder, file.sha256)
        digest, left = hashlib.sha256(), file.size_bytes
        try:
            with path.open("rb") as content:
                for block in blocks_of(content):
                    digest.update(block)
                    left -= len(block)
                    yield block
        except FileNotFoundError as error:
            raise _damaged(self._folder, file, "is missing") from error
        if left or digest.hexdigest() != file.sha256:
            raise _damaged(self._folder, file, "is not what the manifest says")


def _damaged(folder: Path, file: BackupFile, what: str) -> PlatformError:
    message = f"the backup {folder} is damaged: the content of {file.name} {what}"
    return PlatformError(ErrorCode.DATA_LOSS, message, next_step=_AGAIN)
