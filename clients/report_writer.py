"""Report files: `<root>/<pipeline id>/report.html` and its neighbours."""

import asyncio
import fcntl
import os
import re
import shutil
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from clients.files import disk_faults, remove_stale
from contract.errors import ErrorCode, PlatformError
from contract.ids import PIPELINE_ID_PATTERN

# A plain name, below at most two plain folders.
_NAME = re.compile(r"(?:[a-z0-9][a-z0-9_-]{0,40}/){0,2}[A-Za-z0-9%_-][A-Za-z0-9._~%-]{0,200}")
_DRAFT, _LOCK = ".draft-", "lock"
_WHOLE = "report.json"
_SYNCED_ONE_BY_ONE = 200


class Draft:
    """Port `ReportDraft`: files of a report that nobody sees yet.

    Attributes:
        folder: where they are.
    """

    def __init__(self, folder: Path, target: Path, root: Path) -> None:
        self.folder = folder
        self._target = target
        self._root = root
        self._names: dict[str, None] = {}

    @property
    def names(self) -> frozenset[str]:
        """Names of all files so far."""
        return frozenset(self._names)

    async def write(self, files: Mapping[str, bytes]) -> None:
        """Add these files.

        Raises:
            PlatformError: RESOURCE_EXHAUSTED on a full disk, INVALID_ARGUMENT for an unsafe name.
        """
        await asyncio.to_thread(self._put, files, "wb")

    async def append(self, files: Mapping[str, bytes]) -> None:
        """Add these bytes to the ends of the files; one that is not there begins with them.

        Raises:
            PlatformError: as `write`.
        """
        await asyncio.to_thread(self._put, files, "ab")

    async def publish(self) -> Mapping[str, str]:
        """Put every file in its place by atomic rename, `report.json` last; paths by name.

        Raises:
            PlatformError: RESOURCE_EXHAUSTED on a full disk.
        """
        return await asyncio.to_thread(self._publish)

    def _put(self, files: Mapping[str, bytes], mode: str) -> None:
        with disk_faults(self._root):
            for name, data in files.items():
                if not _NAME.fullmatch(name):
                    message = f"{name!r} is no plain file name"
                    raise PlatformError(ErrorCode.INVALID_ARGUMENT, message)
                path = self.folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open(mode) as file:
                    file.write(data)
                self._names[name] = None

    def _publish(self) -> dict[str, str]:
        with disk_faults(self._root):
            self._sync()
            ordered = sorted(self._names, key=lambda name: name == _WHOLE)
            for name in ordered:
                target = self._target / name
                target.parent.mkdir(parents=True, exist_ok=True)
                (self.folder / name).replace(target)
        return {name: str(self._target / name) for name in ordered}

    def _sync(self) -> None:
        """Have all content on the disk before any name; for many files in one go."""
        if len(self._names) > _SYNCED_ONE_BY_ONE:
            os.sync()
            return
        for name in self._names:
            with (self.folder / name).open("rb") as file:
                os.fsync(file.fileno())


class FileReportWriter:
    """Port `ReportWriter`: each file is whole or not there, and so is the report."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    @asynccontextmanager
    async def draft(self, pipeline_id: str) -> AsyncGenerator[Draft]:
        """An empty draft of the report of one pipeline; what is not published is removed.

        Raises:
            PlatformError: RESOURCE_EXHAUSTED on a full disk, INVALID_ARGUMENT for an unsafe ID.
        """
        if not re.fullmatch(PIPELINE_ID_PATTERN, pipeline_id):
            message = f"{pipeline_id!r} is no pipeline ID"
            raise PlatformError(ErrorCode.INVALID_ARGUMENT, message)
        target = self._root / pipeline_id
        folder, lock = await asyncio.to_thread(self._begin, target)
        try:
            yield Draft(folder, target, self._root)
        finally:
            os.close(lock)
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    def _begin(self, target: Path) -> tuple[Path, int]:
        """A new, locked folder for a draft; drafts that a killed writer left are removed."""
        with disk_faults(self._root):
            target.mkdir(parents=True, exist_ok=True)
            remove_stale(target)
            for left in target.glob(f"{_DRAFT}*"):
                if _is_abandoned(left / _LOCK):
                    shutil.rmtree(left, ignore_errors=True)
            folder = target / f"{_DRAFT}{uuid.uuid4().hex}"
            folder.mkdir()
            lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
        return folder, lock


def _is_abandoned(lock: Path) -> bool:
    """Whether the writer of this draft is dead; a draft without a lock has only just begun."""
    with suppress(OSError), lock.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
