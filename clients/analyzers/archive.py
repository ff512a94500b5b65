"""Receives a result archive: writes it to a private file and checks every byte."""

import hashlib
import os
import stat
import tarfile
from pathlib import Path

from pydantic import ValidationError

from contract.analysis import AnalyzerReport
from contract.base import first_problem
from contract.conversation import Received
from contract.errors import ErrorCode, PlatformError
from contract.protocol import (
    CHUNK_BYTES,
    DEFAULT_MAX_RESULT_BYTES,
    MAX_REPORT_BYTES,
    REPORT_MEMBER,
    Completed,
)


class ArchiveReceiver:
    """Bytes of one result so far. Its methods block; call them in a thread, one at a time.

    Each chunk is checked as it comes. The whole archive is digested once more only if it did not
    come in one piece, because a second connection may have brought bytes of another run.

    Attributes:
        path: the private file.
        received: number of bytes that are there; a broken transfer goes on from here.
        one_piece: whether everything came as checked chunks over one connection.
        sha256: of the whole archive, once it is there.
    """

    def __init__(self, path: Path, max_bytes: int = DEFAULT_MAX_RESULT_BYTES) -> None:
        self.path = path
        self.received = 0
        self.one_piece = True
        self.sha256 = ""
        self._max_bytes = max_bytes
        self._file = path.open("wb")

    def add_chunk(self, received: Received) -> None:
        """Append a chunk.

        The conversation has checked that it is the next one.

        Raises:
            PlatformError: DATA_LOSS: not the bytes that were announced;
                RESOURCE_EXHAUSTED: result above the cap, or the disk is full.
        """
        if not received.is_sound():
            raise _data_loss(f"chunk at {received.chunk.offset} differs from its digest")
        self._append(received.data)

    def add(self, data: bytes) -> None:
        """Append bytes that only the digest of the whole archive checks.

        Raises:
            PlatformError: RESOURCE_EXHAUSTED: result above the cap, or the disk is full.
        """
        self.one_piece = False
        self._append(data)

    def adopt(self, path: Path) -> None:
        """Copy an archive out of the analyzer's own folder.

        Raises:
            OSError: the file is not here or may not be read; nothing was appended.
            PlatformError: RESOURCE_EXHAUSTED: result above the cap, or the disk is full.
        """
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise FileNotFoundError(f"{path} is no file")
            try:
                while block := file.read(CHUNK_BYTES):
                    self.add(block)
            except OSError:
                self.restart()
                raise

    def _append(self, data: bytes) -> None:
        if self.received + len(data) > self._max_bytes:
            raise PlatformError(
                ErrorCode.RESOURCE_EXHAUSTED, f"result above {self._max_bytes} bytes"
            )
        try:
            self._file.write(data)
        except OSError as error:
            raise PlatformError(
                ErrorCode.RESOURCE_EXHAUSTED, f"result cannot be written: {error.strerror}"
            ) from error
        self.received += len(data)

    def restart(self) -> None:
        """Forget what came so far."""
        self._file.seek(0)
        self._file.truncate()
        self.received = 0
        self.one_piece = True

    def finish(self, completed: Completed) -> None:
        """Check the whole archive.

        Raises:
            PlatformError: DATA_LOSS; the receiver is empty again.
        """
        self._file.flush()
        if self.received != completed.size_bytes or not self._is(completed.sha256):
            received = self.received
            self.restart()
            raise _data_loss(f"result of {received} bytes differs from its digest")
        self.sha256 = completed.sha256

    def _is(self, sha256: str) -> bool:
        if self.one_piece:
            return True
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256

    def close(self) -> None:
        """Close the file; safe to repeat."""
        self._file.close()


def read_report(path: Path) -> AnalyzerReport:
    """The report of a result archive: its first member. Blocking.

    Raises:
        PlatformError: DATA_LOSS: no archive, no report, or one we cannot read.
    """
    try:
        with tarfile.open(path, mode="r:") as tar:
            member = tar.next()
            if member is None or member.name != REPORT_MEMBER or not member.isreg():
                raise _data_loss(f"the archive does not begin with {REPORT_MEMBER}")
            if member.size > MAX_REPORT_BYTES:
                raise _data_loss(f"{REPORT_MEMBER} of {member.size} bytes is above the limit")
            content = tar.extractfile(member)
            return AnalyzerReport.model_validate_json(content.read() if content else b"")
    except (tarfile.TarError, OSError) as error:
        raise _data_loss(f"the archive cannot be read: {error}") from error
    except ValidationError as error:
        raise _data_loss(f"{REPORT_MEMBER}: {first_problem(error)}") from error


def _data_loss(message: str) -> PlatformError:
    return PlatformError(ErrorCode.DATA_LOSS, message)
