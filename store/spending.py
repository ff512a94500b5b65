"""The tools of a pipeline in counts: what they measured with, what it took, and why it is lost."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analysis import MeasurementState
from contract.overview import LostCells, ModelCells, ModelsOverview, ToolCells, ToolsOverview
from contract.role import AppRole
from store.connected import Connected
from store.tables import apps, cells

_REASONS = 300
_REASON_CHARS = 500
_OF_TOOL = (cells.c.analyzer, cells.c.tool)


class Spending(Connected):
    """Part of the result store."""

    async def tools_overview(self, pipeline_id: str) -> ToolsOverview:
        """Its tools, of subjects alone; nothing of a pipeline that the store does not know."""
        async with self.reading() as connection:
            used = await _used(connection, pipeline_id)
            return ToolsOverview(
                used=used,
                lost=await _lost(connection, pipeline_id),
                rules=await _rules(connection, pipeline_id),
            )

    async def lost_cells(self, pipeline_id: str) -> tuple[LostCells, ...]:
        """Why its cells are lost, as in `tools_overview`."""
        async with self.reading() as connection:
            return await _lost(connection, pipeline_id)

    async def models_overview(self, pipeline_id: str) -> ModelsOverview:
        """Its models, of subjects alone; nothing of a pipeline that the store does not know."""
        async with self.reading() as connection:
            looks_for = cells.c.body["looks_for"].label("looks_for")
            newest = await _newest(connection, pipeline_id, *_OF_TOOL, looks_for)
            return ModelsOverview(
                cells=await _by_model(connection, pipeline_id),
                looks_for={f"{row.analyzer}/{row.tool}": row.looks_for for row in newest},
            )


def _of_subjects(pipeline_id: str) -> tuple[FromClause, ColumnElement[bool]]:
    target = ("pipeline_id", "target_model", "target_app_number")
    joined = cells.join(apps, and_(*(cells.c[name] == apps.c[name] for name in target)))
    return joined, and_(cells.c.pipeline_id == pipeline_id, apps.c.role == AppRole.SUBJECT)


async def _used(connection: AsyncConnection, pipeline_id: str) -> tuple[ToolCells, ...]:
    joined, these = _of_subjects(pipeline_id)
    group = (*_OF_TOOL, cells.c.version, cells.c.state)
    query = (
        select(
            *group,
            func.count().label("number"),
            func.sum(case((cells.c.saved_seconds > 0, 1), else_=0)).label("cached"),
            func.sum(cells.c.tool_seconds).label("spent"),
            func.sum(cells.c.saved_seconds).label("saved"),
        )
        .select_from(joined)
        .where(these)
        .group_by(*group)
        .order_by(*group)
    )
    return tuple(
        ToolCells(
            analyzer=row.analyzer,
            tool=row.tool,
            version=row.version,
            state=row.state,
            cells=row.number,
            cached=row.cached,
            tool_seconds=round(row.spent, 3),
            saved_seconds=round(row.saved, 3),
        )
        for row in await connection.execute(query)
    )


async def _lost(connection: AsyncConnection, pipeline_id: str) -> tuple[LostCells, ...]:
    joined, these = _of_subjects(pipeline_id)
    group = (*_OF_TOOL, cells.c.state, cells.c.reason)
    number = func.count().label("number")
    query = (
        select(*group, number)
        .select_from(joined)
        .where(these, cells.c.state == MeasurementState.INFRA_FAILED)
        .group_by(*group)
        .order_by(number.desc(), *group)
        .limit(_REASONS)
    )
    return tuple(
        LostCells(
            analyzer=row.analyzer,
            tool=row.tool,
            state=row.state,
            reason=row.reason[:_REASON_CHARS],
            cells=row.number,
        )
        for row in await connection.execute(query)
    )


async def _rules(connection: AsyncConnection, pipeline_id: str) -> dict[str, str]:
    group = (*_OF_TOOL, cells.c.version)
    digest = cells.c.body["provenance"]["rules_digest"].as_string()
    newest = await _newest(connection, pipeline_id, *group, digest.label("digest"))
    return {f"{row.analyzer}/{row.tool} {row.version}": row.digest or "" for row in newest}


async def _newest(
    connection: AsyncConnection, pipeline_id: str, *columns: ColumnElement[Any]
) -> Sequence[Any]:
    """These columns of the newest cell of each version of each tool."""
    group = (*_OF_TOOL, cells.c.version)
    newest = select(func.max(cells.c.id)).where(cells.c.pipeline_id == pipeline_id).group_by(*group)
    ids: Sequence[int] = (await connection.scalars(newest)).all()
    return (await connection.execute(select(*columns).where(cells.c.id.in_(ids)))).all()


async def _by_model(connection: AsyncConnection, pipeline_id: str) -> tuple[ModelCells, ...]:
    joined, these = _of_subjects(pipeline_id)
    group = (cells.c.target_model, *_OF_TOOL, cells.c.state)
    query = (
        select(*group, func.count().label("number"))
        .select_from(joined)
        .where(these)
        .group_by(*group)
        .order_by(*group)
    )
    return tuple(
        ModelCells(
            model=row.target_model,
            analyzer=row.analyzer,
            tool=row.tool,
            state=row.state,
            cells=row.number,
        )
        for row in await connection.execute(query)
    )
