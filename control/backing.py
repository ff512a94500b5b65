"""`backup`: everything that an installation knows, while it works.

The order makes the copy whole. Temporal's database is copied first, then the store, then artifacts
and reports, so that each copy holds at least what the ones before it rely on: what a history says
was recorded is in the store, and what the store refers to is among the artifacts, which are written
once and never changed. The store may know more than the histories: then the work is done again
after a restore, finds its own results by their keys, and records the same rows once more.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from clients.backup_writer import ZIP_SUFFIX, BackupWriter, backup_writer
from clients.files import disk_faults, is_temporary
from contract.backup import (
    ARTIFACTS,
    REPORTS,
    SPECS,
    STORE_FILE,
    TEMPORAL_FILE,
    BackupFile,
    BackupManifest,
)
from control.archiving import private_folder
from control.backed_sources import pack_imported
from control.backup_documents import BackedUp
from control.errors import WrongInputError
from control.installed import LOGINS, TOKEN, Installation
from control.interrupting import Check, interruptible
from store.copying import copy_sqlite, dump_postgres
from store.migrate import known_schemas, schema_of
from store.results import SqlResultStore

Say = Callable[[str], None]
_EVERY_S = 10.0
_NAMED = 3
# Entries first, then what they name: see above.
_FOLDERS = (f"{ARTIFACTS}/cached", f"{ARTIFACTS}/sha256", SPECS, REPORTS)


def _go_on() -> None:
    """Nobody ends the work."""


@dataclass(slots=True)
class Progress:
    """Says now and then how far long work is; `check` may end it in the middle of a file."""

    say: Say
    what: str
    number_bytes: int = 0
    files: int = 0
    check: Check = _go_on
    _said_at: float = field(default_factory=time.monotonic)

    def took(self, size: int) -> None:
        """So many bytes more; none: a further file."""
        self.check()
        self.number_bytes += size
        self.files += not size
        if time.monotonic() - self._said_at > _EVERY_S:
            self._said_at = time.monotonic()
            self.say(f"{self.what}: {self.files:,} files, {self.number_bytes / 1024**2:,.0f} MiB")


@dataclass(slots=True)
class _Backup:
    """A backup on its way.

    Attributes:
        copies: of databases, by what they are called in the backup.
        files: what it holds until now.
    """

    here: Installation
    writer: BackupWriter
    copies: Path
    progress: Progress
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    files: list[BackupFile] = field(default_factory=list[BackupFile])
    not_held: list[str] = field(default_factory=list[str])

    def copy_databases(self, check: Check) -> None:
        """Copy Temporal's database, then the store."""
        server = self.here.data_dir / TEMPORAL_FILE
        if self.here.temporal and server.is_file():
            self.progress.say("the embedded server's database")
            copy_sqlite(server, self.copies / TEMPORAL_FILE, check)
        elif not self.here.temporal:
            self.not_held.append("the Temporal server is elsewhere: its database is not in it")
        self.progress.say("the store")
        target = self.copies / self.here.store_member
        if self.here.store_kind == "postgresql":
            dump_postgres(self.here.store_url, target, check)
        elif (file := self.here.places[STORE_FILE]).is_file():
            copy_sqlite(file, target, check)

    def take_all(self, secrets: bool, check: Check) -> None:
        """Take the copies, and everything in folders."""
        self.progress.check = check
        for name in (TEMPORAL_FILE, self.here.store_member):
            self._take(name, self.copies / name)
        for folder in _FOLDERS:
            self.progress.say(
                folder.partition("/")[0] if "sha256" not in folder else "results and logs"
            )
            for name, path in _inside(self.here.data_dir / folder, folder):
                self._take(name, path)
        for name, packed in pack_imported(self.here.data_dir, self.copies):
            self._take(name, packed)
        if not secrets:
            return
        self._take(TOKEN, self.here.token_file)
        for name, path in _inside(self.here.logins, LOGINS):
            self._take(name, path)

    def _take(self, name: str, path: Path) -> None:
        try:
            name.encode()
            self.files.append(self.writer.add(name, path))
        except FileNotFoundError:
            return  # it was replaced or removed meanwhile; or there is no such database
        except UnicodeEncodeError:
            shown = name.encode("unicode_escape", "surrogatepass").decode("ascii")
            self.not_held.append(f"{shown}: its name is no text")

    async def check_artifacts(self, schema: str) -> None:
        """Note what the store refers to and is not there."""
        copy = self.copies / STORE_FILE
        if schema != known_schemas()[-1] or not copy.is_file():
            return
        store = SqlResultStore.from_url(f"sqlite:///{copy}")
        try:
            wanted = await store.artifacts()
        finally:
            await store.close()
        lost = sorted(wanted - {file.name.rpartition("/")[2] for file in self.files})
        self.not_held += [f"artifact {digest}: the store refers to it" for digest in lost[:_NAMED]]
        if len(lost) > _NAMED:
            self.not_held.append(f"and {len(lost) - _NAMED:,} artifacts more")

    def manifest(self, schema: str) -> BackupManifest:
        """What it holds."""
        names = {file.name for file in self.files}
        here = self.here
        return BackupManifest(
            began_at=self.began_at,
            made_at=datetime.now(UTC),
            made_by=here.assay,
            host=here.host,
            scope=here.scope,
            store=here.store_kind if here.store_member in names else "",
            schema_revision=schema,
            temporal=here.temporal if TEMPORAL_FILE in names else "",
            encrypted=here.encrypted,
            ports=dict(here.ports),
            not_held=tuple(self.not_held),
            files=tuple(self.files),
        )


