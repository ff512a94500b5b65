"""All rows of a store without the numbers that a database gives: comparable between databases."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.connected import Connected
from store.tables import app_tallies, apps, cell_tallies, cells, metadata

GIVEN = {"id", "app_id", "cell_id", "revision"}
_COUNTS = {app_tallies: app_tallies.c.apps > 0, cell_tallies: cell_tallies.c.cells > 0}


async def rows_of(store: Connected) -> dict[str, list[dict[str, Any]]]:
    """Rows by table, each as a document; owners are named by what they are."""
    async with store.reading() as connection:
        of_app = await _owners(connection, apps, ("pipeline_id", "target_model"))
        of_cell = await _owners(connection, cells, ("subtask_id", "tool"))
        found: dict[str, list[dict[str, Any]]] = {}
        for table in metadata.sorted_tables:
            query = select(table).where(_COUNTS[table]) if table in _COUNTS else select(table)
            rows = (await connection.execute(query)).mappings().all()
            plain = [_plain(dict(row), of_app, of_cell) for row in rows]
            found[table.name] = sorted(plain, key=repr)
    return found


async def _owners(connection: AsyncConnection, table: Any, names: tuple[str, ...]) -> dict:
    columns = [table.c[name] for name in (*names, "target_app_number")]
    rows = await connection.execute(select(table.c.id, *columns))
    return {row.id: tuple(row)[1:] for row in rows}


def _plain(row: dict[str, Any], of_app: dict, of_cell: dict) -> dict[str, Any]:
    named = {name: value for name, value in row.items() if name not in GIVEN}
    if "app_id" in row:
        named["app"] = of_app[row["app_id"]]
    if "cell_id" in row:
        named["cell"] = of_cell[row["cell_id"]]
    return named
