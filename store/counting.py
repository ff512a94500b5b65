"""A pipeline in counts: read from indexes alone."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analysis import Severity
from contract.overview import AppsCount, CellsCount, PipelineOverview
from store.queries import listing_of
from store.tables import SEVERITIES, apps, cells, pipelines


async def fetch_overview(connection: AsyncConnection, pipeline_id: str) -> PipelineOverview | None:
    """The pipeline in counts; None: there is no such pipeline."""
    columns = [pipelines.c[name] for name in ("pipeline_id", "state", "created_at", "finished_at")]
    this = select(*columns).where(pipelines.c.pipeline_id == pipeline_id)
    row = (await connection.execute(this)).first()
    if row is None:
        return None
    groups = await _apps(connection, pipeline_id)
    return PipelineOverview(
        listing=listing_of(row, groups),
        apps=tuple(map(_apps_count, groups)),
        cells=await fetch_cells_counts(connection, pipeline_id),
    )


async def _apps(connection: AsyncConnection, pipeline_id: str) -> Sequence[Any]:
    group = (apps.c.target_model, apps.c.role, apps.c.state)
    unlisted = case((apps.c.weaknesses.is_(None), 1), else_=0)
    sums = (func.sum(apps.c[name]).label(name) for name in ("weaknesses", *SEVERITIES))
    query = (
        select(*group, func.count().label("number"), func.sum(unlisted).label("unlisted"), *sums)
        .where(apps.c.pipeline_id == pipeline_id)
        .group_by(*group)
        .order_by(*group)
    )
    return (await connection.execute(query)).all()


def _apps_count(row: Any) -> AppsCount:
    return AppsCount(
        model=row.target_model,
        role=row.role,
        state=row.state,
        apps=row.number,
        unlisted=row.unlisted if row.state else 0,
        weaknesses=row.weaknesses or 0,
        security={name: getattr(row, name.value) for name in Severity if getattr(row, name.value)},
    )


async def fetch_cells_counts(
    connection: AsyncConnection, pipeline_id: str
) -> tuple[CellsCount, ...]:
    """How many cells of each tool are in each state."""
    group = (cells.c.analyzer, cells.c.tool, cells.c.state)
    query = (
        select(*group, func.count().label("number"))
        .where(cells.c.pipeline_id == pipeline_id)
        .group_by(*group)
        .order_by(*group)
    )
    return tuple(
        CellsCount(analyzer=row.analyzer, tool=row.tool, state=row.state, cells=row.number)
        for row in await connection.execute(query)
    )
