"""Report files: `<root>/<pipeline id>/report.html` and its neighbours.

A draft is a folder beside them, and a locked file beside the folder, made before it and removed
after it: a draft without such a file is one that a killed writer left.
"""

import asyncio
import os
import re
import shutil
import threading
from collections.abc import AsyncGenerator, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from clients.files import LOCKED_SUFFIX, disk_faults, remove_stale, temporary_file
from contract.errors import ErrorCode, PlatformError
from contract.ids import PIPELINE_ID_PATTERN

# A plain name, below at most two plain folders.
_NAME = re.compile(r"(?:[a-z0-9][a-z0-9_-]{0,40}/){0,2}[A-Za-z0-9%_-][A-Za-z0-9._~%-]{0,200}")
_DRAFT = ".draft-"
_WHOLE = "report.json"
_NOT_ALWAYS = "*.github.sarif"  # uploaded by this pattern: one of an earlier report must not stay
_SYNCED_ONE_BY_ONE = 200


class Draft:
    """Port `ReportDraft`: files of a report that nobody sees yet.

    Attributes:
        folder: where they are.
    """

    def __init__(self, folder: Path, target: Path, root: Path, lock: ExitStack) -> None:
        self.folder = folder
        self._target = target
        self._root = root
        self._lock = lock
        self._alone = threading.Lock()
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

    def discard(self) -> None:
        """Remove what is not published, when no thread of a cancelled call writes any more."""
        with self._alone, self._lock:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _put(self, files: Mapping[str, bytes], mode: str) -> None:
        with self._alone, disk_faults(self._root):
            for name, data in files.items():
                if not _NAME.fullmatch(name):
                    message = f"{name!r} is no plain file name"
                    raise PlatformError(ErrorCode.INVALID_ARGUMENT, message)
                path = self._place(name)
                with path.open(mode) as file:
                    file.write(data)
                self._names[name] = None

    def _place(self, name: str) -> Path:
        """Where a file is, in folders that are there; the draft itself is not made again."""
        path = Path(name)
        for parent in reversed(path.parents[:-1]):
            (self.folder / parent).mkdir(exist_ok=True)
        return self.folder / path

    def _publish(self) -> dict[str, str]:
        with self._alone, disk_faults(self._root):
            self._sync()
            ordered = sorted(self._names, key=lambda name: name == _WHOLE)
            for name in ordered:
                target = self._target / name
                target.parent.mkdir(parents=True, exist_ok=True)
                (self.folder / name).replace(target)
            for path in self._target.glob(_NOT_ALWAYS):
                if path.name not in self._names:
                    path.unlink(missing_ok=True)
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
        beginning = asyncio.ensure_future(asyncio.to_thread(self._begin, target))
        try:
            draft = await asyncio.shield(beginning)
        except asyncio.CancelledError:
            (await beginning).discard()
            raise
        try:
            yield draft
        finally:
            await asyncio.to_thread(draft.discard)

    def _begin(self, target: Path) -> Draft:
        """An empty draft; those that killed writers left are removed."""
        with disk_faults(self._root), ExitStack() as undo:
            target.mkdir(parents=True, exist_ok=True)
            remove_stale(target)
            for left in target.glob(f"{_DRAFT}*"):
                if not (target / f"{left.name.removeprefix(_DRAFT)}{LOCKED_SUFFIX}").exists():
                    shutil.rmtree(left, ignore_errors=True)
            _, lock = undo.enter_context(temporary_file(target))
            folder = target / f"{_DRAFT}{lock.stem}"
            folder.mkdir()
            return Draft(folder, target, self._root, undo.pop_all())
