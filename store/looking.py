"""Where the tools of a pipeline should look, and where they did: from counts and few rows."""

import json
from collections import Counter
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.overview import AppsAsked, CellsLooked, LooksOverview
from contract.role import AppRole
from contract.spec import AppRef
from store.connected import Connected, not_found
from store.measures import measured
from store.special import ITS_APP, counted_rows, fetch_special, is_app
from store.states import fetch_seen
from store.tables import app_tallies, apps, cell_tallies, cells, findings, pipelines

_Group = tuple[Any, ...]  # model, role, state and analyzers of its own


class Looking(Connected):
    """Part of the result store."""

    @measured
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
    any_finding = exists().where(ITS_APP, findings.c.cell_id == cells.c.id)
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
    query = all_of_them if only is None else counted_rows(pipeline_id, only)
    rows = (await connection.execute(query)).all()
    totals = {tuple(row)[:5]: row for row in rows if row.analyzer is not None}
    numbers = {key: row.number for key, row in totals.items()}
    special = await fetch_special(connection, pipeline_id, only, numbers)
    return [
        CellsLooked(
            model=model,
            role=role,
            analyzer=analyzer,
            tool=tool,
            state=state,
            cells=row.number,
            partial=row.partial,
            **special[model, role, analyzer, tool, state],
        )
        for (model, role, analyzer, tool, state), row in totals.items()
    ]


def _is(only: AppRef | None) -> tuple[ColumnElement[bool], ...]:
    return () if only is None else is_app(only)
