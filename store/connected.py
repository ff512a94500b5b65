"""The connections of a store: one for writes, one for reads; faults come out as platform faults."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Self

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contract.errors import ErrorCode, PlatformError
from store.engine import describe, make_engine, reading
from store.faults import platform_faults
from store.rows import Row


class Connected:
    """What the parts of a store have in common."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reader = reading(engine)
        self._where = describe(engine)
        self._bound: AsyncConnection | None = None

    @classmethod
    def from_url(cls, url: str) -> Self:
        """A store at `url`; see `store.engine.parse_url` for the forms."""
        return cls(make_engine(url))

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    @property
    def where(self) -> str:
        """Its place for people, without a password."""
        return self._where

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @asynccontextmanager
    async def together(self) -> AsyncGenerator[Self]:
        """This store for many writes that are kept together or not at all; one call at a time.

        It is much faster than one transaction for each write, and holds the lock of a writer.
        """
        with platform_faults(self._where):
            async with self._engine.begin() as connection:
                bound = type(self)(self._engine)
                bound._bound = connection
                yield bound

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """A connection that sees one moment."""
        if self._bound is not None:
            yield self._bound
            return
        with platform_faults(self._where):
            async with self._reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection]:
        """A connection whose changes are kept together or not at all."""
        if self._bound is not None:
            yield self._bound
            return
        with platform_faults(self._where):
            async with self._engine.begin() as connection:
                yield connection

    def upsert(self, table: Table, row: Row, *, replace: bool = False) -> Any:
        """An insert that leaves an existing row alone, or replaces it."""
        dialect = sqlite if self.dialect == "sqlite" else postgresql
        adding = dialect.insert(table).values(**row)
        if not replace:
            return adding.on_conflict_do_nothing()
        return adding.on_conflict_do_update(index_elements=list(table.primary_key), set_=row)


def not_found(pipeline_id: str) -> PlatformError:
    """The fault of a pipeline that is not in the store."""
    return PlatformError(ErrorCode.NOT_FOUND, f"no pipeline {pipeline_id!r} in the store")
