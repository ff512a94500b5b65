"""Brings a database to the newest schema, and back to an earlier one.

Any number of processes may bring it forward at once; back, one, while nobody else uses it.
"""

import asyncio
import contextlib
import random
import sqlite3
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contract.errors import ErrorCode, NewerSchemaError, PlatformError
from store.engine import BUSY_TIMEOUT_MS, describe, make_engine, parse_url, reading
from store.faults import platform_faults

if TYPE_CHECKING:  # a tenth of what a command loads, and hardly one looks at the schema
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
_OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)
_ADVISORY_LOCK = 0x41535341  # "ASSA": one lock for the schema of every Assay store in a database


async def upgrade(url: str) -> None:
    """Upgrade the store at `url` to the newest schema; nothing changes when it is there already.

    The whole upgrade is one transaction behind one lock, so a process killed in the middle leaves
    the old schema, and concurrent starts run it once.

    Raises:
        NewerSchemaError: a later version of Assay wrote it.
        PlatformError: the database cannot be reached or written.
    """
    engine = make_engine(url, create=True)
    try:
        with platform_faults(describe(engine)):
            if engine.dialect.name == "sqlite":
                await asyncio.to_thread(enable_wal, Path(parse_url(url).database or ""))
            async with _locked(engine) as connection:
                await connection.run_sync(_require_known, describe(engine))
                await connection.run_sync(run_migrations)
    finally:
        await engine.dispose()


async def downgrade(url: str, revision: str) -> None:
    """Take the store at `url` back to an earlier schema, in one transaction; nobody else uses it.

    Raises:
        PlatformError: FAILED_PRECONDITION: others have it open, or its schema is not known here;
            INVALID_ARGUMENT: there is no such schema, or it is a later one; or the database cannot
            be reached or written.
    """
    engine = make_engine(url)
    try:
        with platform_faults(describe(engine)):
            async with _alone(url, engine), _locked(engine) as connection:
                await connection.run_sync(_step_back, describe(engine), revision)
    finally:
        await engine.dispose()


async def require_alone(url: str) -> None:
    """Refuse a store that others have open.

    Raises:
        PlatformError: FAILED_PRECONDITION: they do; or the database cannot be reached.
    """
    engine = make_engine(url)
    try:
        with platform_faults(describe(engine)):
            async with _alone(url, engine):
                pass
    finally:
        await engine.dispose()


@asynccontextmanager
async def _alone(url: str, engine: AsyncEngine) -> AsyncGenerator[None]:
    if engine.dialect.name == "postgresql":
        async with engine.connect() as connection:
            others = await connection.scalar(_OTHERS)
            await connection.rollback()
            if others:
                raise _in_use(describe(engine))
            yield
        return
    path = Path(parse_url(url).database or "")
    await asyncio.to_thread(_require_alone, path)
    try:
        yield
    finally:
        await asyncio.to_thread(enable_wal, path)


async def schema_of(url: str) -> str:
    """The schema of the store at `url`; empty: it has none yet.

    Raises:
        PlatformError: the database cannot be reached.
    """
    engine = make_engine(url)
    try:
        with platform_faults(describe(engine)):
            async with reading(engine).connect() as connection:
                return await connection.run_sync(_current)
    finally:
        await engine.dispose()


def known_schemas() -> tuple[str, ...]:
    """Every schema that this version knows, the earliest first."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(alembic_config())
    return tuple(script.revision for script in scripts.walk_revisions())[::-1]


@asynccontextmanager
async def _locked(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    """A transaction in which nobody else changes the schema."""
    async with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            lock = text("SELECT pg_advisory_xact_lock(:key)")
            await connection.execute(lock, {"key": _ADVISORY_LOCK})
        yield connection


def _current(connection: Connection) -> str:
    from alembic.runtime.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision() or ""


def _require_known(connection: Connection, where: str) -> None:
    known, found = known_schemas(), _current(connection)
    if found and found not in known:
        raise NewerSchemaError(f"store {where}", found, known[-1])


def _step_back(connection: Connection, where: str, revision: str) -> None:
    from alembic import command

    _require_known(connection, where)
    known, found = known_schemas(), _current(connection)
    if not found or revision not in known[: known.index(found) + 1]:
        earlier = ", ".join(known[: known.index(found)]) if found else "none"
        raise PlatformError(
            ErrorCode.INVALID_ARGUMENT,
            f"store {where} has schema {found or 'none'}; {revision!r} is none before it",
            next_step=f"earlier schemas: {earlier or 'none'}",
        )
    config = alembic_config()
    config.attributes["connection"] = connection
    command.downgrade(config, revision)


def _require_alone(path: Path) -> None:
    """Refuse a SQLite file that another process has open: only alone its journal can be changed."""
    with contextlib.closing(sqlite3.connect(path, timeout=1)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            raise _in_use(str(path)) from error


def _in_use(where: str) -> PlatformError:
    return PlatformError(
        ErrorCode.FAILED_PRECONDITION,
        f"store {where} is in use by another program",
        next_step="stop every worker, dashboard and command that uses it",
    )


def alembic_config() -> "Config":
    """Alembic's configuration without a file: scripts beside this module, no logging set-up."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def run_migrations(connection: Connection) -> None:
    """Run the migrations on an open connection, inside its transaction."""
    from alembic import command

    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def enable_wal(path: Path) -> None:
    """Switch a SQLite file to write-ahead logging, so that readers never wait for the writer.

    The file remembers it. The switch ignores SQLite's busy timeout, so the waiting is done here.
    """
    give_up = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            with contextlib.closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
                return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(random.uniform(0.01, 0.1))  # noqa: S311 (jitter, no secret)
