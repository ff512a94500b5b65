"""What a backup of an installation is: a manifest that names every file, and these files.

As a folder it holds each content once, so that the next backup writes only what is new:

`manifest.json`          this, the last file written
`objects/ab/abcdef...`   a content, under its SHA-256

As one file it is a ZIP archive of `manifest.json` and the files under their names.
"""

from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from contract.archive import Sha256
from contract.base import Frozen

BACKUP_VERSION = 1
BACKUP_MANIFEST = "manifest.json"
TEMPORAL_FILE = "temporal.db"
STORE_FILE = "assay.db"
STORE_DUMP = "assay.dump"
ARTIFACTS, REPORTS, SPECS, SECRETS = "artifacts", "reports", "specs", "secrets"
IMPORTED = "imported"
"""Sources of archives, for pipelines of `rerun`: one folder for each, in a backup one tar file."""
RESTORING, SWAPPING = ".restoring", ".restore-half-way"
"""Folder of a restore in the data folder; the file beside it while old and new change places."""
DATABASES = frozenset({TEMPORAL_FILE, STORE_FILE, STORE_DUMP})
FOLDERS = frozenset({ARTIFACTS, REPORTS, SPECS, SECRETS, IMPORTED})
NOT_HELD = {
    "run": "the local stack's logs, addresses and facts of its processes; its token is a secret",
    "logins": "secrets, held by wish",
    "analyzers": "caches of the local stack's analyzers",
    "environments": "what apps that run as processes were installed into",
    "processes": "apps that run as processes",
    "docker-used": "a mark: apps have run in containers",
    "exports": "forms of reports, made from reports",
    "incoming": "results on their way from an analyzer",
    "tmp": "files on their way",
    "store-copies": "stores as they were before they were taken back",
    "before-restore-*": "what a restore put aside",
    RESTORING: "a restore under way",
    SWAPPING: "a restore that changes places",
}
"""What the product writes into the data folder besides, and no backup holds: what it is."""


def _safe(name: str) -> str:
    """Refuse a name that could be outside of the folder that it is written to."""
    parts = PurePosixPath(name).parts
    whole = name == "/".join(parts) and not {".", ".."} & set(parts) and "\0" not in name
    if not whole or not (name in DATABASES or (len(parts) > 1 and parts[0] in FOLDERS)):
        raise ValueError(f"{name[:200]!r} is no name of a file of a backup")
    return name


class BackupFile(Frozen):
    """One file of a backup.

    Attributes:
        name: `artifacts/...`, `reports/...`, `specs/...`, `secrets/...`, `imported/ID.tar` or that
            of a database.
        size_bytes, sha256: of its content.
        changed_ns: when the original was changed last: one that was not is not read again.
    """

    name: Annotated[str, Field(max_length=1_000), AfterValidator(_safe)]
    size_bytes: Annotated[int, Field(ge=0)]
    sha256: Sha256
    changed_ns: int = 0


class BackupManifest(Frozen):
    """What a backup holds.

    Attributes:
        version: of this format; a reader refuses a higher one.
        began_at, made_at: when the first database was copied, and when all was there.
        made_by: version of Assay that made it.
        host, scope: `ASSAY_HOST` and `ASSAY_SCOPE` as they were: running pipelines are bound to
            the host by its name, and apps carry the scope.
        store: which kind of database the store is; empty: it is not in the backup.
        schema_revision: of the store.
        temporal: version of the package of the embedded server; empty: its database is not in it.
        encrypted: histories need the payload keys, which are not in the backup.
        ports: of the local stack, by name, to be chosen again where they are free.
        not_held: what belongs to the installation and is not in the backup, with the reason.
    """

    format: Literal["assay-backup"] = "assay-backup"
    version: int = BACKUP_VERSION
    began_at: datetime
    made_at: datetime
    made_by: str
    host: str
    scope: str
    store: Literal["", "sqlite", "postgresql"]
    schema_revision: str = ""
    temporal: str = ""
    encrypted: bool = False
    ports: dict[str, int] = Field(default_factory=dict[str, int])
    not_held: tuple[str, ...] = ()
    files: tuple[BackupFile, ...]

    @model_validator(mode="after")
    def _names_each_file_once(self) -> Self:
        if len({file.name for file in self.files}) != len(self.files):
            raise ValueError("files: each name at most once")
        return self

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(file.size_bytes for file in self.files)
