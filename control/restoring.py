"""`restore`: an installation from a backup.

Everything is written and checked beside what is there, which is put aside only when all is whole.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from clients.archive import require_room
from clients.backup_reader import BackupReader, open_backup
from clients.files import disk_faults
from contract.backup import (
    RESTORING,
    SECRETS,
    STORE_DUMP,
    STORE_FILE,
    SWAPPING,
    TEMPORAL_FILE,
    BackupFile,
    BackupManifest,
)
from contract.errors import ErrorCode, NewerSchemaError, PlatformError
from contract.ids import pipeline_workflow_id
from contract.record import FINISHED_STATES
from control.backed_sources import unpack_imported
from control.backing import Progress
from control.backup_documents import Restored
from control.errors import WrongInputError
from control.installed import TOKEN, Installation, with_journals
from control.interrupting import Check, interruptible
from store.copying import load_postgres, put_aside, put_back
from store.faults import platform_faults
from store.migrate import known_schemas, require_alone, schema_of, upgrade
from store.results import SqlResultStore

Say = Callable[[str], None]


async def restore(here: Installation, source: Path, *, force: bool, say: Say) -> Restored:
    """Make the installation what it was when the backup was made; none of its programs runs.

    Args:
        here: the installation.
        source: the backup, a folder or a file.
        force: put aside what is there.
        say: is told what is done.

    Raises:
        WrongInputError: there is something already, or the backup has another kind of store.
        NewerSchemaError: a later version of Assay made the backup.
        PlatformError: the backup is none, or damaged; the disk or the database cannot be written.
    """
    with open_backup(source) as backup:
        manifest = backup.manifest
        _require_fit(here, manifest)
        is_used = any(here.data()) or await _has_tables(here)
        if is_used and not force:
            raise WrongInputError(
                f"{here.data_dir} (store {here.store_place}) is in use: it holds results",
                next_step="restore into a new folder, or put aside what is there with --force",
            )
        await _require_unused(here)
        staging, was_there = here.data_dir / RESTORING, here.data_dir.exists()
        try:
            require_room(here.data_dir, manifest.size_bytes)
            await interruptible(partial(_write_all, backup, staging, say))
            moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S-%fZ")
            work = _Swap(here, manifest, staging, moment)
            await work.bring_up(say)
        finally:
            _drop(staging)
            if not was_there:
                with suppress(OSError):  # only if it is empty: nothing was restored
                    here.data_dir.rmdir()
    return await _restored(here, manifest, work)


def _require_fit(here: Installation, manifest: BackupManifest) -> None:
    """Refuse what this version or this installation cannot take."""
    known = known_schemas()
    if manifest.schema_revision and manifest.schema_revision not in known:
        raise NewerSchemaError("the backup's store", manifest.schema_revision, known[-1])
    if manifest.store and manifest.store != here.store_kind:
        raise WrongInputError(
            f"the backup's store is on {manifest.store}, this installation's on {here.store_kind}",
            next_step="name a database of that kind with ASSAY_DB_URL"
            if manifest.store == "postgresql"
            else "unset ASSAY_DB_URL, so that the store is a file of the data folder",
        )


async def _has_tables(here: Installation) -> bool:
    return here.store_kind == "postgresql" and bool(await schema_of(here.store_url))


async def _require_unused(here: Installation) -> None:
    """Refuse to replace a store that another program has open."""
    if here.store_kind == "sqlite" and not here.places[STORE_FILE].is_file():
        return
    try:
        await require_alone(here.store_url)
    except PlatformError as error:
        if error.code is not ErrorCode.DATA_LOSS:  # a damaged one is put aside as it is
            raise


def _write_all(backup: BackupReader, staging: Path, say: Say, check: Check) -> None:
    """Write every file of the backup below `staging`, each checked against its digest."""
    _drop(staging)
    progress = Progress(say, "restored", check=check)
    with disk_faults(staging.parent):
        staging.mkdir(parents=True, mode=0o700)
        for file in backup.manifest.files:
            target = staging / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            progress.took(0)
            _write(backup, file, target, progress)
        unpack_imported(staging)
        os.sync()


def _write(backup: BackupReader, file: BackupFile, target: Path, progress: Progress) -> None:
    with target.open("xb") as written:
        if file.name.startswith(f"{SECRETS}/"):
            os.fchmod(written.fileno(), 0o600)
        for block in backup.blocks(file):
            written.write(block)
            progress.took(len(block))
    if file.changed_ns:  # what ages by its time (unused results) has the age that it had
        os.utime(target, ns=(file.changed_ns, file.changed_ns))


def _drop(staging: Path) -> None:
    shutil.rmtree(staging, ignore_errors=True)


@dataclass(slots=True)
class _Swap:
    """What was written takes its place.

    Attributes:
        moment: names where things are put aside.
        aside: where what was there is now; empty: nothing was.
    """

    here: Installation
    manifest: BackupManifest
    staging: Path
    moment: str
    aside: str = ""

    async def bring_up(self, say: Say) -> None:
        """Bring the store to the newest schema, then put everything in its place."""
        say("the store")
        if self.manifest.store == "sqlite":
            await upgrade(f"sqlite:///{self.staging / STORE_FILE}")
        undo = await self._load() if self.manifest.store == "postgresql" else ""
        try:
            await interruptible(self._move)
        except BaseException:
            if undo:
                await put_back(self.here.store_url, undo)
            raise

    async def _load(self) -> str:
        """Load the dump, and return as what the schema that was there is kept."""
        url = self.here.store_url
        aside = await put_aside(url, self.moment.lower())
        try:
            dump = self.staging / STORE_DUMP
            await interruptible(partial(load_postgres, url, dump))
            await upgrade(url)
        except BaseException:
            await put_back(url, aside)
            raise
        (self.staging / STORE_DUMP).unlink()
        self.aside = f"schema {aside} of the database"
        return aside

    def _move(self, _check: Check) -> None:
        """Put aside what is there, and everything new in its place. Renames only."""
        with disk_faults(self.here.data_dir):
            (self.here.data_dir / SWAPPING).touch()
            self._put_aside()
            for name, place in self.here.places.items():
                self._place(self.staging / name, place)
            for name, place in self.here.secret_places.items():
                self._place(self.staging / name, place)
            (self.here.data_dir / SWAPPING).unlink()

    def _put_aside(self) -> None:
        secrets = self.here.secret_places.items()
        replaced = [path for name, path in secrets if (self.staging / name).exists()]
        there = [*self.here.data(), *(path for path in replaced if path.exists())]
        if not there:
            return
        folder = self.here.data_dir / f"before-restore-{self.moment}"
        for path in there:
            folder.mkdir(exist_ok=True, mode=0o700)
            _rename(path, folder / path.name)
        self.aside = " and ".join(filter(None, (str(folder), self.aside)))

    def _place(self, written: Path, place: Path) -> None:
        if not written.exists():
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_dir() and not any(one.is_file() for one in place.rglob("*")):
            shutil.rmtree(place)  # nothing but empty folders: it was not put aside
        for one in with_journals(written):
            if one.exists():
                _rename(one, place.with_name(one.name))


def _rename(source: Path, target: Path) -> None:
    """Rename, over the border of a file system, too: the store's file may be elsewhere."""
    try:
        source.rename(target)
    except OSError:
        shutil.move(source, target)


