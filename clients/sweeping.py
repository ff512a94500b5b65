"""Removes artifacts that nothing refers to any more.

What is young stays whatever refers to it: a result is stored before the row that refers to it. The
same content stored again makes it young again.
"""

import asyncio
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from clients.artifacts import CacheEntry
from clients.files import disk_faults
from contract.ids import REPORT_OF


@dataclass(frozen=True, slots=True)
class Sweep:
    """Files that go, or went.

    Attributes:
        artifacts: how many artifacts; `entries`: how many remembered results beside them.
        size_bytes: of all of them, on the disk.
    """

    artifacts: int = 0
    entries: int = 0
    size_bytes: int = 0


async def sweep(root: Path, keep: Collection[str], before: float, *, remove: bool) -> Sweep:
    """Artifacts below `root` that nothing needs.

    Args:
        root: folder of the artifact store.
        keep: sha256 of the artifacts that are referred to.
        before: seconds since 1970; what was stored later stays.
        remove: whether they are removed, or only counted.

    Raises:
        PlatformError: the disk does not let it.
    """
    return await asyncio.to_thread(_sweep, root, frozenset(keep), before, remove)


def _sweep(root: Path, keep: frozenset[str], before: float, remove: bool) -> Sweep:
    with disk_faults(root):
        entries, needed = _entries(root, keep, before)
        files = [path for path in _old(root / "sha256", before) if path.name not in needed]
        size = sum(path.stat().st_size for path in (*entries, *files))
        if remove:
            for path in (*entries, *files):  # first what refers, then what is referred to
                _remove(path, root / "tmp", before)
        return Sweep(artifacts=len(files), entries=len(entries), size_bytes=size)


def _entries(root: Path, keep: frozenset[str], before: float) -> tuple[list[Path], set[str]]:
    """Remembered results that go, and the artifacts that are needed with those that stay."""
    gone: list[Path] = []
    needed = set(keep)
    reports: list[tuple[Path, CacheEntry]] = []
    for path in sorted((root / "cached").glob("*/*.json")):
        try:
            entry = CacheEntry.model_validate_json(path.read_bytes())
        except ValidationError:
            continue
        if entry.key.startswith(REPORT_OF):
            reports.append((path, entry))
        elif entry.artifact.sha256 in keep or path.stat().st_mtime >= before:
            needed.add(entry.artifact.sha256)
        else:
            gone.append(path)
    for path, entry in reports:
        archive = entry.key.removeprefix(REPORT_OF)
        if archive in needed or path.stat().st_mtime >= before:
            needed.add(entry.artifact.sha256)
        else:
            gone.append(path)
    return gone, needed


def _old(folder: Path, before: float) -> Iterator[Path]:
    for path in sorted(folder.glob("*/*")):
        if path.is_file() and path.stat().st_mtime < before:
            yield path


def _remove(path: Path, temporary: Path, before: float) -> None:
    """Remove a file unless it was written anew meanwhile: looked at where nobody can replace it."""
    temporary.mkdir(parents=True, exist_ok=True)
    aside = temporary / f"{path.name}.pruned"
    with suppress(FileNotFoundError):
        path.rename(aside)
        if aside.stat().st_mtime >= before and not path.exists():
            aside.rename(path)
            return
        aside.unlink()


def folder_bytes(folder: Path) -> int:
    """Size of all files below a folder; 0 if it is not there."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def remove_folder(folder: Path, aside: Path) -> None:
    """Remove a folder as a whole: it is renamed first, so that nobody reads a part of it."""
    with disk_faults(folder.parent):
        shutil.rmtree(aside, ignore_errors=True)
        with suppress(FileNotFoundError):
            folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
