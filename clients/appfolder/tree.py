"""Reads files of an app folder, which comes from strangers: bounded, and never outside of it."""

from pathlib import Path

from clients.appfolder.faults import AppFault, outside
from contract.errors import PlatformError

MAX_TEXT_BYTES = 256 * 1024


def inside(root: Path, relative: str, field: str) -> Path:
    """`relative` below `root`, links resolved.

    Raises:
        AppFault: it is no path at all.
        PlatformError: it leads out of `root`; on its author's machine a file may be there.
    """
    try:
        resolved = (root / relative).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise AppFault("build", f"{field}: {relative!r} is no usable path") from error
    if not resolved.is_relative_to(root.resolve()):
        raise outside(f"{field}: {relative!r} leads out of the app folder")
    return resolved


def read_text(root: Path, relative: str, field: str) -> str:
    """Text of a regular file below `root`, at most `MAX_TEXT_BYTES`.

    Raises:
        AppFault: missing, no regular file, too large, or not UTF-8.
        PlatformError: outside of `root`.
    """
    path = inside(root, relative, field)
    if not path.is_file():
        raise AppFault("build", f"{field}: there is no file {relative!r}")
    try:
        if path.stat().st_size > MAX_TEXT_BYTES:
            raise AppFault("build", f"{field}: {relative!r} is larger than {MAX_TEXT_BYTES} bytes")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AppFault("build", f"{field}: {relative!r} is not UTF-8 text") from error
    except OSError as error:
        raise AppFault("build", f"{field}: cannot read {relative!r}: {error.strerror}") from error


def has_file(root: Path, relative: str) -> bool:
    """Whether `relative` is a regular file inside `root`."""
    try:
        return inside(root, relative, "").is_file()
    except (AppFault, PlatformError):
        return False
