"""Writes ZIP files, archives of pipelines among them: see `contract.archive`."""

import hashlib
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Self

from clients.files import disk_faults, publish, temporary_file
from contract.archive import MANIFEST_NAME, ArchiveManifest, ArchiveMember

_BLOCK_BYTES = 1024 * 1024
# Packed already: packing them again costs time and saves nothing.
_PACKED = frozenset({".zst", ".parquet", ".png", ".pdf"})


class ZipWriter:
    """Writes a ZIP file to `path`: whole or not at all. A context manager.

    Args:
        path: of the file.
        mode: its permissions from the first byte; None: what this process gives new files.

    Raises:
        PlatformError: a fault of the disk.
    """

    def __init__(self, path: Path, mode: int | None = None) -> None:
        self._path = path
        self._mode = mode
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with disk_faults(self._path.parent):
            file, temporary = self._open.enter_context(temporary_file(self._path.parent))
            self._file, self._temporary = file, temporary
            if self._mode is not None:
                os.fchmod(file.fileno(), self._mode)
            self._zip = self._open.enter_context(zipfile.ZipFile(file, "w", allowZip64=True))
        return self

    def __exit__(self, *error: object) -> None:
        with disk_faults(self._path.parent):
            self._open.close()

    def write(
        self, name: str, blocks: Iterable[bytes], *, is_packed: bool = False
    ) -> tuple[int, str]:
        """Add a member, as it is if it is packed already; its size and digest."""
        info = zipfile.ZipInfo(name)
        packed = is_packed or Path(name).suffix in _PACKED
        info.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
        digest, size = hashlib.sha256(), 0
        with (
            disk_faults(self._path.parent),
            self._zip.open(info, "w", force_zip64=True) as member,
        ):
            for block in blocks:
                digest.update(block)
                size += len(block)
                member.write(block)
        return size, digest.hexdigest()

    def publish(self, name: str, text: bytes) -> None:
        """Add the last member, and put the file in its place."""
        with disk_faults(self._path.parent):
            self._zip.writestr(name, text, zipfile.ZIP_DEFLATED)
            self._zip.close()
            publish(self._file, self._temporary, self._path)


class ArchiveWriter(ZipWriter):
    """Writes an archive of pipelines; `finish` ends it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._members: dict[str, ArchiveMember] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def add_bytes(self, name: str, data: bytes) -> None:
        """Add a member with this content."""
        self._add(name, [data])

    def add_file(self, name: str, path: Path) -> None:
        """Add a member with the content of a file, in constant memory."""
        with disk_faults(path.parent), path.open("rb") as file:
            self._add(name, blocks_of(file))

    def finish(self, facts: Mapping[str, object]) -> ArchiveManifest:
        """Write the manifest and put the archive in its place.

        Args:
            facts: fields of the manifest but `members` and `made_at`.
        """
        manifest = ArchiveManifest.model_validate(
            {**facts, "made_at": datetime.now(UTC), "members": tuple(self._members.values())}
        )
        self.publish(MANIFEST_NAME, manifest.model_dump_json(indent=1).encode())
        return manifest

    def _add(self, name: str, blocks: Iterable[bytes]) -> None:
        if name not in self._members:
            size, digest = self.write(name, blocks)
            self._members[name] = ArchiveMember(name=name, size_bytes=size, sha256=digest)


def blocks_of(file: BinaryIO) -> Iterator[bytes]:
    """The content of an open file, block by block."""
    return iter(lambda: file.read(_BLOCK_BYTES), b"")
