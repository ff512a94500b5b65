"""Single files out of result archives, in bounded memory, checked against the archive's digest."""

import hashlib
import tarfile
from pathlib import Path
from typing import IO

import zstandard

from clients.artifacts import FileArtifactStore, damaged
from clients.files import disk_faults
from contract.analysis import ArtifactRef
from contract.errors import ErrorCode, PlatformError

_BLOCK_BYTES = 1024 * 1024


class _Checked:
    """A stream that notes what passes; it never gives more than was stored."""

    def __init__(self, plain: IO[bytes], ref: ArtifactRef) -> None:
        self._plain = plain
        self._ref = ref
        self._left = ref.size_bytes
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes.

        Raises:
            PlatformError: DATA_LOSS when there are more than were stored.
        """
        block = self._plain.read(_BLOCK_BYTES if size < 0 else size)
        self._digest.update(block)
        self._left -= len(block)
        if self._left < 0:
            raise damaged(self._ref, "longer than what was stored")
        return block

    def finish(self) -> None:
        """Read the rest, and compare the digest.

        Raises:
            PlatformError: DATA_LOSS when it is not what was stored.
        """
        while self.read(_BLOCK_BYTES):
            pass
        if self._digest.hexdigest() != self._ref.sha256:
            raise damaged(self._ref, "its digest differs")


def read_member(root: Path, ref: ArtifactRef, name: str, max_bytes: int) -> bytes:
    """The file `name` of the result archive `ref` in the artifact store below `root`. Blocking.

    Raises:
        PlatformError: NOT_FOUND when the archive or the file in it is not there, DATA_LOSS when the
            archive is damaged, FAILED_PRECONDITION when the file is larger than `max_bytes`.
    """
    path = FileArtifactStore(root).located(ref)
    try:
        with (
            disk_faults(root),
            path.open("rb") as file,
            zstandard.ZstdDecompressor().stream_reader(file) as plain,
        ):
            checked = _Checked(plain, ref)
            content = _found(checked, path, ref, name, max_bytes)
            checked.finish()
    except (zstandard.ZstdError, tarfile.TarError) as error:
        raise damaged(ref, str(error)) from error
    if content is None:
        message = f"{ref.name or ref.key} holds no {name}"
        next_step = "see the files that the app has"
        raise PlatformError(ErrorCode.NOT_FOUND, message, next_step=next_step)
    return content


def _found(
    checked: _Checked, path: Path, ref: ArtifactRef, name: str, max_bytes: int
) -> bytes | None:
    with tarfile.open(fileobj=checked, mode="r|") as archive:  # type: ignore[call-overload]
        for member in archive:
            if member.name != name or not member.isfile():
                continue
            if member.size > max_bytes:
                raise PlatformError(
                    ErrorCode.FAILED_PRECONDITION,
                    f"{name} of {ref.name or ref.key} is larger than {max_bytes:,} bytes",
                    next_step=f"read it on the machine that has it: zstd -dc {path} | tar -xO",
                )
            content = archive.extractfile(member)
            return content.read() if content else None
    return None
