"""The documents of `backup`, `restore` and `store`; fields are only ever added."""

from pydantic import Field

from contract.base import Frozen


class BackedUp(Frozen):
    """A backup that was written.

    Attributes:
        backup: its path.
        files: files in it.
        size_bytes: of their contents.
        written_bytes: what was read and written this time; the rest was in the folder already.
        schema_revision: of the store; empty: it has none, or is not in the backup.
        holds: `store`, `temporal`, `artifacts`, `reports`, `specs`, `secrets`.
        not_held: what belongs to the installation and is not in the backup, with the reason.
    """

    backup: str
    files: int
    size_bytes: int
    written_bytes: int
    schema_revision: str = ""
    holds: tuple[str, ...] = ()
    not_held: tuple[str, ...] = ()


class Restored(Frozen):
    """An installation that was made from a backup.

    Attributes:
        data: its data folder.
        made_at: when the backup was made.
        files: files that were written, each with the digest that the manifest names.
        schema_before, schema_after: of the store: in the backup, and now.
        aside: where what was there before is now; empty: nothing was.
        unfinished: pipelines that go on when the stack is started.
        again: pipelines that began while the backup was made: the server does not know them, and
            they have to be submitted (or retried) again.
        host: the name that the worker needs, if this machine has another one; else empty.
        ports: of the local stack; they are chosen again where they are free.
        notes: what else is to be done.
    """

    data: str
    made_at: str
    files: int
    schema_before: str = ""
    schema_after: str = ""
    aside: str = ""
    unfinished: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    host: str = ""
    ports: dict[str, int] = Field(default_factory=dict[str, int])
    notes: tuple[str, ...] = ()


class StoreSchema(Frozen):
    """The schema of a store.

    Attributes:
        store: its place, without a password.
        schema_revision: which one it has; empty: none yet.
        newest: the newest that this version knows.
        before: which one it had before this command; empty: nothing was changed.
        backup: where the store as it was is kept; empty: nothing was changed, or by wish.
    """

    store: str
    schema_revision: str
    newest: str
    before: str = ""
    backup: str = ""
