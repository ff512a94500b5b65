"""`store`: which schema the store has, and another one."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from contract.backup import STORE_FILE
from contract.errors import ErrorCode, NewerSchemaError, PlatformError
from control.backup_documents import StoreSchema
from control.installed import Installation
from control.interrupting import interruptible
from store.copying import copy_sqlite, dump_postgres
from store.migrate import downgrade, known_schemas, schema_of, upgrade


async def schema_now(here: Installation) -> StoreSchema:
    """Which schema the store has.

    Raises:
        PlatformError: the store cannot be read.
    """
    found = await schema_of(here.store_url) if _is_there(here) else ""
    newest = known_schemas()[-1]
    return StoreSchema(store=here.store_place, schema_revision=found, newest=newest)


async def move_forward(here: Installation, *, backup: bool) -> StoreSchema:
    """Bring the store to the newest schema that this version knows.

    Raises:
        PlatformError: the store cannot be copied or written; a later version wrote it.
    """
    before = await schema_now(here)
    if before.schema_revision == before.newest:
        return before
    kept = await _kept(here, before) if backup and before.schema_revision else ""
    await upgrade(here.store_url)
    return await _moved(here, before, kept)


async def move_back(here: Installation, schema: str, *, backup: bool) -> StoreSchema:
    """Take the store back to an earlier schema, which an earlier version of Assay reads.

    Raises:
        PlatformError: it is in use, has no such earlier schema, or cannot be copied or written.
    """
    before = await require_earlier(here, schema)
    kept = await _kept(here, before) if backup else ""
    await downgrade(here.store_url, schema)
    return await _moved(here, before, kept)


async def require_earlier(here: Installation, schema: str) -> StoreSchema:
    """The store as it is, if it can be taken back to `schema`.

    Raises:
        PlatformError: it cannot.
    """
    now, known = await schema_now(here), known_schemas()
    if now.schema_revision and now.schema_revision not in known:
        raise NewerSchemaError(f"store {now.store}", now.schema_revision, now.newest)
    earlier = known[: known.index(now.schema_revision)] if now.schema_revision else ()
    if schema not in earlier:
        raise PlatformError(
            ErrorCode.INVALID_ARGUMENT,
            f"{schema!r} is no schema before {now.schema_revision or 'none'} of store {now.store}",
            next_step=f"earlier ones are: {', '.join(earlier) or 'none'}",
        )
    return now


async def _moved(here: Installation, before: StoreSchema, kept: str) -> StoreSchema:
    now = await schema_now(here)
    return now.model_copy(update={"before": before.schema_revision, "backup": kept})


async def _kept(here: Installation, before: StoreSchema) -> str:
    """A copy of the store as it is now; its path."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = here.data_dir / "store-copies"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = Path(here.store_member)
    target = folder / f"{name.stem}-{before.schema_revision}-{moment}{name.suffix}"
    if here.store_kind == "postgresql":
        await interruptible(partial(dump_postgres, here.store_url, target))
    else:
        await interruptible(partial(copy_sqlite, here.places[STORE_FILE], target))
    return str(target)


def _is_there(here: Installation) -> bool:
    return here.store_kind == "postgresql" or here.places[STORE_FILE].is_file()
