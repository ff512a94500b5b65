"""Packs an app's source for an analyzer that does not share its folder."""

import hashlib
import io
import os
import tarfile
from pathlib import Path

from contract.errors import ErrorCode, PlatformError
from contract.source_digest import MAX_FILES, MAX_TREE_BYTES, SKIPPED_FOLDERS, TreeDigest
from contract.spec import SourceRef


def pack_source(source: SourceRef, archive: Path) -> None:
    """Write the covered files of `source` as a plain tar to `archive`. Blocking, constant memory.

    Raises:
        PlatformError: FAILED_PRECONDITION: the folder is gone or changed since it was digested;
            RESOURCE_EXHAUSTED: the disk is full.
    """
    root, tree = Path(source.path), TreeDigest()
    if not root.is_dir():
        raise _changed(f"app folder {root} is gone")
    try:
        with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
            _add_tree(tar, root, tree)
    except OSError as error:
        raise PlatformError(
            ErrorCode.RESOURCE_EXHAUSTED, f"source {root} cannot be packed: {error}"
        ) from error
    if tree.hexdigest() != source.digest:
        raise _changed(f"the files of {root} changed since the pipeline was submitted")


def _add_tree(tar: tarfile.TarFile, root: Path, tree: TreeDigest) -> None:
    folders = [""]
    while folders:
        prefix = folders.pop()
        for entry in sorted(os.scandir(root / prefix), key=lambda item: item.name):
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in SKIPPED_FOLDERS:
                    folders.append(f"{prefix}{entry.name}/")
            elif entry.is_symlink():
                _add_link(tar, entry.path, prefix + entry.name, tree)
            elif entry.is_file(follow_symlinks=False):
                _add_file(tar, entry.path, prefix + entry.name, tree)
            if tree.files > MAX_FILES or tree.size_bytes > MAX_TREE_BYTES:
                raise _changed(f"{root} has more than {MAX_FILES} files or {MAX_TREE_BYTES} bytes")


def _add_link(tar: tarfile.TarFile, path: str, name: str, tree: TreeDigest) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, os.readlink(path)
    target = member.linkname.encode(errors="surrogateescape")
    tree.add(name, "L", len(target), hashlib.sha256(target).digest())
    tar.addfile(member)


def _add_file(tar: tarfile.TarFile, path: str, name: str, tree: TreeDigest) -> None:
    with open(path, "rb") as file:
        member = tarfile.TarInfo(name)
        member.size = os.fstat(file.fileno()).st_size
        reader = _Hashing(file)
        tar.addfile(member, reader)
    tree.add(name, "F", member.size, reader.sha256.digest())


class _Hashing(io.RawIOBase):
    """A file whose digest is computed while it is read."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self.sha256.update(data)
        return data


def _changed(message: str) -> PlatformError:
    return PlatformError(ErrorCode.FAILED_PRECONDITION, f"{message}: submit it again")