async def back_up(here: Installation, target: Path, *, secrets: bool, say: Say) -> BackedUp:
    """Write a backup of an installation, which may be at work, to `target`.

    A ZIP file appears when it is whole. A folder holds the backup that was in it until the new one
    is whole; what is in it already is not written again.

    Args:
        here: the installation.
        target: a folder, or a file that ends with `.zip`.
        secrets: put the analyzers' token and the logins into it.
        say: is told what is done.

    Raises:
        WrongInputError: the target is no place for it.
        PlatformError: a database cannot be copied, or the disk not written.
    """
    is_file = target.suffix == ZIP_SUFFIX
    _require_place(here, target, is_file)
    progress = Progress(say, "read")
    with backup_writer(target, progress.took) as writer:
        around = target.parent if is_file else target
        with disk_faults(around), private_folder(around, ".assay-copy") as copies:
            work = _Backup(here, writer, copies, progress)
            await interruptible(work.copy_databases)
            schema = await _schema(here, copies)
            await interruptible(partial(work.take_all, secrets))
            await work.check_artifacts(schema)
        manifest = work.manifest(schema)
        await interruptible(lambda _check: writer.finish(manifest))
    return BackedUp(
        backup=str(target),
        files=len(manifest.files),
        size_bytes=manifest.size_bytes,
        written_bytes=progress.number_bytes,
        schema_revision=schema,
        holds=held(manifest),
        not_held=manifest.not_held,
    )


def held(manifest: BackupManifest) -> tuple[str, ...]:
    """The parts that a backup holds, in words."""
    parts = {file.name.partition("/")[0] for file in manifest.files}
    databases = [name for name, there in _databases(manifest) if there]
    return (*databases, *sorted(part for part in parts if "." not in part))


def _databases(manifest: BackupManifest) -> Sequence[tuple[str, object]]:
    return (("store", manifest.store), ("temporal", manifest.temporal))


def _require_place(here: Installation, target: Path, is_file: bool) -> None:
    if is_file and target.is_dir():
        raise WrongInputError(f"{target} is a folder", next_step="name a file in it")
    if not is_file and target.exists() and not target.is_dir():
        next_step = f"name a folder, or a file that ends with {ZIP_SUFFIX}"
        raise WrongInputError(f"{target} is a file", next_step=next_step)
    if not target.absolute().parent.is_dir():
        raise WrongInputError(f"no folder {target.parent}", next_step="name one that is there")
    if target.resolve().is_relative_to(here.data_dir.resolve()):
        message = f"{target} is inside of the data folder: who loses that loses the backup, too"
        raise WrongInputError(message, next_step="name a place outside, best on another disk")


async def _schema(here: Installation, copies: Path) -> str:
    if here.store_kind == "postgresql":
        return await schema_of(here.store_url)
    copy = copies / STORE_FILE
    return await schema_of(f"sqlite:///{copy}") if copy.is_file() else ""


def _inside(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    """Every plain file below a folder, with what it is called in the backup."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        below = "/".join((name, *Path(place).relative_to(folder).parts))
        for file in sorted(files):
            path = Path(place) / file
            if path.is_file() and not path.is_symlink() and not is_temporary(path):
                yield f"{below}/{file}", path
