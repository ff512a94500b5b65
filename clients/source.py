"""Identity of an app's source tree: the same files, the same digest, on every host."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from clients.main_file import main_file
from contract.errors import ErrorCode, PlatformError
from contract.source_digest import MAX_FILES, MAX_TREE_BYTES, SKIPPED_FOLDERS, TreeDigest
from contract.spec import SourceRef

MAX_FILE_BYTES = 100 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024


def digest_tree(root: Path, most_bytes: int = MAX_TREE_BYTES) -> SourceRef:
    """Digest `root` by the rule of `contract.source_digest`.

    Dependencies, caches and build outputs (`SKIPPED_FOLDERS`) do not count. A symbolic link counts
    as its target text and is never followed. At most `MAX_FILES` files, `MAX_FILE_BYTES` each and
    `most_bytes` in total. Blocking: call it in a thread.

    Raises:
        PlatformError: INVALID_ARGUMENT (no folder, unreadable), RESOURCE_EXHAUSTED (too large).
    """
    if not root.is_dir():
        raise PlatformError(
            ErrorCode.INVALID_ARGUMENT, f"no app folder {root}: check the spec's apps.root"
        )
    tree = TreeDigest()
    files: list[str] = []
    try:
        for path in walk_source(root):
            kind, length, digest = _entry(path)
            name = path.relative_to(root).as_posix()
            tree.add(name, kind, length, digest)
            if kind == "F":
                files.append(name)
            _check_bounds(root, tree, most_bytes)
    except OSError as error:
        raise PlatformError(
            ErrorCode.INVALID_ARGUMENT, f"cannot read {error.filename}: {error.strerror}"
        ) from error
    return SourceRef(
        path=str(root.resolve()),
        digest=tree.hexdigest(),
        files=tree.files,
        size_bytes=tree.size_bytes,
        main_file=main_file(files),
    )


def walk_source(root: Path) -> Iterator[Path]:
    """Files and symbolic links below `root`, sorted by relative path, without `SKIPPED_FOLDERS`.

    Sockets, pipes and devices are left out; links are yielded, never followed.

    Raises:
        OSError: a folder cannot be read.
    """
    with os.scandir(root) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        path = Path(entry.path)
        if entry.is_symlink():
            yield path
        elif entry.is_dir(follow_symlinks=False):
            if entry.name not in SKIPPED_FOLDERS:
                yield from walk_source(path)
        elif entry.is_file(follow_symlinks=False):
            yield path


def has_source(root: Path) -> bool:
    """Whether `walk_source` has anything to yield; looks no further than to the first of it.

    Raises:
        OSError: a folder cannot be read.
    """
    folders: list[str | Path] = [root]
    while folders:
        with os.scandir(folders.pop()) as listing:
            for entry in listing:
                if entry.is_symlink() or entry.is_file(follow_symlinks=False):
                    return True
                if entry.is_dir(follow_symlinks=False) and entry.name not in SKIPPED_FOLDERS:
                    folders.append(entry.path)
    return False


def _entry(path: Path) -> tuple[Literal["F", "L"], int, bytes]:
    """Kind, size in bytes and sha256 of one entry."""
    if path.is_symlink():
        target = os.readlink(path).encode(errors="surrogateescape")
        return "L", len(target), hashlib.sha256(target).digest()
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise PlatformError(
            ErrorCode.RESOURCE_EXHAUSTED,
            f"{path} has {size} bytes, more than {MAX_FILE_BYTES}: remove it from the app folder",
        )
    content = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            content.update(chunk)
    return "F", size, content.digest()


def _check_bounds(root: Path, tree: TreeDigest, most_bytes: int) -> None:
    if tree.files > MAX_FILES:
        raise PlatformError(
            ErrorCode.RESOURCE_EXHAUSTED,
            f"{root} has more than {MAX_FILES} files: remove what is not source",
        )
    if tree.size_bytes > most_bytes:
        raise PlatformError(
            ErrorCode.RESOURCE_EXHAUSTED,
            f"{root} has more than {most_bytes} bytes: remove what is not source",
        )
