"""Artifacts on disk: content-addressed, compressed, verified whenever they are read.

<root>/sha256/ab/abcdef...    content, Zstandard (`zstd -dc < FILE` shows it)
<root>/cached/12/1234....json which artifact is the result of an idempotency key
<root>/tmp/*.part             being written
"""

import asyncio
import hashlib
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import zstandard
from pydantic import ValidationError

from clients.files import disk_faults, publish, remove_stale, temporary_file, write_atomically
from clients.measures import ARTIFACT_SECONDS, timed
from contract.analysis import ArtifactRef
from contract.base import Frozen
from contract.errors import ErrorCode, PlatformError
from telemetry.spans import traced

_BLOCK_BYTES = 1024 * 1024
_LEVEL = 3
_KEY = re.compile(r"sha256/([0-9a-f]{2})/(\1[0-9a-f]{62})")


class CacheEntry(Frozen):
    """What is remembered under an idempotency key."""

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

    @traced("artifact put")
    async def put_file(self, path: Path, name: str) -> ArtifactRef:
        """Store a file's content in constant memory. The same content twice is kept once.

        Raises:
            PlatformError: NOT_FOUND when there is no such file, RESOURCE_EXHAUSTED on a full disk.
        """
        with timed(ARTIFACT_SECONDS, "put"):
            return await asyncio.to_thread(self._put_file, path, name)

    async def put_bytes(self, data: bytes, name: str) -> ArtifactRef:
        """Store bytes; same rules as `put_file`."""
        with timed(ARTIFACT_SECONDS, "put"):
            return await asyncio.to_thread(self._put, io.BytesIO(data), name)

    async def get(self, ref: ArtifactRef) -> bytes:
        """Content of an artifact that fits into memory.

        Raises:
            PlatformError: NOT_FOUND, or DATA_LOSS when the content is not what was stored.
        """
        with timed(ARTIFACT_SECONDS, "get"):
            return await asyncio.to_thread(self._get, ref)

    def packed(self, ref: ArtifactRef) -> Path | None:
        """The file that holds an artifact as it is stored (Zstandard); None: it is not there."""
        path = self._path(ref)
        return path if path.is_file() else None

    def take_packed(self, ref: ArtifactRef, packed: Path) -> None:
        """Store an artifact from a file that holds it as another store does; checked first.

        Raises:
            PlatformError: DATA_LOSS when the content is not what `ref` says.
        """
        target = self._path(ref)
        with disk_faults(self._root), packed.open("rb") as source:
            check_packed(source, ref)
            source.seek(0)
            with temporary_file(self._temporary) as (file, temporary):
                shutil.copyfileobj(source, file, _BLOCK_BYTES)
                publish(file, temporary, target)

    async def cache(self, key: str, ref: ArtifactRef) -> None:
        """Remember `ref` under an idempotency key; a later call replaces it."""
        entry = CacheEntry(key=key, artifact=ref).model_dump_json().encode()
        await asyncio.to_thread(self._cache, key, entry)

    async def cached(self, key: str) -> ArtifactRef | None:
        """The artifact cached under `key`; None also when its content is gone."""
        return await asyncio.to_thread(self._cached, key)

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

    def located(self, ref: ArtifactRef) -> Path:
        """The compressed file of an artifact.

        Raises:
            PlatformError: NOT_FOUND when it is not there, INVALID_ARGUMENT for a foreign key.
        """
        path = self._path(ref)
        with disk_faults(self._root):
            if path.is_file():
                return path
        message = f"artifact {ref.name or ref.key} is not in {self._root}; run its step again"
        raise PlatformError(ErrorCode.NOT_FOUND, message)

    def _get(self, ref: ArtifactRef) -> bytes:
        path = self.located(ref)
        with disk_faults(self._root), path.open("rb") as file:
            return _verified(file, ref)

    def _cache(self, key: str, entry: bytes) -> None:
        with disk_faults(self._root):
            write_atomically(self._entry_path(key), entry, self._temporary)

    def _cached(self, key: str) -> ArtifactRef | None:
        path = self._entry_path(key)
        with disk_faults(self._root):
            content = path.read_bytes() if path.is_file() else b""
        try:
            entry = CacheEntry.model_validate_json(content)
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


def _verified(file: BinaryIO, ref: ArtifactRef) -> bytes:
    content = bytearray()
    check_packed(file, ref, content.extend)
    return bytes(content)


def check_packed(
    file: BinaryIO, ref: ArtifactRef, take: Callable[[bytes], None] = lambda _block: None
) -> None:
    """Unpack an artifact, no more of it than was stored; `take` is given each block.

    Raises:
        PlatformError: DATA_LOSS when it is not what was stored; then what was taken is worthless.
    """
    digest, size = hashlib.sha256(), 0
    try:
        with zstandard.ZstdDecompressor().stream_reader(file, closefd=False) as plain:
            while block := plain.read(_BLOCK_BYTES):
                size += len(block)
                if size > ref.size_bytes:
                    raise damaged(ref, "longer than what was stored")
                digest.update(block)
                take(block)
    except zstandard.ZstdError as error:
        raise damaged(ref, str(error)) from error
    if digest.hexdigest() != ref.sha256:
        raise damaged(ref, "its digest differs")


def damaged(ref: ArtifactRef, cause: str) -> PlatformError:
    """The error that says that an artifact is not what was stored."""
    message = (
        f"artifact {ref.name or ref.key} is damaged ({cause}); "
        "delete it, check the disk, run its step again"
    )
    return PlatformError(ErrorCode.DATA_LOSS, message)
