"""Brings a database to the newest schema; any number of processes may do it at once."""

import asyncio
import contextlib
import random
import sqlite3
import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from store.engine import BUSY_TIMEOUT_MS, describe, make_engine, parse_url
from store.faults import platform_faults

MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x41535341  # "ASSA": one lock for the schema of every Assay store in a database


async def upgrade(url: str) -> None:
    """Upgrade the store at `url` to the newest schema; nothing changes when it is there already.

    The whole upgrade is one transaction behind one lock, so a process killed in the middle leaves
    the old schema, and concurrent starts run it once.

    Raises:
        PlatformError: the database cannot be reached or written.
    """
    engine = make_engine(url, create=True)
    try:
        with platform_faults(describe(engine)):
            if engine.dialect.name == "sqlite":
                await asyncio.to_thread(enable_wal, Path(parse_url(url).database or ""))
            async with engine.begin() as connection:
                if engine.dialect.name == "postgresql":
                    lock = text("SELECT pg_advisory_xact_lock(:key)")
                    await connection.execute(lock, {"key": _ADVISORY_LOCK})
                await connection.run_sync(run_migrations)
    finally:
        await engine.dispose()


def alembic_config() -> Config:
    """Alembic's configuration without a file: scripts beside this module, no logging set-up."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def run_migrations(connection: Connection) -> None:
    """Run the migrations on an open connection, inside its transaction."""
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
