"""An installation as it is backed up and restored: what lies where."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from contract.backup import (
    ARTIFACTS,
    IMPORTED,
    REPORTS,
    SECRETS,
    SPECS,
    STORE_DUMP,
    STORE_FILE,
    TEMPORAL_FILE,
)
from store.engine import describe_url, parse_url

TOKEN, LOGINS = f"{SECRETS}/token", f"{SECRETS}/logins"
_FOLDERS = (ARTIFACTS, SPECS, REPORTS, IMPORTED)
_JOURNALS = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Installation:
    """Where an installation keeps what it knows.

    Attributes:
        data_dir: the data folder.
        store_url: of the store.
        host, scope, assay: as in `contract.backup.BackupManifest`.
        encrypted: payload keys are set.
        temporal: version of the embedded server's package; empty: the server is elsewhere.
        ports: of the local stack, by name.
        token_file, logins: secrets, which a backup holds only by wish.
    """

    data_dir: Path
    store_url: str
    host: str
    scope: str
    assay: str
    encrypted: bool
    temporal: str
    ports: Mapping[str, int]
    token_file: Path
    logins: Path

    @property
    def store_kind(self) -> Literal["sqlite", "postgresql"]:
        """Which kind of database the store is."""
        is_file = parse_url(self.store_url).get_backend_name() == "sqlite"
        return "sqlite" if is_file else "postgresql"

    @property
    def store_place(self) -> str:
        """Of the store, for people, without a password."""
        return describe_url(parse_url(self.store_url))

    @property
    def store_member(self) -> str:
        """What the store is called in a backup."""
        return STORE_FILE if self.store_kind == "sqlite" else STORE_DUMP

    @property
    def places(self) -> dict[str, Path]:
        """Where each part of a backup belongs, secrets and stores on a server left out."""
        places = {
            TEMPORAL_FILE: self.data_dir / TEMPORAL_FILE,
            **{name: self.data_dir / name for name in _FOLDERS},
        }
        if self.store_kind == "sqlite":
            places[STORE_FILE] = Path(parse_url(self.store_url).database or "").absolute()
        return places

    @property
    def secret_places(self) -> dict[str, Path]:
        """Where the secrets of a backup belong."""
        return {TOKEN: self.token_file, LOGINS: self.logins}

    def data(self) -> Iterator[Path]:
        """What is there of all that a restore would replace."""
        for path in self.places.values():
            if path.is_dir() and not any(one.is_file() for one in path.rglob("*")):
                continue
            yield from (one for one in with_journals(path) if one.exists())
        # Forms of reports, which are made when they are asked for: of reports that go.
        yield from (one for one in (self.data_dir / "exports",) if one.exists())


def with_journals(path: Path) -> list[Path]:
    """A database with the files beside it; a folder alone."""
    if path.is_dir():
        return [path]
    return [path.with_name(path.name + suffix) for suffix in _JOURNALS]
