"""The tools of a pipeline in counts: what they measured with, what it took, and why it is lost."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analysis import MeasurementState
from contract.overview import LostCells, ToolCells, ToolsOverview
from contract.role import AppRole
from contract.shortening import shortened
from store.connected import Connected
from store.tables import apps, cell_tallies, cells

_REASONS = 300
_REASON_CHARS = 500
_US = 1_000_000
_OF_TOOL = (cell_tallies.c.analyzer, cell_tallies.c.tool)


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


def _subjects(pipeline_id: str, *group: ColumnElement[Any]) -> Any:
    """The cells of subjects in counts, by these columns."""
    counted = (
        func.sum(cell_tallies.c[column]).label(name)
        for name, column in (
            ("number", "cells"),
            ("cached", "cached"),
            ("spent", "tool_us"),
            ("saved", "saved_us"),
        )
    )
    return (
        select(*group, *counted)
        .where(
            cell_tallies.c.pipeline_id == pipeline_id,
            cell_tallies.c.role == AppRole.SUBJECT,
            cell_tallies.c.cells > 0,
        )
        .group_by(*group)
        .order_by(*group)
    )


async def _used(connection: AsyncConnection, pipeline_id: str) -> tuple[ToolCells, ...]:
    query = _subjects(pipeline_id, *_OF_TOOL, cell_tallies.c.version, cell_tallies.c.state)
    return tuple(
        ToolCells(
            analyzer=row.analyzer,
            tool=row.tool,
            version=row.version,
            state=row.state,
            cells=row.number,
            cached=row.cached,
            tool_seconds=round(row.spent / _US, 3),
            saved_seconds=round(row.saved / _US, 3),
        )
        for row in await connection.execute(query)
    )


async def _lost(connection: AsyncConnection, pipeline_id: str) -> tuple[LostCells, ...]:
    """Only cells that are lost are read: the counts say of which tools there are some."""
    counted = _subjects(pipeline_id, *_OF_TOOL, cell_tallies.c.state)
    lost = counted.where(cell_tallies.c.state == MeasurementState.INFRA_FAILED)
    found: list[LostCells] = []
    for tool in (await connection.execute(lost)).all():
        found += await _reasons(connection, pipeline_id, tool)
    found.sort(key=lambda row: (-row.cells, row.analyzer, row.tool, row.reason))
    return tuple(found[:_REASONS])


async def _reasons(connection: AsyncConnection, pipeline_id: str, tool: Any) -> list[LostCells]:
    target = ("pipeline_id", "target_model", "target_app_number")
    number = func.count().label("number")
    query = (
        select(cells.c.reason, number)
        .select_from(cells.join(apps, and_(*(cells.c[name] == apps.c[name] for name in target))))
        .where(*_of(pipeline_id, tool), apps.c.role == AppRole.SUBJECT)
        .group_by(cells.c.reason)
        .order_by(number.desc(), cells.c.reason)
        .limit(_REASONS)
    )
    return [
        LostCells(
            analyzer=tool.analyzer,
            tool=tool.tool,
            state=tool.state,
            reason=shortened(row.reason, _REASON_CHARS),
            cells=row.number,
        )
        for row in await connection.execute(query)
    ]


def _of(pipeline_id: str, tool: Any) -> tuple[ColumnElement[bool], ...]:
    """The cells of one tool in one state: an index begins with these."""
    named = (cells.c[name] == getattr(tool, name) for name in ("analyzer", "tool", "state"))
    return (cells.c.pipeline_id == pipeline_id, *named)


async def _rules(connection: AsyncConnection, pipeline_id: str) -> dict[str, str]:
    group = (cells.c.analyzer, cells.c.tool, cells.c.version)
    digest = cells.c.body["provenance"]["rules_digest"].as_string()
    newest = await _newest(connection, pipeline_id, *group, digest.label("digest"))
    return {f"{row.analyzer}/{row.tool} {row.version}": row.digest or "" for row in newest}


async def _newest(
    connection: AsyncConnection, pipeline_id: str, *columns: ColumnElement[Any]
) -> Sequence[Any]:
    """These columns of the newest cell of each version of each tool."""
    table = cell_tallies.c
    kinds = (
        select(table.analyzer, table.tool, table.version, table.state)
        .where(table.pipeline_id == pipeline_id, table.cells > 0)
        .distinct()
    )
    newest: dict[tuple[str, str, str], int] = {}
    for kind in (await connection.execute(kinds)).all():
        of_kind = (*_of(pipeline_id, kind), cells.c.version == kind.version)
        last = select(cells.c.id).where(*of_kind).order_by(cells.c.id.desc()).limit(1)
        key = (kind.analyzer, kind.tool, kind.version)
        newest[key] = max(newest.get(key, 0), await connection.scalar(last) or 0)
    these = cells.c.id.in_(newest.values())
    return (await connection.execute(select(*columns).where(these))).all()
