"""Alembic's environment: on the connection it is handed, or by `alembic` from the shell.

The shell names the database with `alembic -x url=... upgrade head`, or leaves it to `alembic.ini`.
"""

import asyncio
from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection

from store import access_tables, alert_tables, figure_tables, scan_tables
from store.columns import UtcDateTime
from store.engine import make_engine
from store.tables import metadata

# All modules that have tables: each adds its own to `metadata`.
_ = (access_tables, alert_tables, figure_tables, scan_tables)


def run(connection: Connection) -> None:
    """Run the migrations in one transaction, on SQLite too."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transactional_ddl=True,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own column types as what they are in the database: migrations outlive our code."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


async def run_on_new_engine() -> None:
    """Connect and run, for the shell."""
    fallback = context.config.get_main_option("sqlalchemy.url") or ""
    engine = make_engine(
        context.get_x_argument(as_dictionary=True).get("url", fallback), create=True
    )
    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


if context.is_offline_mode():
    raise SystemExit("offline mode is not supported: give the database with -x url=...")
if (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    asyncio.run(run_on_new_engine())
