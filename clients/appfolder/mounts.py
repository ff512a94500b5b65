"""The mounts of a service: its own volumes, folders in memory, files of the app.

Nothing of the host is ever mounted. Files of the app folder are copied into the container before it
starts, so the app finds them, and nothing writes to the folder.
"""

import posixpath
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from clients.appfolder.compose_model import ComposeDocument, ComposeMount, ComposeService
from clients.appfolder.faults import AppFault
from clients.appfolder.ledger import Ledger
from clients.appfolder.model import OwnFile, Tmpfs
from clients.appfolder.reference import relative, shown
from clients.appfolder.tree import inside
from contract.errors import PlatformError

# Paths of the host that are the same wherever an app runs.
_HARMLESS = frozenset({"/etc/localtime", "/etc/timezone"})
_KERNEL = ("/proc", "/sys", "/dev")
_TMPFS_OPTION = re.compile(r"(?:mode|uid|gid)=\d{1,9}|r[ow]|(?:no)?(?:exec|suid|dev|atime)")
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@dataclass(slots=True)
class Mounts:
    """The mounts of one service."""

    volumes: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    files: list[OwnFile] = field(default_factory=list[OwnFile])
    tmpfs: list[Tmpfs] = field(default_factory=list[Tmpfs])
    private: list[str] = field(default_factory=list[str])

    def masked(self) -> "Mounts":
        """The same, each file without the parts that a volume below it hides; outer files first."""
        hidden = [path for _, path in self.volumes] + [mount.target for mount in self.tmpfs]
        hidden += self.private
        files = [
            replace(
                file, masked=tuple(sorted(path for path in hidden if _below(path, file.target)))
            )
            for file in sorted(self.files, key=lambda file: file.target.count("/"))
        ]
        return replace(self, files=files)


def mounts(
    root: Path, name: str, body: ComposeService, document: ComposeDocument, ledger: Ledger
) -> Mounts:
    """The mounts of service `name`.

    Raises:
        AppFault: a file that Docker Compose would not find either.
    """
    found = Mounts()
    shared = _shared_volumes(document)
    for entry in sorted(body.volumes, key=lambda volume: volume.target.count("/")):
        target = posixpath.normpath(entry.target)
        if not _is_place(target):
            ledger.refuse(f"{name}: volumes (nothing is mounted on {entry.target[:60]!r})")
        elif entry.type == "tmpfs":
            size = str(entry.tmpfs.get("size") or 0)
            found.tmpfs.append(Tmpfs(target, int(size) if size.isdecimal() else 0))
        elif entry.type == "volume":
            _volume(root, name, entry, target, document, shared, found, ledger)
        elif entry.type == "bind":
            _bind(root, name, entry.source, target, entry.bind or {}, found, ledger)
        else:
            ledger.refuse(f"{name}: volumes of type {entry.type[:20]} (not in the honoured subset)")
        if entry.type == "bind" and entry.source in _common_sources(document):
            where = shown(root, entry.source)[:100]
            ledger.need(f"{name}: volumes {where} (each service has a copy of its own)")
    for mount in map(_tmpfs, body.tmpfs):
        if _is_place(mount.target) or mount.target == "/dev/shm":  # noqa: S108 - the container's
            found.tmpfs.append(mount)
        else:
            ledger.refuse(f"{name}: tmpfs (nothing is mounted on {mount.target[:60]!r})")
    _refuse_hidden(name, found, ledger)
    return found.masked()


def _is_place(target: str) -> bool:
    """Whether something may be mounted there."""
    if not target.startswith("/") or target == "/":
        return False
    return not any(target == top or _below(target, top) for top in _KERNEL)


def _common_sources(document: ComposeDocument) -> frozenset[str]:
    """Sources that several services mount and one of them may write to."""
    users: dict[str, set[str]] = {}
    written: set[str] = set()
    for name, body in document.services.items():
        for entry in body.volumes:
            if entry.type == "bind":
                users.setdefault(entry.source, set()).add(name)
                written |= set() if entry.read_only else {entry.source}
    return frozenset(volume for volume in written if len(users[volume]) > 1)


