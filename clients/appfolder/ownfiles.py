"""The app's own files for its containers: secrets and configs, and how all are packed."""

import hashlib
import io
import posixpath
import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from clients.appfolder.compose_model import ComposeDocument, ComposeService
from clients.appfolder.faults import AppFault, beyond, outside
from clients.appfolder.ledger import Ledger
from clients.appfolder.model import OwnFile
from clients.appfolder.reference import relative, shown
from clients.appfolder.tree import inside

# Installed packages and version control: an image has its own, or none.
_LEFT_OUT = frozenset({".git", "node_modules", "__pycache__", ".venv", "venv"})
_MAX_FILES = 50_000


def secrets_and_configs(
    root: Path,
    name: str,
    body: ComposeService,
    document: ComposeDocument,
    variables: Callable[[], dict[str, str]],
    ledger: Ledger,
) -> Iterator[OwnFile]:
    """Files of `secrets` and `configs` of a service; `variables` are those of `.env`.

    Raises:
        AppFault: a file is missing.
    """
    for kind, entries, defined, folder in (
        ("secrets", body.secrets, document.secrets, "/run/secrets"),
        ("configs", body.configs, document.configs, "/"),
    ):
        for entry in entries:
            fields = defined.get(entry.source, {})
            field = f"{kind}.{entry.source}"
            target = posixpath.normpath(posixpath.join(folder, entry.target or entry.source))
            if fields.get("external"):
                ledger.refuse(f"{name}: {field} (external: it was made elsewhere)")
            elif "content" in fields:
                yield OwnFile(target, None, str(fields["content"]))
            elif "environment" in fields:
                variable = str(fields["environment"])
                if variable in variables():
                    yield OwnFile(target, None, variables()[variable])
                else:
                    ledger.refuse(f"{name}: {field} (.env does not set {variable[:60]})")
            elif found := _file(root, name, field, str(fields.get("file") or ""), ledger):
                yield OwnFile(target, found)


def _file(root: Path, name: str, field: str, source: str, ledger: Ledger) -> Path | None:
    below = relative(root, posixpath.normpath(source))
    if below is None:
        ledger.refuse(f"{name}: {field} ({shown(root, source)[:100]} is not in the app folder)")
        return None
    path = inside(root, below, field)
    if not path.exists():
        raise AppFault("build", f"{name}: {field}: there is no file {below!r}")
    return path


def digest_of(files: Sequence[OwnFile]) -> str:
    """Digest of the tar that `pack` would make of `files`. Blocking."""
    return hashlib.sha256(pack(files, 1 << 62)).hexdigest()


def pack(files: Sequence[OwnFile], limit_bytes: int) -> bytes:
    """Tar of `files`, from the root of a container on. Blocking.

    Anybody in the container may write to its copies, as on a developer's machine: a mounted folder
    often holds the app's database. Links that lead out of a folder are left out.

    Raises:
        PlatformError: they are larger than `limit_bytes`, too many, or not readable.
    """
    buffer = io.BytesIO()
    count = 0
    try:
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for file in files:
                for path, name in _members(file):
                    count += 1
                    size = path.lstat().st_size if path is not None else len(file.content)
                    if buffer.tell() + size > limit_bytes or count > _MAX_FILES:
                        raise beyond(f"its mounted files exceed {limit_bytes} bytes")
                    _add(archive, file, path, name)
    except OSError as error:
        raise outside(f"its mounted files: {error.strerror}: {error.filename}") from error
    return buffer.getvalue()


def _members(file: OwnFile) -> Iterator[tuple[Path | None, str]]:
    top = file.target.lstrip("/")
    masked = {path.lstrip("/") for path in file.masked}
    if top or file.source is None or file.source.is_file():
        yield file.source, top
    if file.source is None or not file.source.is_dir():
        return
    pending = [file.source]
    while pending:
        for path in sorted(pending.pop().iterdir()):
            name = posixpath.join(top, path.relative_to(file.source).as_posix())
            if name in masked or (path.name in _LEFT_OUT and path.is_dir()):
                continue
            yield path, name
            if path.is_dir() and not path.is_symlink():
                pending.append(path)


def _add(archive: tarfile.TarFile, file: OwnFile, path: Path | None, name: str) -> None:
    if path is None:
        data = file.content.encode()
        info = tarfile.TarInfo(name)
        info.size, info.mode = (0, 0o777) if file.folder else (len(data), 0o666)
        info.type = tarfile.DIRTYPE if file.folder else tarfile.REGTYPE
        archive.addfile(info, io.BytesIO(data))
        return
    if path.is_symlink():
        if not _stays_inside(file, path):
            return
    elif not (path.is_file() or path.is_dir()):  # a pipe, a socket, a device
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


def _stays_inside(file: OwnFile, link: Path) -> bool:
    try:
        if file.source is None or re.match(r"/", str(link.readlink())):
            return False
        return link.resolve().is_relative_to(file.source.resolve())
    except (OSError, RuntimeError):
        return False
