"""A pipeline in counts: read from counts that are kept up to date."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analysis import Severity
from contract.overview import AppsCount, CellsCount, PipelineOverview
from contract.role import AppRole
from store.queries import listing_of
from store.tables import app_tallies, cell_tallies, pipelines


async def fetch_overview(connection: AsyncConnection, pipeline_id: str) -> PipelineOverview | None:
    """The pipeline in counts; None: there is no such pipeline."""
    names = ("pipeline_id", "state", "created_at", "finished_at", "started_by")
    this = select(*(pipelines.c[name] for name in names))
    row = (await connection.execute(this.where(pipelines.c.pipeline_id == pipeline_id))).first()
    if row is None:
        return None
    groups = await _apps(connection, pipeline_id)
    return PipelineOverview(
        listing=listing_of(row, groups),
        apps=tuple(map(_apps_count, groups)),
        cells=await fetch_cells_counts(connection, pipeline_id),
        control_cells=await fetch_cells_counts(connection, pipeline_id, AppRole.CONTROL),
    )


async def _apps(connection: AsyncConnection, pipeline_id: str) -> Sequence[Any]:
    mine = app_tallies.c.pipeline_id == pipeline_id
    order = (app_tallies.c.target_model, app_tallies.c.role, app_tallies.c.state)
    query = select(app_tallies).where(mine, app_tallies.c.apps > 0).order_by(*order)
    return (await connection.execute(query)).all()


def _apps_count(row: Any) -> AppsCount:
    return AppsCount(
        model=row.target_model,
        role=row.role,
        state=row.state or None,
        apps=row.apps,
        unlisted=row.unlisted if row.state else 0,
        weaknesses=row.weaknesses,
        security={name: getattr(row, name.value) for name in Severity if getattr(row, name.value)},
    )


async def fetch_cells_counts(
    connection: AsyncConnection, pipeline_id: str, role: AppRole | None = None
) -> tuple[CellsCount, ...]:
    """How many cells of each tool are in each state; None: of apps of all roles."""
    table = cell_tallies.c
    wanted = (table.role == role,) if role else ()
    key = (table.analyzer, table.tool, table.state)
    query = (
        select(*key, func.sum(table.cells).label("number"))
        .where(table.pipeline_id == pipeline_id, table.cells > 0, *wanted)
        .group_by(*key)
        .order_by(*key)
    )
    return tuple(
        CellsCount(analyzer=row.analyzer, tool=row.tool, state=row.state, cells=row.number)
        for row in await connection.execute(query)
    )
