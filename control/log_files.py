"""Reads the logs of the local stack's programs, rotated ones too, in memory that is bounded."""

import heapq
import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from control.log_documents import LogLine
from control.log_records import Wanted, record_of

LINE_BYTES = 64 * 1024
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class PartLog:
    """The log of one program, read from its beginning on, and further when more is there.

    Attributes:
        path: the newest file; `path.1` is the one before it.
        unread: the files that could not be read, and why.
    """

    path: Path
    wanted: Wanted
    unread: dict[Path, str] = field(default_factory=dict[Path, str])
    _file: BinaryIO | None = None
    _rest: bytes = b""
    _before: LogLine | None = None
    _is_within: bool = field(default=False)

    def all(self) -> Iterator[LogLine]:
        """The records that are asked for, in the rotated files and in the newest one."""
        for path in _rotated(self.path):
            with self._faults(path), path.open("rb") as file:
                yield from self._records(file, is_whole=True)
            self._begin()
        yield from self.more()

    def more(self) -> Iterator[LogLine]:
        """The records that came since; a file that was rotated meanwhile is read to its end."""
        if (file := self._file) is not None:
            with self._faults(self.path):
                yield from self._records(file, is_whole=False)
            if not self._was_rotated(file):
                return
            self.close()
            self._begin()
        with self._faults(self.path):
            self._file = self.path.open("rb")
            yield from self._records(self._file, is_whole=False)

    def _begin(self) -> None:
        """Nothing of the file before goes on in the next one, which may be torn where it ends."""
        self._rest, self._is_within = b"", False

    @contextmanager
    def _faults(self, path: Path) -> Generator[None]:
        """Note that a file cannot be read. One that is gone was rotated away, or never there."""
        try:
            yield
        except FileNotFoundError:
            pass
        except OSError as error:
            self.unread[path] = error.strerror or type(error).__name__

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _was_rotated(self, file: BinaryIO) -> bool:
        try:
            now = self.path.stat()
        except OSError:
            return True
        own = os.fstat(file.fileno())
        return now.st_ino != own.st_ino or own.st_size < file.tell()

    def _records(self, file: BinaryIO, *, is_whole: bool) -> Iterator[LogLine]:
        for raw in self._lines(file, is_whole=is_whole):
            is_json = raw.startswith(b"{")
            if is_json and not self.wanted.may_have(raw):
                self._before = None
                continue
            line = record_of(self.path.stem, raw, self._before)
            has = self.wanted.has(line)
            self._before = None if is_json else self._going_on(line, is_wanted=has)
            if has:
                yield line

    def _going_on(self, line: LogLine, *, is_wanted: bool) -> LogLine:
        """A line of text, for those below it that have no time: they are about the same."""
        about = {"pipeline": self.wanted.pipeline_id, "app": self.wanted.app}
        return line.model_copy(update=about) if is_wanted else line

    def _lines(self, file: BinaryIO, *, is_whole: bool) -> Iterator[bytes]:
        """Whole lines; of a very long one, the beginning. One that is being written waits."""
        while block := file.readline(LINE_BYTES):
            ends = block.endswith(b"\n")
            if not self._is_within:
                self._rest = (self._rest + block)[:LINE_BYTES]
            if not ends and len(self._rest) < LINE_BYTES:
                continue  # the file ends here
            if not self._is_within:
                yield self._rest
                self._rest = b""
            self._is_within = not ends
        if is_whole and self._rest:
            yield self._rest
            self._rest = b""


def _rotated(path: Path) -> list[Path]:
    """The files before `path`, oldest first."""
    numbered = [
        (int(name), file)
        for file in path.parent.glob(f"{path.name}.*")
        if (name := file.suffix[1:]).isdecimal()
    ]
    return [file for _, file in sorted(numbered, reverse=True)]


class StackLogs:
    """The logs of all programs of a data folder that are asked for.

    Args:
        run_dir: where the local stack keeps them.
        wanted: which records.
    """

    def __init__(self, run_dir: Path, wanted: Wanted) -> None:
        paths = [run_dir / f"{part}.log" for part in wanted.parts]
        self._logs = [PartLog(path, wanted) for path in paths]
        self.parts = tuple(path.stem for path in paths if path.is_file())

    @property
    def unread(self) -> dict[Path, str]:
        """The files that could not be read so far, and why."""
        return {path: why for log in self._logs for path, why in log.unread.items()}

    def last(self, count: int) -> tuple[Iterable[LogLine], int]:
        """The last `count` records of all parts by time, and how many are earlier.

        0: all of them, read while they are gone through.
        """
        if not count:
            return self.all(), 0
        kept: deque[LogLine] = deque(maxlen=count)
        seen = 0
        for line in self.all():
            kept.append(line)
            seen += 1
        return kept, seen - len(kept)

    def all(self) -> Iterator[LogLine]:
        """All records by time, one by one."""
        streams = [_timed(log.all()) for log in self._logs]
        return (line for _, line in heapq.merge(*streams, key=lambda item: item[0]))

    def more(self) -> list[LogLine]:
        """What came since the last call, by time."""
        found = [item for log in self._logs for item in _timed(log.more())]
        return [line for _, line in sorted(found, key=lambda item: item[0])]

    def close(self) -> None:
        """Close all files."""
        for log in self._logs:
            log.close()


def _timed(lines: Iterator[LogLine]) -> Iterator[tuple[datetime, LogLine]]:
    """Lines with the time by which they are sorted: a file's own order always stays."""
    latest = _BEGINNING
    for line in lines:
        latest = max(latest, line.at or latest)
        yield latest, line
