"""Identity of an app's source tree: the same files, the same digest, on every host."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from contract.errors import ErrorCode, PlatformError
from contract.spec import SourceRef

MAX_FILES = 50_000
MAX_FILE_BYTES = 100 * 1024 * 1024
MAX_TREE_BYTES = 1024**3
SKIPPED_FOLDERS = frozenset(
    {
        ".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", "venv", ".tox", "dist",
        "build", ".next", ".nuxt", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".assay",
    }
)  # fmt: skip
_CHUNK_BYTES = 1024 * 1024


def digest_tree(root: Path) -> SourceRef:
    """Digest `root`: sha256 over the sorted relative paths, kinds and contents of its files.

    Dependencies, caches and build outputs (`SKIPPED_FOLDERS`) do not count. A symbolic link counts
    as its target text and is never followed. At most `MAX_FILES` files, `MAX_FILE_BYTES` each and
    `MAX_TREE_BYTES` in total. Blocking: call it in a thread.

    Raises:
        PlatformError: INVALID_ARGUMENT (no folder, unreadable), RESOURCE_EXHAUSTED (too large).
    """
    if not root.is_dir():
        raise PlatformError(
            ErrorCode.INVALID_ARGUMENT, f"no app folder {root}: check the spec's apps.root"
        )
    whole = hashlib.sha256()
    files = size = 0
    try:
        for path in walk_source(root):
            name = path.relative_to(root).as_posix()
            digest, length = _entry_digest(path)
            whole.update(f"{len(name.encode(errors='surrogateescape'))}:".encode())
            whole.update(name.encode(errors="surrogateescape") + digest)
            files, size = files + 1, size + length
            _check_bounds(root, files, size)
    except OSError as error:
        raise PlatformError(
            ErrorCode.INVALID_ARGUMENT, f"cannot read {error.filename}: {error.strerror}"
        ) from error
    return SourceRef(
        path=str(root.resolve()), digest=whole.hexdigest(), files=files, size_bytes=size
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


def _entry_digest(path: Path) -> tuple[bytes, int]:
    """Digest and size in bytes of one entry; the first byte says whether it is a link."""
    if path.is_symlink():
        target = os.readlink(path).encode(errors="surrogateescape")
        return b"L" + hashlib.sha256(target).digest(), len(target)
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
    return b"F" + content.digest(), size


def _check_bounds(root: Path, files: int, size: int) -> None:
    if files > MAX_FILES:
        raise PlatformError(
            ErrorCode.RESOURCE_EXHAUSTED,
            f"{root} has more than {MAX_FILES} files: remove what is not source",
        )
    if size > MAX_TREE_BYTES:
        raise PlatformError(
            ErrorCode.RESOURCE_EXHAUSTED,
            f"{root} has more than {MAX_TREE_BYTES} bytes: remove what is not source",
        )
