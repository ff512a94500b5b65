"""The files of a report and of its other forms, as they lie in the data folder."""

import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import IO, cast

from clients.files import disk_faults, is_temporary
from contract.errors import ErrorCode, PlatformError
from control.errors import WrongInputError
from control.forms import AS_WRITTEN, FORMS
from control.reports import exports_folder, report_folder

BLOCK_BYTES = 256 * 1024
_FOLDERS = ("", "apps")
# Packed already: packing them again costs time and saves nothing.
_PACKED = frozenset({".zst", ".parquet", ".png", ".pdf"})


def require_form(form: str) -> None:
    """Refuse what is no form.

    Raises:
        WrongInputError: it is none.
    """
    if form not in FORMS:
        message = f"no form {form[:40]!r} of a report"
        raise WrongInputError(message, next_step=f"choose one of {', '.join(FORMS)}")


@dataclass(frozen=True, slots=True)
class FormFiles:
    """The written files of a form.

    Attributes:
        root: the folder that they lie in.
        names: below it, in order; none: the form is not written.
        size_bytes: of all of them.
        newest: when the last of them was written; seconds since 1970.
    """

    root: Path
    names: tuple[str, ...] = ()
    size_bytes: int = 0
    newest: float = 0.0

    def paths(self) -> dict[str, Path]:
        """Where each of them is."""
        return {name: self.root / name for name in self.names}


def files_of(data_dir: Path, pipeline_id: str, form: str) -> FormFiles:
    """The written files of a form. Blocking; a folder is only read again when it has changed.

    Raises:
        WrongInputError: there is no such form.
        PlatformError: the folder cannot be read.
    """
    require_form(form)
    patterns = tuple(AS_WRITTEN.get(form, ()))
    folder, exports = report_folder(data_dir, pipeline_id), exports_folder(data_dir, pipeline_id)
    root = folder if patterns else exports / form
    with disk_faults(root):
        return _form_files(root, patterns, tuple(_changed(root / name) for name in _FOLDERS))


def _changed(folder: Path) -> int:
    """When something in a folder was put in its place, or removed; 0: it is not there."""
    try:
        return folder.stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return 0


@lru_cache(maxsize=256)
def _form_files(root: Path, patterns: tuple[str, ...], _changed_at: tuple[int, ...]) -> FormFiles:
    found = sorted(
        (name, status)
        for folder in _FOLDERS
        for name, status in _listed(root, folder)
        if not patterns or any(_fits(name, pattern) for pattern in patterns)
    )
    return FormFiles(
        root=root,
        names=tuple(name for name, _ in found),
        size_bytes=sum(size for _, (size, _) in found),
        newest=max((at for _, (_, at) in found), default=0.0),
    )


def _listed(root: Path, folder: str) -> Iterator[tuple[str, tuple[int, float]]]:
    """Name below `root`, size and moment of each whole file of ours in one folder."""
    path = root / folder
    if not path.is_dir():
        return
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False) and not is_temporary(Path(entry.name)):
                status = entry.stat(follow_symlinks=False)
                name = f"{folder}/{entry.name}" if folder else entry.name
                yield name, (status.st_size, status.st_mtime)


def _fits(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern, folder by folder."""
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def one_of(files: FormFiles, form: str, name: str) -> Path:
    """One of these files.

    Raises:
        PlatformError: NOT_FOUND: there is none, or the form is not written.
    """
    if not files.names:
        step = "write it first"
        raise PlatformError(ErrorCode.NOT_FOUND, f"the form {form} is not written", next_step=step)
    if name not in files.names:
        message = f"no file {name[:80]!r} of the form {form}"
        raise PlatformError(ErrorCode.NOT_FOUND, message, next_step="see which files there are")
    return files.root / name


def zipped(files: FormFiles, folder: str) -> Iterator[bytes]:
    """An archive of these files below `folder`, piece by piece, in constant memory. Blocking.

    A file that goes while it is read ends the archive early: it is then no whole archive.
    """
    sink = _Sink()
    with zipfile.ZipFile(cast(IO[bytes], sink), "w", allowZip64=True) as archive:
        for name, path in files.paths().items():
            with path.open("rb") as file:
                moment = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                info = zipfile.ZipInfo(f"{folder}/{name}", moment.timetuple()[:6])
                packed = path.suffix in _PACKED
                info.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
                with archive.open(info, "w", force_zip64=True) as member:
                    while block := file.read(BLOCK_BYTES):
                        member.write(block)
                        yield sink.taken()
    yield sink.taken()


class _Sink:
    """Where a zip file is written to: it cannot be read or sought, and forgets what was taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Keep a piece until it is taken."""
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """There is nothing behind it."""

    def taken(self) -> bytes:
        """What was written since the last call."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data
