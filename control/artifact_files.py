"""Files of an app, as they are kept: logs, results of analyzers, and what tools attached to them.

Everything in them may be hostile: what is said here of a file is what its bytes prove.
"""

import asyncio
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from zstandard import ZstdDecompressor

from clients.archive_members import read_member
from clients.artifacts import FileArtifactStore, check_packed
from clients.files import disk_faults
from contract.analysis import ArtifactRef
from contract.errors import ErrorCode, PlatformError
from contract.record import PipelineRecord
from contract.spec import AppRef
from control.errors import PipelineError
from control.picture_bytes import picture_type
from control.stored import Stored

FILE_BYTES = 512 * 1024 * 1024
MEMBER_BYTES = 32 * 1024 * 1024
_PICTURE_BYTES = 16 * 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME_LETTERS = 120


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file whose bytes are those that were stored. Who opened it closes `content`.

    Attributes:
        name: under which it can be saved; plain ASCII without folders.
        size_bytes: of the whole content.
        picture: `image/png` or `image/jpeg`, if it is one from its first to its last byte.
    """

    name: str
    size_bytes: int
    content: IO[bytes]
    picture: str | None


async def artifact_of(stored: Stored, pipeline_id: str, ref: AppRef, sha256: str) -> ArtifactRef:
    """The artifact with this digest, if it is one of the app's.

    Raises:
        NotStoredError: there is no such pipeline.
        PipelineError: NOT_FOUND: it has no such app, or the app no such file.
        PlatformError: the store cannot be read.
    """
    record = await stored.outline(pipeline_id, ref)
    if not record.apps:
        raise _none(pipeline_id, f"pipeline {pipeline_id} has no app {ref.label}")
    for artifact in _artifacts(record):
        if artifact.sha256 == sha256 and _SHA256.fullmatch(sha256):
            return artifact
    raise _none(pipeline_id, f"{ref.label} has no file {sha256[:64]!r}")


async def require_there(data_dir: Path, artifact: ArtifactRef) -> None:
    """Make sure that an artifact is still on this machine; what it holds is not looked at.

    Raises:
        PlatformError: NOT_FOUND: it is not; or the disk cannot be read.
    """
    await asyncio.to_thread(FileArtifactStore(data_dir / "artifacts").located, artifact)


async def open_file(data_dir: Path, artifact: ArtifactRef, member: str = "") -> OpenedFile:
    """An artifact of an app, or one member of a result archive, checked whole.

    Args:
        data_dir: folder of the artifacts.
        artifact: see `artifact_of`.
        member: name in the archive; empty: the artifact itself.

    Raises:
        PlatformError: NOT_FOUND: it is not on this machine, or the archive has no such member;
            DATA_LOSS: it is damaged; FAILED_PRECONDITION: it is too large to be handed out.
    """
    return await asyncio.to_thread(_opened, data_dir / "artifacts", artifact, member)


def _artifacts(record: PipelineRecord) -> Iterator[ArtifactRef]:
    for cell in record.cells:
        if cell.artifact is not None:
            yield cell.artifact
    for app in record.apps:
        yield from app.facts.logs


def _opened(root: Path, artifact: ArtifactRef, member: str) -> OpenedFile:
    if not member:
        return _whole(root, artifact)
    content = read_member(root, artifact, member, MEMBER_BYTES)
    picture = picture_type(content) if len(content) <= _PICTURE_BYTES else None
    return OpenedFile(safe_name(member), len(content), io.BytesIO(content), picture)


def _whole(root: Path, artifact: ArtifactRef) -> OpenedFile:
    """Unpacked twice and kept nowhere: once to check it, and once while it is read."""
    path = FileArtifactStore(root).located(artifact)
    if artifact.size_bytes > FILE_BYTES:
        raise PlatformError(
            ErrorCode.FAILED_PRECONDITION,
            f"{artifact.name or artifact.key} has {artifact.size_bytes:,} bytes",
            next_step=f"read it on the machine that has it: zstd -dc {path}",
        )
    with disk_faults(root):
        packed = path.open("rb")
        try:
            check_packed(packed, artifact)
            packed.seek(0)
        except BaseException:
            packed.close()
            raise
    content = cast("IO[bytes]", ZstdDecompressor().stream_reader(packed, closefd=True))
    return OpenedFile(safe_name(artifact.name), artifact.size_bytes, content, None)


def safe_name(name: str) -> str:
    r"""`name` as a file can be saved: no folders, no letters that mean something to anybody.

    >>> safe_name("../browser/ev\u202eil.html")
    'ev_il.html'
    """
    last = re.split(r"[/\\]", name)[-1]
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", last).strip("._")
    return plain[-_NAME_LETTERS:].strip("._") or "file"


def _none(pipeline_id: str, message: str) -> PipelineError:
    return PipelineError(
        pipeline_id, ErrorCode.NOT_FOUND, message, next_step="see the files that the app has"
    )
