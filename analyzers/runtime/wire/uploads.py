"""Finds an app's source by digest: the folder the request names, or what was uploaded earlier.

An upload is a plain tar of the files that `contract/source_digest.py` covers. It is unpacked into a
private folder, checked entry by entry, and becomes visible under its digest only when it matches.
"""

import hashlib
import os
import shutil
import tarfile
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO

from contract.errors import ErrorCode, PlatformError
from contract.source_digest import (
    MAX_FILES,
    MAX_TREE_BYTES,
    SKIPPED_FOLDERS,
    TreeDigest,
    is_covered,
)
from contract.spec import SourceRef

MAX_UPLOAD_BYTES = MAX_TREE_BYTES + 64 * 1024 * 1024
_MAX_DEPTH = 200
_EXPIRY_S = 7 * 86_400.0
_UPLOAD_LIMIT_S = 3_600.0  # longer than any upload takes
_IN_USE_S = 6 * 3_600.0  # longer than any run that reads the source
_MAX_ENTRIES = 4 * MAX_FILES  # folders and entries that are not covered count, too
MAX_KEPT_BYTES = 8 * 1024**3
_BLOCK_BYTES = 1024 * 1024


class SourceStore:
    """Uploaded sources below `folder/<digest>`; read-only to the tools."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def find(self, source: SourceRef) -> Path:
        """Folder with exactly this source. Blocking: reads every file of a named folder.

        Raises:
            PlatformError: NOT_FOUND: neither the named folder nor an upload has this digest.
        """
        uploaded = self._folder / source.digest
        if uploaded.is_dir():
            os.utime(uploaded)
            return uploaded
        named = Path(source.path)
        if named.is_absolute() and named.is_dir() and digest_folder(named) == source.digest:
            return named
        raise PlatformError(
            ErrorCode.NOT_FOUND,
            f"source {source.digest} not here: send it with PUT /sources/{source.digest}",
        )

    def upload_path(self) -> Path:
        """A fresh file name for an archive that is being received."""
        return self._folder / f"part-{uuid.uuid4().hex}.tar"

    def unpack(self, archive: Path, digest: str) -> None:
        """Check an uploaded archive and make it known under `digest`. Blocking.

        Raises:
            PlatformError: INVALID_ARGUMENT: no tar, forbidden entries, or another digest;
                RESOURCE_EXHAUSTED: too many or too large files.
        """
        part = archive.with_suffix("")
        part.mkdir()
        try:
            with tarfile.open(archive, mode="r:") as tar:
                found = _extract(tar, part)
            if found != digest:
                raise _invalid(f"the archive holds source {found}, not {digest}")
            if not (self._folder / digest).is_dir():
                part.rename(self._folder / digest)
        except (tarfile.TarError, UnicodeError, ValueError) as error:
            raise _invalid(f"not a readable tar archive: {error}") from error
        except OSError as error:
            raise PlatformError(
                ErrorCode.RESOURCE_EXHAUSTED, f"source cannot be kept: {error.strerror}"
            ) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def expire(self, max_bytes: int = MAX_KEPT_BYTES) -> None:
        """Remove what was not used for a week, then the longest unused above `max_bytes`.

        Blocking. Leftovers of broken uploads are removed after an hour. A source that a run may be
        reading stays: its time stamp is the beginning of that run.
        """
        now, kept_bytes = time.time(), 0
        for used_at, entry in sorted(self._entries(), reverse=True):
            unused_s = now - used_at
            limit_s = _UPLOAD_LIMIT_S if entry.name.startswith("part-") else _EXPIRY_S
            kept_bytes += _size_bytes(entry)
            too_much = kept_bytes > max_bytes and unused_s > _IN_USE_S
            if unused_s > limit_s or too_much:
                shutil.rmtree(entry, ignore_errors=True)
                if entry.is_file():
                    entry.unlink(missing_ok=True)

    def _entries(self) -> list[tuple[float, Path]]:
        found: list[tuple[float, Path]] = []
        for entry in self._folder.iterdir():
            with suppress(OSError):  # an upload that ended meanwhile
                found.append((entry.stat().st_mtime, entry))
        return found


def _size_bytes(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    total = 0
    for file in files:
        with suppress(OSError):
            total += file.lstat().st_size
    return total


def digest_folder(root: Path) -> str:
    """Digest of a folder by the rule of `contract/source_digest.py`; empty when unreadable.

    It is also empty for a folder larger than any source may be: a request may name any folder of
    this host.
    """
    tree = TreeDigest()
    try:
        for seen, (name, entry) in enumerate(_walk(root)):
            if seen >= _MAX_ENTRIES or not _add(tree, name, entry):
                return ""
    except OSError:
        return ""
    return tree.hexdigest()


def _walk(root: Path) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """Every entry below `root`, also folders, but nothing inside folders that are not covered."""
    folders = [""]
    while folders:
        prefix = folders.pop()
        with os.scandir(root / prefix) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) and entry.name not in SKIPPED_FOLDERS:
                    folders.append(f"{prefix}{entry.name}/")
                yield prefix + entry.name, entry


def _add(tree: TreeDigest, name: str, entry: "os.DirEntry[str]") -> bool:
    """Count an entry if it is covered, and say whether the tree is still small enough."""
    if entry.is_symlink():
        target = os.readlink(entry.path).encode(errors="surrogateescape")
        tree.add(name, "L", len(target), hashlib.sha256(target).digest())
    elif entry.is_file(follow_symlinks=False):
        size_bytes = entry.stat(follow_symlinks=False).st_size
        if tree.size_bytes + size_bytes > MAX_TREE_BYTES:
            return False
        with open(entry.path, "rb") as file:
            tree.add(name, "F", size_bytes, hashlib.file_digest(file, "sha256").digest())
    return tree.files <= MAX_FILES


def _extract(tar: tarfile.TarFile, into: Path) -> str:
    tree = TreeDigest()
    for member in tar:
        name = _checked_name(member)
        path = into / name
        if member.issym():  # the digest covers links, but none is created: no tool follows links
            target = member.linkname.encode(errors="surrogateescape")
            tree.add(name, "L", len(target), hashlib.sha256(target).digest())
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            content = tar.extractfile(member)
            assert content is not None  # noqa: S101 - only regular files reach this line
            tree.add(name, "F", member.size, _write(content, path))
        if tree.files > MAX_FILES or tree.size_bytes > MAX_TREE_BYTES:
            raise PlatformError(
                ErrorCode.RESOURCE_EXHAUSTED,
                f"source above {MAX_FILES} files or {MAX_TREE_BYTES} bytes",
            )
    return tree.hexdigest()


def _checked_name(member: tarfile.TarInfo) -> str:
    name = member.name
    parts = PurePosixPath(name).parts
    if not (member.isreg() or member.issym()) or member.sparse is not None:
        raise _invalid(f"{name!r}: only regular files and symbolic links are taken")
    if not parts or name != "/".join(parts) or name.startswith("/") or ".." in parts:
        raise _invalid(f"{name!r}: names are relative, without '.' and '..'")
    if len(parts) > _MAX_DEPTH or not is_covered(name):
        raise _invalid(f"{name!r}: too deep, or in a folder that is no source")
    return name


def _write(content: IO[bytes], path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("xb") as file:
        while block := content.read(_BLOCK_BYTES):
            digest.update(block)
            file.write(block)
    return digest.digest()


def _invalid(message: str) -> PlatformError:
    return PlatformError(ErrorCode.INVALID_ARGUMENT, message)
