"""The specs that the wizard wrote: files of people, never changed unless they say so."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from clients.files import disk_faults, publish, temporary_file
from contract.base import Frozen
from contract.errors import ErrorCode, PlatformError
from contract.spec import PipelineSpec
from control.errors import WrongInputError
from control.specfile import load_spec

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_SUFFIX = ".yaml"


class SpecExistsError(PlatformError):
    """There is a file of this name already, with another text; nothing was written.

    Attributes:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(
            ErrorCode.ALREADY_EXISTS,
            f"{path} exists and says something else",
            next_step="choose another name, or say that it is to be replaced",
        )
        self.path = path


class SpecLine(Frozen):
    """A spec that was written.

    Attributes:
        name: without its ending.
        modified_at: when it was last written.
        root: folder of its fleet.
        analyzers: by name.
        trouble: why it cannot be read now; empty: it can.
    """

    name: str
    modified_at: datetime
    root: str = ""
    analyzers: tuple[str, ...] = ()
    trouble: str = ""


class SpecPage(Frozen):
    """Some of the specs, by name.

    Attributes:
        after: the place where the next page begins; null: this is the last one.
    """

    specs: tuple[SpecLine, ...]
    after: str | None = None


def specs_folder(data_dir: Path) -> Path:
    """Where specs of this installation are written that a browser asked for."""
    return data_dir / "specs"


def spec_path(data_dir: Path, name: str) -> Path:
    """The file of the spec `name`; whether it is there is not looked at.

    Raises:
        WrongInputError: no file can be named so.
    """
    if not _NAME.fullmatch(name):
        raise WrongInputError(
            f"the name {name[:80]!r} is not usable",
            next_step="use letters, digits, '.', '_' and '-', at most 60",
        )
    return specs_folder(data_dir) / f"{name}{_SUFFIX}"


def list_specs(data_dir: Path, after: str = "", limit: int = 200) -> SpecPage:
    """At most `limit` specs, those whose names follow `after`. Blocking.

    Raises:
        PlatformError: the folder cannot be read.
    """
    folder = specs_folder(data_dir)
    with disk_faults(folder):
        paths = folder.glob(f"*{_SUFFIX}") if folder.is_dir() else ()
        names = sorted(path.stem for path in paths if _NAME.fullmatch(path.stem))
    names = [name for name in names if name > after]
    shown = tuple(_lines(data_dir, names[:limit]))
    return SpecPage(specs=shown, after=names[limit - 1] if len(names) > limit else None)


def _lines(data_dir: Path, names: list[str]) -> Iterator[SpecLine]:
    for name in names:
        path = spec_path(data_dir, name)
        try:
            modified_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except OSError:  # removed meanwhile
            continue
        try:
            spec = load_spec(path)
        except PlatformError as error:
            yield SpecLine(name=name, modified_at=modified_at, trouble=error.message)
            continue
        yield SpecLine(
            name=name,
            modified_at=modified_at,
            root=spec.apps.root,
            analyzers=tuple(kind.value for kind in spec.analyzers),
        )


def read_spec(data_dir: Path, name: str) -> tuple[PipelineSpec, str]:
    """A spec that was written, and its text. Blocking.

    Raises:
        PlatformError: NOT_FOUND: there is none of this name; or what is wrong in it.
    """
    text = spec_text(data_dir, name)
    return load_spec(spec_path(data_dir, name)), text


def spec_text(data_dir: Path, name: str) -> str:
    """The text of a spec that was written, right or wrong. Blocking.

    Raises:
        PlatformError: NOT_FOUND: there is none of this name; or the file cannot be read.
    """
    path = spec_path(data_dir, name)
    if not path.is_file():
        raise PlatformError(
            ErrorCode.NOT_FOUND, f"no spec {name!r}", next_step="see which specs there are"
        )
    with disk_faults(path.parent):
        return path.read_bytes().decode(errors="replace")


def write_spec(path: Path, text: str, *, replace: bool = False) -> None:
    """Write a spec: a reader sees a whole file or none. The same text again is no change. Blocking.

    Args:
        path: of the file.
        text: of the spec.
        replace: whether a file that is there may go.

    Raises:
        SpecExistsError: it may not, and there is one with another text.
        PlatformError: the disk refuses.
    """
    data = text.encode()
    with disk_faults(path.parent), temporary_file(path.parent) as (file, temporary):
        file.write(data)
        if replace:
            publish(file, temporary, path)
            return
        file.flush()
        os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            if not path.is_file() or path.read_bytes() != data:
                raise SpecExistsError(path) from None
