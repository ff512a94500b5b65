"""The app's own files that a compose file mounts: bind mounts, secrets and configs.

Nothing of the host is ever mounted. What lies in the app folder is copied into the container before
it starts, so that the app finds it, and the folder is never written to.
"""

import hashlib
import io
import posixpath
import re
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from clients.appfolder.faults import AppFault
from clients.appfolder.model import OwnFile
from clients.appfolder.tree import inside

# Installed packages and version control: an image has its own, or none.
_LEFT_OUT = frozenset({".git", "node_modules", "__pycache__", ".venv", "venv"})
_MAX_FILES = 50_000


def own_mount(
    root: Path, name: str, source: str, target: str, dropped: list[str]
) -> OwnFile | None:
    """What a bind mount of `source` at `target` gives the container; None: nothing of the app."""
    try:
        found = None if source.startswith(("/", "~")) else inside(root, source, name)
    except AppFault:
        found = None
    if found is None or not target.startswith("/"):
        dropped.append(f"{name}: volumes {source} (no host path is mounted)")
        return None
    if not found.exists():
        dropped.append(f"{name}: volumes {source} (there is no such file in the app folder)")
        return None
    if target.startswith(("/proc", "/sys", "/dev")):
        dropped.append(f"{name}: volumes {source} (nothing is mounted on {target[:60]})")
        return None
    dropped.append(f"{name}: volumes {source} (copied into the container, not mounted)")
    return OwnFile(posixpath.normpath(target), found)


def secrets_and_configs(
    root: Path, file: str, name: str, document: dict[str, Any], body: Any, dropped: list[str]
) -> Iterator[OwnFile]:
    """Files of `secrets` and `configs` of a service.

    Raises:
        AppFault: one that the file does not define, or that is not there.
    """
    for kind, entries, folder in (
        ("secrets", body.secrets, "/run/secrets"),
        ("configs", body.configs, "/"),
    ):
        defined = document.get(kind)
        known = cast("dict[str, Any]", defined) if isinstance(defined, dict) else {}
        for entry in entries:
            fields = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {"source": entry}
            source = str(fields.get("source", ""))
            if source not in known:
                raise AppFault("build", f"{file}: {name} uses undefined {kind} {source[:60]!r}")
            target = posixpath.join(folder, str(fields.get("target") or source))
            one = _defined(root, file, f"{kind}.{source}", known[source], target)
            if one is None:
                dropped.append(f"{name}: {kind}.{source} (it is not in the app folder)")
            else:
                yield one


def _defined(root: Path, file: str, what: str, body: Any, target: str) -> OwnFile | None:
    fields = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    target = posixpath.normpath(target)
    if "content" in fields:
        return OwnFile(target, None, str(fields["content"]))
    if not fields.get("file"):
        return None
    path = inside(root, str(fields["file"]), f"{file}: {what}")
    if not path.is_file():
        raise AppFault("build", f"{file}: {what}: there is no file {fields['file']!r}")
    return OwnFile(target, path)


def digest_of(files: Sequence[OwnFile]) -> str:
    """Digest of what `pack` makes of `files`. Blocking."""
    return hashlib.sha256(pack(files, 1 << 62)).hexdigest()


def pack(files: Sequence[OwnFile], limit_bytes: int) -> bytes:
    """Tar of `files`, from the root of a container on. Blocking.

    Anybody in the container may write to its copies, as on a developer's machine: a mounted folder
    often holds the app's database. Links that lead out of a folder are left out.

    Raises:
        AppFault: they are larger than `limit_bytes`, or too many.
    """
    buffer = io.BytesIO()
    count = 0
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for one in files:
            for path, name in _members(one):
                _add(archive, one, path, name)
                count += 1
                if buffer.tell() > limit_bytes or count > _MAX_FILES:
                    raise AppFault("build", f"its mounted files exceed {limit_bytes} bytes")
    return buffer.getvalue()


def _members(one: OwnFile) -> Iterator[tuple[Path | None, str]]:
    top = one.target.lstrip("/")
    if top or one.source is None or one.source.is_file():
        yield one.source, top
    if one.source is None or not one.source.is_dir():
        return
    pending = [one.source]
    while pending:
        for path in sorted(pending.pop().iterdir()):
            if path.name in _LEFT_OUT and path.is_dir():
                continue
            yield path, posixpath.join(top, path.relative_to(one.source).as_posix())
            if path.is_dir() and not path.is_symlink():
                pending.append(path)


def _add(archive: tarfile.TarFile, one: OwnFile, path: Path | None, name: str) -> None:
    if path is None:
        data = one.content.encode()
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), 0o666
        archive.addfile(info, io.BytesIO(data))
        return
    if path.is_symlink() and not _stays_inside(one, path):
        return
    info = archive.gettarinfo(path, arcname=name)
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mtime = 0
    info.mode |= 0o777 if info.isdir() else 0o666
    if info.islnk():
        info.type, info.linkname, info.size = tarfile.REGTYPE, "", path.stat().st_size
    if info.isreg():
        with path.open("rb") as stream:
            archive.addfile(info, stream)
    elif info.isdir() or info.issym():
        archive.addfile(info)


def _stays_inside(one: OwnFile, link: Path) -> bool:
    try:
        if one.source is None or re.match(r"/", str(link.readlink())):
            return False
        return link.resolve().is_relative_to(one.source.resolve())
    except (OSError, RuntimeError):
        return False