async def _restored(here: Installation, manifest: BackupManifest, work: _Swap) -> Restored:
    """What there is now, and what is left to do."""
    after = await _schema_now(here, manifest)
    unfinished = await _unfinished(here) if after else []
    runs = _running(here.data_dir / TEMPORAL_FILE) if manifest.temporal else frozenset[str]()
    is_known = {id_: pipeline_workflow_id(id_) in runs for id_ in unfinished}
    notes: list[str] = []
    if manifest.encrypted and not here.encrypted:
        notes.append("histories are encrypted: set the payload keys as they were")
    if TOKEN not in {file.name for file in manifest.files}:
        notes.append("tokens of analyzers, logins and keys are not in the backup: set them anew")
    if not manifest.temporal:
        notes.append("Temporal's database is not in the backup: restore that of its server, too")
    elif not here.temporal:
        notes.append("TEMPORAL_* names a server: the embedded server's database is not used")
    bound = manifest.host != here.host and any(is_known.values())
    return Restored(
        data=str(here.data_dir),
        made_at=manifest.made_at.isoformat(),
        files=len(manifest.files),
        schema_before=manifest.schema_revision,
        schema_after=after,
        aside=work.aside,
        unfinished=tuple(id_ for id_ in unfinished if is_known[id_]),
        again=tuple(id_ for id_ in unfinished if manifest.temporal and not is_known[id_]),
        host=manifest.host if bound else "",
        ports=manifest.ports,
        notes=(*notes, *(f"not in the backup: {one}" for one in manifest.not_held)),
    )


async def _schema_now(here: Installation, manifest: BackupManifest) -> str:
    return await schema_of(here.store_url) if manifest.store else ""


async def _unfinished(here: Installation) -> list[str]:
    store = SqlResultStore.from_url(here.store_url)
    try:
        heads = await store.pipeline_heads()
    finally:
        await store.close()
    return sorted(head.pipeline_id for head in heads if head.state not in FINISHED_STATES)


def _running(database: Path) -> frozenset[str]:
    """IDs of the workflows that run, in a database of the embedded server."""
    question = "SELECT workflow_id FROM current_executions WHERE state < 3"  # 3: completed
    with platform_faults(str(database)), closing(sqlite3.connect(database)) as connection:
        return frozenset(str(row[0]) for row in connection.execute(question))
