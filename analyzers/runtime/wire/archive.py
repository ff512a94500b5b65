"""Result archives on disk: a tar with `report.json` first, and the digests of its chunks."""

import hashlib
import io
import os
import tarfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from contract.analysis import AnalyzerReport
from contract.base import Frozen
from contract.errors import ErrorCode, PlatformError
from contract.protocol import CHUNK_BYTES, MAX_REPORT_BYTES, REPORT_MEMBER


class StoredResult(Frozen):
    """A finished result as it lies on disk.

    Attributes:
        key: names its files; each run has its own, so that runs never touch each other's.
        request_digest: of the request it answers; `secrets_digest`: keyed, of its secrets.
        chunks: sha256 of each `CHUNK_BYTES` of the archive, the last one shorter.
    """

    key: str
    subtask_id: str
    request_digest: str
    secrets_digest: str = ""
    size_bytes: int
    sha256: str
    chunks: tuple[str, ...]
    finished_at: datetime


def write_archive(report: AnalyzerReport, attachments: Path, path: Path, max_bytes: int) -> None:
    """Write the archive of `report` and the files `attachments/<tool>/<name>` to `path`. Blocking.

    Raises:
        PlatformError: RESOURCE_EXHAUSTED: above `max_bytes`, report above `MAX_REPORT_BYTES`, or no
            room on the disk.
    """
    body = report.model_dump_json().encode()
    if len(body) > MAX_REPORT_BYTES:
        raise PlatformError(
            ErrorCode.RESOURCE_EXHAUSTED,
            f"{REPORT_MEMBER} of {len(body)} bytes is above the limit of {MAX_REPORT_BYTES}: "
            "ask for fewer tools",
        )
    names = [f"{tool.tool}/{name}" for tool in report.tools for name in tool.attachments]
    size = len(body) + sum((attachments / name).stat().st_size for name in names)
    if size > max_bytes:
        raise PlatformError(
            ErrorCode.RESOURCE_EXHAUSTED,
            f"result of {size} bytes is above the limit of {max_bytes}: ask for fewer tools",
        )
    try:
        with path.open("wb") as file:
            _write_tar(file, body, attachments, names)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise PlatformError(
            ErrorCode.RESOURCE_EXHAUSTED, f"result cannot be written: {error.strerror}"
        ) from error


def _write_tar(file: io.BufferedWriter, body: bytes, folder: Path, names: Iterable[str]) -> None:
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo(REPORT_MEMBER)
        member.size = len(body)
        tar.addfile(member, io.BytesIO(body))
        for name in names:
            attached = tarfile.TarInfo(name)
            attached.size = (folder / name).stat().st_size
            with (folder / name).open("rb") as content:
                tar.addfile(attached, content)


def digests(path: Path) -> tuple[int, str, tuple[str, ...]]:
    """Size, sha256 and chunk digests of a file. Blocking, in constant memory."""
    whole, chunks, size = hashlib.sha256(), list[str](), 0
    with path.open("rb") as file:
        while block := file.read(CHUNK_BYTES):
            whole.update(block)
            chunks.append(hashlib.sha256(block).hexdigest())
            size += len(block)
    return size, whole.hexdigest(), tuple(chunks)


class ResultShelf:
    """Finished results below `folder`, until they are acknowledged or expire; survives restarts.

    The description is renamed into place after the archive, so a result is whole or unknown.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, key: str) -> Path:
        """Where the archive of the run `key` lies or would lie."""
        return self._folder / f"{key}.tar"

    def part(self, key: str) -> Path:
        """Where the archive of the run `key` is written until it is whole."""
        return self._folder / f"{key}.part"

    def put(self, result: StoredResult) -> None:
        """Make the archive written to `part` a result. Blocking."""
        self.part(result.key).replace(self.path(result.key))
        temporary = self._folder / f"{result.key}.json-part"
        temporary.write_text(result.model_dump_json(), encoding="utf-8")
        temporary.replace(self._folder / f"{result.key}.json")

    def drop(self, key: str) -> None:
        """Forget a result; forgetting an unknown one changes nothing. Blocking."""
        for suffix in (".json", ".tar", ".part"):
            (self._folder / f"{key}{suffix}").unlink(missing_ok=True)

    def load(self) -> dict[str, StoredResult]:
        """The newest whole result of each subtask ID; all other files are removed. Blocking."""
        found: dict[str, StoredResult] = {}
        for about in self._folder.glob("*.json"):
            try:
                result = StoredResult.model_validate_json(about.read_bytes())
                whole = self.path(about.stem).stat().st_size == result.size_bytes
            except (OSError, ValidationError):
                continue
            newer = found.get(result.subtask_id)
            if whole and (newer is None or newer.finished_at < result.finished_at):
                found[result.subtask_id] = result
        wanted = {result.key for result in found.values()}
        for file in self._folder.iterdir():
            if file.stem not in wanted or file.suffix not in (".json", ".tar"):
                file.unlink(missing_ok=True)
        return found
