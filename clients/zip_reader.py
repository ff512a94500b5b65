"""Reads ZIP files with a manifest, in which nothing is believed: they may come from anybody.

Before anything is read, the directory is checked against the manifest: names, sizes, kinds of
members. A content is read in blocks, at most as much as was said, and its digest is compared.
"""

import hashlib
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from pydantic import ValidationError

from clients.files import disk_faults, publish, temporary_file
from contract.archive import MANIFEST_NAME
from contract.base import Frozen, first_problem
from contract.errors import ErrorCode, PlatformError

_BLOCK_BYTES = 1024 * 1024
_ENCRYPTED = 0x1
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_Manifest = TypeVar("_Manifest", bound=Frozen)
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError)


class _Version(Frozen):
    version: int


class Member(Protocol):
    """What a manifest says of a member."""

    @property
    def size_bytes(self) -> int:
        """Of its content."""
        ...

    @property
    def sha256(self) -> str:
        """Of its content."""
        ...


@dataclass(frozen=True, slots=True)
class ZipLimits:
    """What may be in a file that is read."""

    members: int = 150_000
    directory_bytes: int = 64 * 1024**2
    manifest_bytes: int = 32 * 1024**2
    bytes: int = 256 * 1024**3


_DEFAULT = ZipLimits()


class ZipReader:
    """A ZIP file that was checked against its manifest."""

    def __init__(
        self, path: Path, archive: zipfile.ZipFile, members: Mapping[str, Member], limits: ZipLimits
    ) -> None:
        self._path = path
        self._zip = archive
        self._members = members
        _check_members(path, archive, members, limits)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def names(self, folder: str) -> list[str]:
        """Names of the members in a folder and in those below it."""
        return [name for name in self._members if name.startswith(f"{folder}/")]

    def blocks(self, name: str) -> Generator[bytes]:
        """The content of a member, block by block; the last block comes after the last check.

        Raises:
            PlatformError: DATA_LOSS when it is not what the manifest says, NOT_FOUND.
        """
        member = self._members.get(name)
        if member is None:
            raise PlatformError(ErrorCode.NOT_FOUND, f"{self._path} has no {name}")
        digest, left, held = hashlib.sha256(), member.size_bytes, b""
        try:
            with self._zip.open(name) as file:
                while block := file.read(min(_BLOCK_BYTES, left + 1)):
                    left -= len(block)
                    if left < 0:
                        raise _damaged(self._path, f"{name} is longer than its manifest says")
                    digest.update(block)
                    if held:
                        yield held
                    held = block
        except _UNREADABLE as error:
            raise _damaged(self._path, f"{name} cannot be read: {error}") from error
        if left or digest.hexdigest() != member.sha256:
            raise _damaged(self._path, f"{name} is not what its manifest says")
        yield held

    def read(self, name: str, limit_bytes: int = _DEFAULT.manifest_bytes) -> bytes:
        """The content of a small member.

        Raises:
            PlatformError: as `blocks`; RESOURCE_EXHAUSTED when it is larger than the limit.
        """
        if name in self._members and self._members[name].size_bytes > limit_bytes:
            message = f"{self._path}: {name} has more than {limit_bytes} bytes"
            raise PlatformError(ErrorCode.RESOURCE_EXHAUSTED, message)
        return b"".join(self.blocks(name))

    def extract(self, name: str, target: Path) -> Path:
        """Write the content of a member to a file; only a whole and checked one appears.

        Raises:
            PlatformError: as `blocks`, and faults of the disk.
        """
        with disk_faults(target.parent), temporary_file(target.parent) as (file, temporary):
            for block in self.blocks(name):
                file.write(block)
            publish(file, temporary, target)
        return target


