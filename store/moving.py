"""Whole pipelines moved from one store into another, in one transaction of the other."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from sqlalchemy import Column, Select, Table, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analysis import MeasurementState
from contract.errors import ErrorCode, PlatformError
from contract.record import FINISHED_STATES
from store.bulk import free_ids, write_rows
from store.figure_tables import app_figures
from store.rows import Row
from store.tables import (
    apps,
    cells,
    findings,
    fused_findings,
    metrics,
    pipelines,
    subtasks,
    weakness_tools,
    weaknesses,
)
from store.tally import recount

_ROWS = 5_000
_Ids = Mapping[int, int]


async def move_pipeline(source: AsyncConnection, target: AsyncConnection, pipeline_id: str) -> int:
    """Put the rows of a pipeline in place of those that the target has; how many cells it has.

    Raises:
        PlatformError: NOT_FOUND: the source has no such pipeline.
    """
    mine = pipelines.c.pipeline_id == pipeline_id
    row = (await source.execute(select(pipelines).where(mine))).mappings().first()
    if row is None:
        raise PlatformError(ErrorCode.NOT_FOUND, f"no pipeline {pipeline_id!r} in the store")
    await target.execute(delete(pipelines).where(mine))
    await write_rows(target, pipelines, [dict(row)])
    app_ids = await _moved(source, target, apps, pipeline_id)
    await _copied(source, target, _of(subtasks, pipeline_id))
    cell_ids = await _moved(source, target, cells, pipeline_id)
    for table in (findings, metrics):
        owned = select(table).join(cells, cells.c.id == table.c.cell_id)
        mine_too = owned.where(cells.c.pipeline_id == pipeline_id)
        await _copied(source, target, mine_too.order_by(table.c.cell_id), "cell_id", cell_ids)
    fused = select(fused_findings).join(
        subtasks, subtasks.c.subtask_id == fused_findings.c.subtask_id
    )
    await _copied(source, target, fused.where(subtasks.c.pipeline_id == pipeline_id))
    await _copied(source, target, _of(app_figures, pipeline_id))
    for table in (weaknesses, weakness_tools):
        await _copied(source, target, _of(table, pipeline_id), "app_id", app_ids)
    await recount(target, pipeline_id)
    return len(cell_ids)


async def covers(source: AsyncConnection, target: AsyncConnection, pipeline_id: str) -> bool:
    """Whether the source knows of every app and cell that the target has.

    What has ended or was measured in the target must have done so there, too.
    """
    ended = pipelines.c.state.in_(FINISHED_STATES)
    app = ("target_model", "target_app_number")
    cell = ("target_model", "target_app_number", "analyzer", "tool")
    for table, names, extra in (
        (pipelines, ("pipeline_id",), ended),
        (apps, app, apps.c.id > 0),
        (apps, app, apps.c.state.is_not(None)),
        (cells, cell, cells.c.id > 0),
        (cells, cell, cells.c.state == MeasurementState.MEASURED.value),
    ):
        columns = [table.c[name] for name in names]
        query = select(*columns).where(table.c.pipeline_id == pipeline_id, extra)
        there = set(map(tuple, await target.execute(query)))
        if not there <= set(map(tuple, await source.execute(query))):
            return False
    return True


def _of(table: Table, pipeline_id: str) -> Select[Any]:
    return select(table).where(table.c.pipeline_id == pipeline_id)


async def _moved(
    source: AsyncConnection, target: AsyncConnection, table: Table, pipeline_id: str
) -> _Ids:
    """Copy rows that get new IDs; the new ID of each."""
    number: Column[Any] = table.c.id
    counting = select(func.count()).where(table.c.pipeline_id == pipeline_id)
    first = await free_ids(
        target, table, int(await source.scalar(counting.select_from(table)) or 0)
    )
    query = _of(table, pipeline_id).order_by(number)
    ids: dict[int, int] = {}
    async for rows in _read(source, query):
        for row in rows:
            ids[row["id"]] = first + len(ids)
            row["id"] = ids[row["id"]]
        await write_rows(target, table, rows)
    return ids


async def _copied(
    source: AsyncConnection,
    target: AsyncConnection,
    query: Select[Any],
    owner: str = "",
    ids: _Ids | None = None,
) -> None:
    """Copy rows; the owner's ID is the new one."""
    (table,) = {column.table for column in query.selected_columns}
    async for rows in _read(source, query):
        if ids is not None:
            for row in rows:
                row[owner] = ids[row[owner]]
        await write_rows(target, table, rows)


async def _read(connection: AsyncConnection, query: Select[Any]) -> AsyncIterator[list[Row]]:
    async for part in (await connection.stream(query)).mappings().partitions(_ROWS):
        yield [dict(row) for row in part]
