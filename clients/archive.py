"""Reads archives of pipelines: ZIP files in which nothing is believed before it is checked."""

import shutil
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from clients.files import disk_faults
from clients.zip_reader import ZipLimits, ZipReader, manifest_text, open_zip, parsed_manifest
from contract.archive import ARCHIVE_VERSION, ArchiveManifest
from contract.errors import ErrorCode, PlatformError

_LIMITS = ZipLimits()


class ArchiveReader(ZipReader):
    """An archive of pipelines that was checked against its manifest.

    Attributes:
        manifest: what it holds.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        text = manifest_text(path, archive, _LIMITS)
        self.manifest = parsed_manifest(path, text, ArchiveManifest, ARCHIVE_VERSION)
        members = {member.name: member for member in self.manifest.members}
        super().__init__(path, archive, members, _LIMITS)


@contextmanager
def open_archive(path: Path) -> Generator[ArchiveReader]:
    """Open an archive and check its directory.

    Raises:
        PlatformError: as `open_zip`; INVALID_ARGUMENT: it is of a newer version, or holds what no
            archive may hold.
    """
    with open_zip(path, _LIMITS) as archive:
        yield ArchiveReader(path, archive)


def require_room(folder: Path, size_bytes: int) -> None:
    """Refuse what the disk cannot hold, before anything is written.

    Raises:
        PlatformError: RESOURCE_EXHAUSTED.
    """
    with disk_faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    if size_bytes > free:
        message = f"{size_bytes} bytes are needed below {folder}, and {free} are free"
        raise PlatformError(ErrorCode.RESOURCE_EXHAUSTED, message, next_step="free space")