@contextmanager
def open_zip(path: Path, limits: ZipLimits) -> Generator[zipfile.ZipFile]:
    """Open a ZIP file whose directory is bounded.

    Raises:
        PlatformError: INVALID_ARGUMENT: it cannot be opened, is no archive; DATA_LOSS: not whole.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise PlatformError(ErrorCode.INVALID_ARGUMENT, message) from error
    with file:
        _check_directory(path, file, limits)
        try:
            archive = zipfile.ZipFile(file)
        except (*_UNREADABLE, OSError) as error:
            raise _not_whole(path, str(error)) from error
        with archive:
            yield archive


def _check_directory(path: Path, file: BinaryIO, limits: ZipLimits) -> None:
    """Refuse a file whose directory is too large for memory, before `zipfile` reads it whole.

    Source: APPNOTE.TXT of the ZIP format, 4.3.14 to 4.3.16.
    """
    if not file.read(4).startswith(b"PK"):
        raise _refused(path, "it is no ZIP file")
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 22 - 65_535 - 20))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + 22 > len(tail):
        raise _not_whole(path, "its end is missing")
    entries, length = struct.unpack_from("<HI", tail, at + 10)
    # `zipfile` believes the larger record wherever there is one.
    if at >= 20 and tail[at - 20 : at - 16] == b"PK\x06\x07":
        (end,) = struct.unpack_from("<Q", tail, at - 12)
        file.seek(min(end, size))
        record = file.read(56)
        if len(record) < 56 or not record.startswith(b"PK\x06\x06"):
            raise _not_whole(path, "the end of its directory is missing")
        entries, length = struct.unpack_from("<QQ", record, 32)
    if length > limits.directory_bytes:
        raise _refused(path, f"its directory has more than {limits.directory_bytes} bytes")
    if entries > limits.members + 1:
        raise _refused(path, f"it has more than {limits.members} members")
    file.seek(0)


def manifest_text(path: Path, archive: zipfile.ZipFile, limits: ZipLimits) -> bytes:
    """The manifest of an archive, not understood yet.

    Raises:
        PlatformError: INVALID_ARGUMENT: there is none, or it is too large; DATA_LOSS.
    """
    try:
        info = archive.getinfo(MANIFEST_NAME)
        _check_kind(path, info)
        if info.file_size > limits.manifest_bytes:
            raise _refused(path, f"its manifest has more than {limits.manifest_bytes} bytes")
        with archive.open(info) as file:
            return file.read(limits.manifest_bytes)
    except KeyError as error:
        raise _refused(path, f"it has no {MANIFEST_NAME}") from error
    except _UNREADABLE as error:
        raise _damaged(path, f"{MANIFEST_NAME} cannot be read: {error}") from error


def parsed_manifest(path: Path, text: bytes, model: type[_Manifest], newest: int) -> _Manifest:
    """A manifest of this or an earlier version.

    Raises:
        PlatformError: INVALID_ARGUMENT: it is of a later one, or wrong.
    """
    try:
        version = _Version.model_validate_json(text).version
        if version <= newest:
            return model.model_validate_json(text)
    except ValidationError as error:
        raise _refused(path, f"its manifest is wrong: {first_problem(error)}") from error
    raise _refused(
        path,
        f"it is of version {version}, and this Assay reads versions up to {newest}",
        next_step="update Assay",
    )


def _check_members(
    path: Path, archive: zipfile.ZipFile, members: Mapping[str, Member], limits: ZipLimits
) -> None:
    """The directory and the manifest say the same, and nothing in it could do harm."""
    infos = [info for info in archive.infolist() if info.filename != MANIFEST_NAME]
    names = [info.filename for info in infos]
    if len(set(names)) != len(names) or set(names) != set(members):
        odd = sorted(set(names) ^ set(members))[:1] or ["a member twice"]
        raise _refused(path, f"its manifest does not name what it holds: {odd[0][:200]!r}")
    for info in infos:
        _check_kind(path, info)
        if info.file_size != members[info.filename].size_bytes:
            raise _damaged(path, f"{info.filename} has another size than its manifest says")
    total = sum(info.file_size for info in infos)
    if total > limits.bytes:
        raise _refused(path, f"its content has more than {limits.bytes} bytes")


def _check_kind(path: Path, info: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG) or info.is_dir():
        raise _refused(path, f"{info.filename[:200]!r} is no plain file")
    if info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
        raise _refused(path, f"{info.filename[:200]!r} is packed in a way that is not read")


def _refused(path: Path, why: str, *, next_step: str = "") -> PlatformError:
    message = f"{path} is no archive that can be read: {why}"
    return PlatformError(ErrorCode.INVALID_ARGUMENT, message, next_step=next_step)


def _damaged(path: Path, why: str) -> PlatformError:
    return PlatformError(
        ErrorCode.DATA_LOSS, f"{path} is damaged: {why}", next_step="get the archive again"
    )


def _not_whole(path: Path, why: str) -> PlatformError:
    return PlatformError(
        ErrorCode.DATA_LOSS,
        f"{path} is no whole archive: {why}",
        next_step="make it again, or copy it again",
    )
