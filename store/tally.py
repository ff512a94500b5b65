"""Counts of apps and cells, changed in the transaction that changes what they count.

Whoever writes apps or cells says what was there before and what is there now. They `hold`
the pipeline before anything else of it, as whoever removes it does. Changes are written last, and
in one order: writers of one pipeline wait for each other only there, and never in a ring.
"""

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Table, and_, case, cast, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store.rows import Row
from store.tables import SEVERITIES, app_tallies, apps, cell_tallies, cells, pipelines, revisions

_SUMS = ("weaknesses", *SEVERITIES)
_COUNTED = ("apps", "unlisted", *_SUMS)
_COUNTED_CELLS = ("cells", "cached", "partial", "tool_us", "saved_us")
_US = 1_000_000  # whole microseconds: sums of them are exact


class CellKey(NamedTuple):
    """What cells are counted by."""

    analyzer: str
    tool: str
    version: str
    state: str
    target_model: str
    role: str


COUNTED_OF_CELL = (*CellKey._fields[:-1], "tool_seconds", "saved_seconds", "partial")
"""Columns of a cell that its counts are made of."""


class AppKey(NamedTuple):
    """What apps are counted by; `state` is empty while an app has not ended."""

    target_model: str
    role: str
    state: str


class Changes:
    """What a transaction changes of the counts of one pipeline."""

    def __init__(self, pipeline_id: str) -> None:
        self._pipeline_id = pipeline_id
        self._apps: dict[AppKey, Counter[str]] = {}
        self._cells: dict[CellKey, Counter[str]] = {}

    def cell(self, role: str, cell: Mapping[Any, Any], sign: int = 1) -> None:
        """A cell of an app of this role that came, or (-1) went; with its `COUNTED_OF_CELL`."""
        key = CellKey._make([*(cell[name] for name in CellKey._fields[:-1]), role])
        counts = self._cells.setdefault(key, Counter())
        counts["cells"] += sign
        counts["cached"] += sign * (cell["saved_seconds"] > 0)
        counts["partial"] += sign * cell["partial"]
        counts["tool_us"] += sign * round(cell["tool_seconds"] * _US)
        counts["saved_us"] += sign * round(cell["saved_seconds"] * _US)

    def app(self, before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> None:
        """An app; both with its counted columns; `before`: None if it was not there."""
        if before is not None:
            self._count(before, -1)
        self._count(now, 1)

    def _count(self, app: Mapping[str, Any], sign: int) -> None:
        key = AppKey(app["target_model"], app["role"], app["state"] or "")
        counts = self._apps.setdefault(key, Counter())
        listed = app.get("weaknesses")
        counts["apps"] += sign
        counts["unlisted"] += sign * (listed is None)
        for name in _SUMS:
            counts[name] += sign * (app.get(name) or 0)

    async def write(self, connection: AsyncConnection) -> None:
        """Change the counts, and let everyone know that something changed."""
        await _add(connection, app_tallies, list(self._rows(self._apps, _COUNTED)))
        await _add(connection, cell_tallies, list(self._rows(self._cells, _COUNTED_CELLS)))
        await touch(connection, self._pipeline_id)

    def _rows(
        self, changed: Mapping[Any, Mapping[str, int]], names: Iterable[str]
    ) -> Iterator[Row]:
        for key, counts in changed.items():
            if any(counts.values()):
                numbers = {name: counts[name] for name in names}
                yield {"pipeline_id": self._pipeline_id, **key._asdict(), **numbers}


async def hold(connection: AsyncConnection, pipeline_id: str) -> None:
    """Keep the pipeline from being removed until the transaction ends, as a new row of it would.

    Whoever removes it locks it first, and then its apps: a writer must do so in the same order.
    """
    if connection.dialect.name == "postgresql":
        this = select(pipelines.c.pipeline_id).where(pipelines.c.pipeline_id == pipeline_id)
        await connection.execute(this.with_for_update(read=True, key_share=True))


async def touch(connection: AsyncConnection, pipeline_id: str) -> None:
    """Give the pipeline another revision."""
    row = {"pipeline_id": pipeline_id, "revision": secrets.token_hex(8)}
    adding = inserting(connection, revisions).values(**row)
    kept = {"revision": adding.excluded.revision}
    await connection.execute(
        adding.on_conflict_do_update(index_elements=["pipeline_id"], set_=kept)
    )


async def recount(connection: AsyncConnection, pipeline_id: str) -> None:
    """Count the apps and cells of a pipeline anew, for whoever wrote its rows in another way."""
    for table, counting in ((app_tallies, counted_apps()), (cell_tallies, counted_cells())):
        await connection.execute(delete(table).where(table.c.pipeline_id == pipeline_id))
        mine = counting.where(counting.selected_columns.pipeline_id == pipeline_id)
        names = [column.name for column in counting.selected_columns]
        await connection.execute(insert(table).from_select(names, mine))
    await touch(connection, pipeline_id)


def counted_apps() -> Any:
    """The counts of all apps, from their rows."""
    key = (apps.c.pipeline_id, apps.c.target_model, apps.c.role)
    state = func.coalesce(apps.c.state, "").label("state")
    unlisted = func.sum(case((apps.c.weaknesses.is_(None), 1), else_=0)).label("unlisted")
    sums = (func.coalesce(func.sum(apps.c[name]), 0).label(name) for name in _SUMS)
    return select(*key, state, func.count().label("apps"), unlisted, *sums).group_by(*key, state)


def counted_cells() -> Any:
    """The counts of all cells, from their rows."""
    key = (*(cells.c[name] for name in ("pipeline_id", *CellKey._fields[:-1])), apps.c.role)
    target = ("pipeline_id", "target_model", "target_app_number")
    its_app = and_(*(cells.c[name] == apps.c[name] for name in target))
    cached = func.sum(case((cells.c.saved_seconds > 0, 1), else_=0)).label("cached")
    partial = func.sum(cells.c.partial).label("partial")
    sums = (_microseconds(name) for name in ("tool", "saved"))
    counted = select(*key, func.count().label("cells"), cached, partial, *sums)
    return counted.select_from(cells.join(apps, its_app)).group_by(*key)


def _microseconds(name: str) -> Any:
    whole = cast(func.round(cells.c[f"{name}_seconds"] * _US), BigInteger)
    return func.sum(whole).label(f"{name}_us")


async def _add(connection: AsyncConnection, table: Table, rows: list[Row]) -> None:
    if not rows:
        return
    key = [column.name for column in table.primary_key]
    adding = inserting(connection, table)
    sums = {
        column.name: column + adding.excluded[column.name]
        for column in table.c
        if column.name not in key
    }
    statement = adding.on_conflict_do_update(index_elements=key, set_=sums)
    await connection.execute(statement, sorted(rows, key=lambda row: [row[name] for name in key]))


def inserting(connection: AsyncConnection, table: Table) -> Any:
    """An insert into `table` that can say what becomes of a row that is there already."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table)
