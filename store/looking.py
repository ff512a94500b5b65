"""Where the tools of a pipeline should look, and where they did: from counts and few rows."""

import json
from collections import Counter, defaultdict
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.overview import AppsAsked, CellsLooked, LooksOverview
from contract.role import AppRole
from contract.spec import AppRef
from store.connected import Connected, not_found
from store.states import fetch_seen
from store.tables import app_tallies, apps, cell_tallies, cells, findings, pipelines

_LIVE = cells.c.analyzer.in_([kind.value for kind in AnalyzerKind if kind.is_live])
_ITS_APP = and_(
    *(
        cells.c[name] == apps.c[name]
        for name in ("pipeline_id", "target_model", "target_app_number")
    )
)
_Group = tuple[Any, ...]  # model, role, state and analyzers of its own


class Looking(Connected):
    """Part of the result store."""

    async def looks_overview(self, pipeline_id: str, only: AppRef | None = None) -> LooksOverview:
        """Where its tools look, on all apps or on one.

        Raises:
            PlatformError: NOT_FOUND: there is no such pipeline.
        """
        async with self.reading() as connection:
            columns = select(pipelines.c.state, pipelines.c.spec)
            this = columns.where(pipelines.c.pipeline_id == pipeline_id)
            if (row := (await connection.execute(this)).first()) is None:
                raise not_found(pipeline_id)
            counted = await _cells(connection, pipeline_id, only)
            tools = dict.fromkeys((count.analyzer, count.tool) for count in counted)
            return LooksOverview(
                state=row.state,
                asked=row.spec.get("analyzers", ()),
                apps=tuple(await _apps(connection, pipeline_id, only)),
                cells=tuple(counted),
                tools=tuple(await fetch_seen(connection, pipeline_id, tools)),
            )


async def _apps(
    connection: AsyncConnection, pipeline_id: str, only: AppRef | None
) -> list[AppsAsked]:
    groups = await _groups(connection, pipeline_id, only)
    running = any(not state for _, _, state, _ in groups)
    found = await _found(connection, pipeline_id, only) if running else {}
    return [
        AppsAsked(
            model=model,
            role=role,
            state=state or None,
            analyzers=json.loads(analyzers) if analyzers else None,
            apps=number,
            found=0 if state else found.pop((model, role), 0),
        )
        for (model, role, state, analyzers), number in groups.items()
    ]


async def _groups(
    connection: AsyncConnection, pipeline_id: str, only: AppRef | None
) -> dict[_Group, int]:
    """Apps by model, role, state and analyzers of their own; of subjects nobody plans such."""
    table = app_tallies.c
    key = (table.target_model, table.role, table.state, table.apps)
    counted = select(*key).where(table.pipeline_id == pipeline_id, table.apps > 0)
    rows = (await connection.execute(counted)).all()
    beside = [row.target_model for row in rows if row.role != AppRole.SUBJECT]
    own = apps.c.body["planned", "analyzers"].as_string()
    each = select(apps.c.target_model, apps.c.role, apps.c.state, own)
    groups: dict[_Group, int] = {}
    few: tuple[ColumnElement[bool], ...] = ()
    if only is None:
        few = (apps.c.target_model.in_(beside), apps.c.role != AppRole.SUBJECT.value)
        groups = {
            (row.target_model, row.role, row.state, None): row.apps
            for row in rows
            if row.role == AppRole.SUBJECT
        }
    mine = each.where(apps.c.pipeline_id == pipeline_id, *few, *_is(only))
    return groups | Counter(tuple(row) for row in await connection.execute(mine))


async def _found(
    connection: AsyncConnection, pipeline_id: str, only: AppRef | None
) -> dict[tuple[str, str], int]:
    """Apps that have not ended of which tools found something, by model and role."""
    any_finding = exists().where(_ITS_APP, findings.c.cell_id == cells.c.id)
    query = (
        select(apps.c.target_model, apps.c.role, func.count().label("number"))
        .where(apps.c.pipeline_id == pipeline_id, apps.c.state.is_(None), *_is(only))
        .where(apps.c.weaknesses.is_(None), any_finding)
        .group_by(apps.c.target_model, apps.c.role)
    )
    rows = await connection.execute(query)
    return {(row.target_model, row.role): row.number for row in rows}


async def _cells(
    connection: AsyncConnection, pipeline_id: str, only: AppRef | None
) -> list[CellsLooked]:
    table = cell_tallies.c
    key = (table.target_model, table.role, table.analyzer, table.tool, table.state)
    all_of_them = (
        select(
            *key,
            func.sum(table.cells).label("number"),
            func.sum(table.partial).label("partial"),
        )
        .where(table.pipeline_id == pipeline_id, table.cells > 0)
        .group_by(*key)
        .order_by(*key)
    )
    query = all_of_them if only is None else _counted(pipeline_id, only)
    special = await _special(connection, pipeline_id, only)
    return [
        CellsLooked(
            model=row.target_model,
            role=row.role,
            analyzer=row.analyzer,
            tool=row.tool,
            state=row.state,
            cells=row.number,
            partial=row.partial,
            **special[tuple(row)[:5]],
        )
        for row in await connection.execute(query)
        if row.analyzer is not None
    ]


async def _special(
    connection: AsyncConnection, pipeline_id: str, only: AppRef | None
) -> defaultdict[tuple[Any, ...], dict[str, int]]:
    """How many cells are of apps that have not ended or that failed."""
    query = _counted(pipeline_id, only, and_(_ITS_APP, or_(apps.c.state.is_(None), _LIVE)))
    some = or_(apps.c.state.is_(None), apps.c.state == MeasurementState.APP_FAILED.value)
    found: defaultdict[tuple[Any, ...], dict[str, int]] = defaultdict(dict)
    for row in await connection.execute(query.where(some)):
        found[tuple(row)[:5]]["app_failed" if row.app_state else "unfinished"] = row.number
    return found


def _counted(
    pipeline_id: str,
    only: AppRef | None,
    on: ColumnElement[bool] = _ITS_APP,
) -> Any:
    """Cells counted from their rows; an app without any is one row without an analyzer.

    It is an outer join so that each database goes from the apps, which are few, to their cells.
    """
    of_cell = (cells.c.target_model, apps.c.role, cells.c.analyzer, cells.c.tool, cells.c.state)
    key = (*of_cell, apps.c.state.label("app_state"))
    return (
        select(*key, func.count().label("number"), func.sum(cells.c.partial).label("partial"))
        .select_from(apps.outerjoin(cells, on))
        .where(apps.c.pipeline_id == pipeline_id, *_is(only))
        .group_by(*key)
        .order_by(*of_cell)
    )


def _is(only: AppRef | None) -> tuple[ColumnElement[bool], ...]:
    if only is None:
        return ()
    return (apps.c.target_model == only.model, apps.c.target_app_number == only.app_number)