def _refuse_hidden(name: str, found: Mounts, ledger: Ledger) -> None:
    """Files are copied before volumes are mounted, so a mount above a file would hide it."""
    above = [path for _, path in found.volumes] + [mount.target for mount in found.tmpfs]
    for file in found.files:
        if any(file.target == path or _below(file.target, path) for path in above):
            ledger.refuse(f"{name}: volumes (nothing is copied into a volume: {file.target[:80]})")


def _volume(
    root: Path,
    name: str,
    entry: ComposeMount,
    target: str,
    document: ComposeDocument,
    shared: frozenset[str],
    found: Mounts,
    ledger: Ledger,
) -> None:
    """A volume of one service is part of its container, which has the image's files there."""
    options = document.volumes.get(entry.source, {})
    if options.get("external"):
        ledger.refuse(f"{name}: volumes {entry.source} (external: its data was made elsewhere)")
        return
    driver: dict[str, Any] = options.get("driver_opts") or {}
    device = str(driver.get("device") or "")
    if driver.get("type") in (None, "", "none") and "bind" in str(driver.get("o", "")):
        _bind(root, name, device, target, {"create_host_path": False}, found, ledger)
    elif options.get("driver", "local") != "local" or driver.get("type") not in (None, "tmpfs"):
        ledger.refuse(f"{name}: volumes {entry.source} (volumes are ours: no drivers)")
    elif entry.volume.get("subpath"):
        ledger.refuse(f"{name}: volumes {entry.source} (no part of a volume is mounted)")
    elif entry.source in shared:
        found.volumes.append((entry.source, target))
    elif document.services[name].read_only:
        found.tmpfs.append(Tmpfs(target))
    else:
        found.private.append(target)


def _shared_volumes(document: ComposeDocument) -> frozenset[str]:
    """Volumes that several services use."""
    users: dict[str, set[str]] = {}
    for name, body in document.services.items():
        for entry in body.volumes:
            if entry.type == "volume" and entry.source:
                users.setdefault(entry.source, set()).add(name)
    return frozenset(volume for volume, services in users.items() if len(services) > 1)


def _bind(
    root: Path,
    name: str,
    source: str,
    target: str,
    options: dict[str, Any],
    found: Mounts,
    ledger: Ledger,
) -> None:
    written = shown(root, source)
    if source in _HARMLESS:
        ledger.note(f"{name}: volumes {source} (no host path is mounted)")
        return
    own = _own(root, source)
    if own is None:
        ledger.refuse(f"{name}: volumes {written[:100]} (no host path is mounted)")
    elif own.exists():
        ledger.note(f"{name}: volumes {written[:100]} (copied into the container, not mounted)")
        found.files.append(OwnFile(target, own))
    elif options.get("create_host_path", True):
        ledger.note(f"{name}: volumes {written[:100]} (not in the app folder: an empty folder)")
        found.files.append(OwnFile(target, folder=True))
    else:
        raise AppFault("build", f"{name}: volumes {written[:100]}: there is no such folder")


def _own(root: Path, source: str) -> Path | None:
    """The path in the app folder; None: it is the host's, or leads there."""
    below = relative(root, posixpath.normpath(source)) if source.startswith("/") else source
    if below is None or not below:
        return None
    try:
        return inside(root, below, "")
    except (AppFault, PlatformError):
        return None


def _tmpfs(entry: str) -> Tmpfs:
    target, _, rest = entry.partition(":")
    options = [option for option in rest.split(",") if option]
    size = next(
        (option.removeprefix("size=") for option in options if option.startswith("size=")), ""
    )
    kept = tuple(option for option in options if _TMPFS_OPTION.fullmatch(option))
    return Tmpfs(posixpath.normpath(target), _bytes(size), kept)


def _bytes(text: str) -> int:
    """`64m` in bytes; 0: no size is given."""
    match = re.fullmatch(r"(\d{1,15})([bkmg]?)b?", text.lower())
    return int(match[1]) * _UNITS[match[2]] if match else 0


def _below(path: str, top: str) -> bool:
    return path != top and path.startswith(top.rstrip("/") + "/")
