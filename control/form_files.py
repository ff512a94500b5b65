"""The files of a report and of its other forms, as they lie in the data folder."""

import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast

from clients.files import disk_faults, is_temporary
from contract.errors import ErrorCode, PlatformError
from control.errors import WrongInputError
from control.forms import AS_WRITTEN, FORMS
from control.reports import exports_folder, report_folder

BLOCK_BYTES = 256 * 1024
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


def files_of(data_dir: Path, pipeline_id: str, form: str) -> dict[str, Path]:
    """The written files of a form by their names; none: it is not written. Blocking.

    Raises:
        WrongInputError: there is no such form.
        PlatformError: the folder cannot be read.
    """
    require_form(form)
    own = AS_WRITTEN.get(form)
    root = (
        report_folder(data_dir, pipeline_id)
        if own
        else exports_folder(data_dir, pipeline_id) / form
    )
    with disk_faults(root):
        found = [path for pattern in own or ("**/*",) for path in root.glob(pattern)]
        names = {str(path.relative_to(root)): path for path in found if _is_whole(path)}
    return dict(sorted(names.items()))


def one_of(files: dict[str, Path], form: str, name: str) -> Path:
    """One of these files.

    Raises:
        PlatformError: NOT_FOUND: there is none, or the form is not written.
    """
    if not files:
        step = "write it first"
        raise PlatformError(ErrorCode.NOT_FOUND, f"the form {form} is not written", next_step=step)
    if name not in files:
        message = f"no file {name[:80]!r} of the form {form}"
        raise PlatformError(ErrorCode.NOT_FOUND, message, next_step="see which files there are")
    return files[name]


def zipped(files: dict[str, Path], folder: str) -> Iterator[bytes]:
    """An archive of these files below `folder`, piece by piece, in constant memory. Blocking.

    A file that goes while it is read ends the archive early: it is then no whole archive.
    """
    sink = _Sink()
    with zipfile.ZipFile(cast(IO[bytes], sink), "w", allowZip64=True) as archive:
        for name, path in files.items():
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


def _is_whole(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and not is_temporary(path)
