"""Artifacts on disk: content-addressed, compressed, verified whenever they are read.

<root>/sha256/ab/abcdef...    content, Zstandard (`zstd -dc < FILE` shows it)
<root>/cached/12/1234....json which artifact is the result of an idempotency key
<root>/tmp/*.part             being written
"""

import asyncio
import hashlib
import io
import re
import tarfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import zstandard
from pydantic import ValidationError

from clients.files import disk_faults, publish, remove_stale, temporary_file, write_atomically
from contract.analysis import ArtifactRef
from contract.base import Frozen
from contract.errors import ErrorCode, PlatformError

_BLOCK_BYTES = 1024 * 1024
_LEVEL = 3
_KEY = re.compile(r"sha256/([0-9a-f]{2})/(\1[0-9a-f]{62})")


class _CacheEntry(Frozen):
    key: str
    artifact: ArtifactRef


class FileArtifactStore:
    """Port `ArtifactStore` in a folder that any number of processes may share.

    Raises:
        PlatformError: `root` cannot be made or written.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._temporary = self._root / "tmp"
        with disk_faults(self._root):
            self._temporary.mkdir(parents=True, exist_ok=True)
            remove_stale(self._temporary)

    async def put_file(self, path: Path, name: str) -> ArtifactRef:
        """Store a file's content in constant memory. The same content twice is kept once.

        Raises:
            PlatformError: NOT_FOUND when there is no such file, RESOURCE_EXHAUSTED on a full disk.
        """
        return await asyncio.to_thread(self._put_file, path, name)

    async def put_bytes(self, data: bytes, name: str) -> ArtifactRef:
        """Store bytes; same rules as `put_file`."""
        return await asyncio.to_thread(self._put, io.BytesIO(data), name)

    async def get(self, ref: ArtifactRef) -> bytes:
        """Content of an artifact that fits into memory.

        Raises:
            PlatformError: NOT_FOUND, or DATA_LOSS when the content is not what was stored.
        """
        return await asyncio.to_thread(self._get, ref)

    async def read_member(self, ref: ArtifactRef, member: str) -> bytes:
        """One file out of a stored tar, without unpacking the rest into memory.

        Raises:
            PlatformError: NOT_FOUND when the artifact or the member is missing, DATA_LOSS.
        """
        return await asyncio.to_thread(self._read_member, ref, member)

    async def extract(self, ref: ArtifactRef, member: str, target: Path) -> None:
        """Write one file out of a stored tar to `target`, whole or not at all, constant memory."""
        await asyncio.to_thread(self._extract, ref, member, target)

    async def cache(self, key: str, ref: ArtifactRef) -> None:
        """Remember `ref` under an idempotency key; a later call replaces it."""
        note = _CacheEntry(key=key, artifact=ref).model_dump_json().encode()
        await asyncio.to_thread(self._cache, key, note)

    async def cached(self, key: str) -> ArtifactRef | None:
        """The artifact cached under `key`; None also when its content is gone."""
        return await asyncio.to_thread(self._cached, key)

    @contextmanager
    def open_stream(self, ref: ArtifactRef) -> Generator[BinaryIO]:
        """The content as a stream; blocking. The digest is checked at its end: trust it only then.

        Raises:
            PlatformError: NOT_FOUND, or DATA_LOSS when the content is not what was stored.
        """
        path = self._path(ref)
        with disk_faults(self._root):
            if not path.is_file():
                message = (
                    f"artifact {ref.name or ref.key} is not in {self._root}; run its step again"
                )
                raise PlatformError(ErrorCode.NOT_FOUND, message)
            file = path.open("rb")
        with file, zstandard.ZstdDecompressor().stream_reader(file) as plain:
            try:
                yield io.BufferedReader(_Verified(plain, ref), _BLOCK_BYTES)
            except zstandard.ZstdError as error:
                raise _damaged(ref, str(error)) from error

    def _put_file(self, path: Path, name: str) -> ArtifactRef:
        try:
            source = path.open("rb")
        except OSError as error:
            message = f"cannot read {path} to store it as {name}: {error.strerror}"
            raise PlatformError(ErrorCode.NOT_FOUND, message) from error
        with source:
            return self._put(source, name)

    def _put(self, source: BinaryIO, name: str) -> ArtifactRef:
        digest = hashlib.sha256()
        size = 0
        with disk_faults(self._root), temporary_file(self._temporary) as (file, temporary):
            compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
            with compressor.stream_writer(file, closefd=False) as packed:
                while block := source.read(_BLOCK_BYTES):
                    digest.update(block)
                    size += len(block)
                    packed.write(block)
            key = f"sha256/{digest.hexdigest()[:2]}/{digest.hexdigest()}"
            # An existing copy is replaced by the same bytes: that also heals a damaged one.
            publish(file, temporary, self._root / key)
        return ArtifactRef(key=key, sha256=digest.hexdigest(), size_bytes=size, name=name)

    def _get(self, ref: ArtifactRef) -> bytes:
        with self.open_stream(ref) as stream:
            return stream.read()

    def _read_member(self, ref: ArtifactRef, member: str) -> bytes:
        with self._member(ref, member) as file:
            return file.read()

    def _extract(self, ref: ArtifactRef, member: str, target: Path) -> None:
        with (
            disk_faults(target.parent),
            temporary_file(target.parent) as (file, temporary),
        ):
            with self._member(ref, member) as content:
                while block := content.read(_BLOCK_BYTES):
                    file.write(block)
            publish(file, temporary, target)

    @contextmanager
    def _member(self, ref: ArtifactRef, member: str) -> Generator[BinaryIO]:
        with self.open_stream(ref) as stream:
            try:
                with tarfile.open(fileobj=stream, mode="r|") as archive:
                    for entry in archive:
                        if entry.name == member and (file := archive.extractfile(entry)):
                            yield file  # type: ignore[misc]
                            _drain(stream)
                            return
            except tarfile.TarError as error:
                raise _damaged(ref, str(error)) from error
        message = f"no {member} in artifact {ref.name or ref.key}"
        raise PlatformError(ErrorCode.NOT_FOUND, message)

    def _cache(self, key: str, note: bytes) -> None:
        with disk_faults(self._root):
            write_atomically(self._entry_path(key), note, self._temporary)

    def _cached(self, key: str) -> ArtifactRef | None:
        note = self._entry_path(key)
        with disk_faults(self._root):
            content = note.read_bytes() if note.is_file() else b""
        try:
            entry = _CacheEntry.model_validate_json(content)
        except ValidationError:
            return None
        found = entry.key == key and self._path(entry.artifact).is_file()
        return entry.artifact if found else None

    def _entry_path(self, key: str) -> Path:
        digest = hashlib.sha256(key.encode()).hexdigest()
        return self._root / "cached" / digest[:2] / f"{digest}.json"

    def _path(self, ref: ArtifactRef) -> Path:
        # References come back from histories and reports: never follow one out of the store.
        match = _KEY.fullmatch(ref.key)
        if match is None or match[2] != ref.sha256:
            message = f"{ref.key!r} is no artifact key; expected sha256/ab/abcdef..."
            raise PlatformError(ErrorCode.INVALID_ARGUMENT, message)
        return self._root / ref.key


class _Verified(io.RawIOBase):
    """Reads a stream; raises DATA_LOSS at its end when size or digest differ from the reference."""

    def __init__(self, source: zstandard.ZstdDecompressionReader, ref: ArtifactRef) -> None:
        self._source = source
        self._ref = ref
        self._digest = hashlib.sha256()
        self._size_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = self._source.readinto(buffer)
        self._digest.update(buffer[:count])
        self._size_bytes += count
        if self._size_bytes > self._ref.size_bytes:
            raise _damaged(self._ref, "longer than what was stored")
        if not count and self._digest.hexdigest() != self._ref.sha256:
            raise _damaged(self._ref, "its digest differs")
        return count


def _drain(stream: BinaryIO) -> None:
    """Read to the end, where the digest is checked."""
    while stream.read(_BLOCK_BYTES):
        pass


def _damaged(ref: ArtifactRef, cause: str) -> PlatformError:
    message = (
        f"artifact {ref.name or ref.key} is damaged ({cause}); "
        "delete it, check the disk, run its step again"
    )
    return PlatformError(ErrorCode.DATA_LOSS, message)
