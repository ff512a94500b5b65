"""Makes the figures of apps from their cells, keeps them, and reads histories of them.

A text in `app_figures` is of the cells that the app has now: whoever changes cells removes it, and
who lists the app's weaknesses makes it again. Where there is none, it is made for the reader.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    literal,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analyzers import AnalyzerKind
from contract.figures import AppFigures, FiguresPart, PipelineAt
from contract.role import AppRole
from contract.roles import is_repeat
from contract.spec import AppRef
from store.connected import Connected, not_found
from store.figure_ranges import AppRange, app_ranges
from store.figure_tables import app_figures
from store.figures_made import KEPT, LOAD, NAMES, app_columns, tool_figures
from store.rows import Row
from store.tables import apps, cells, findings, metrics, pipelines
from store.tally import inserting

MOST_PIPELINES = 20
_BATCH = 200
_Key = tuple[str, int]
TARGET = ("pipeline_id", "target_model", "target_app_number")
"""Columns that name an app."""
_OF_CELL = (
    *("id", "target_model", "target_app_number", "analyzer", "tool", "version", "state"),
    *("partial", "saved_seconds", "body"),
)


class FigureHistories(Connected):
    """Part of the result store."""

    async def figures_of_app(self, ref: AppRef, until: str = "") -> FiguresPart:
        """One app in the newest pipelines that have it, at most 20.

        Args:
            ref: names the app; its source may be another one in each pipeline.
            until: the newest pipeline to look at; empty: the newest one that there is.

        Raises:
            PlatformError: NOT_FOUND: there is no such pipeline.
        """
        async with self.reading() as connection:
            found = await _pipelines(connection, until, [ref.model], ref)
            some = AppRange((ref.model,), ref.app_number, ref.app_number)
            return FiguresPart(found, await _rows(connection, found, some))

    async def figures_of_pipeline(self, pipeline_id: str) -> AsyncGenerator[FiguresPart]:
        """The apps of a pipeline in it and in at most 19 earlier ones, a few hundred at a time.

        Raises:
            PlatformError: NOT_FOUND: there is no such pipeline.
        """
        async with self.reading() as connection:
            names = (apps.c.target_model, apps.c.target_app_number)
            mine = select(*names).where(apps.c.pipeline_id == pipeline_id)
            there = await connection.execute(mine.order_by(*names))
            keys = [(row[0], row[1]) for row in there if not is_repeat(row[0])]
            found = await _pipelines(connection, pipeline_id, list({key[0]: 0 for key in keys}))
            for some in app_ranges(keys):
                yield FiguresPart(found, await _rows(connection, found, some))


async def keep_figures(connection: AsyncConnection, app: Any) -> None:
    """Make the figures of an app, of this row, in place of those kept before."""
    key = (app.target_model, app.target_app_number)
    tools = (await _tools(connection, app.pipeline_id, [key]))[key]
    figures = {"role": app.role, **app_columns(app.body, tools)}
    adding = inserting(connection, app_figures).values(**figures_row(app.pipeline_id, key, figures))
    kept = {name: adding.excluded[name] for name in figures}
    await connection.execute(adding.on_conflict_do_update(index_elements=TARGET, set_=kept))


async def drop_figures(
    connection: AsyncConnection, pipeline_id: str, model: str, app_number: int
) -> None:
    """Forget the figures of an app whose cells change."""
    mine = and_(
        app_figures.c.pipeline_id == pipeline_id,
        app_figures.c.target_model == model,
        app_figures.c.target_app_number == app_number,
    )
    await connection.execute(delete(app_figures).where(mine))


async def _pipelines(
    connection: AsyncConnection, until: str, models: Collection[str], ref: AppRef | None = None
) -> list[PipelineAt]:
    """The newest pipelines that have one of these models (or this app), the oldest first."""
    shares = apps.c.pipeline_id == pipelines.c.pipeline_id
    shares &= apps.c.target_model.in_(list(models))
    if ref is not None:
        shares &= apps.c.target_app_number == ref.app_number
        shares &= apps.c.state.is_not(None)
    columns = (pipelines.c.pipeline_id, pipelines.c.created_at, pipelines.c.spec)
    query = select(*columns).where(select(apps.c.id).where(shares).exists())
    if until:
        of = select(pipelines.c.created_at).where(pipelines.c.pipeline_id == until)
        at = await connection.scalar(of)
        if at is None:
            raise not_found(until)
        query = query.where(pipelines.c.created_at <= at)
    newest = query.order_by(pipelines.c.created_at.desc(), pipelines.c.pipeline_id.desc())
    rows = (await connection.execute(newest.limit(MOST_PIPELINES + 1))).all()
    kept = [row for row in rows if row.pipeline_id == until] if until else []
    kept += [row for row in rows if row.pipeline_id != until]
    return [
        PipelineAt(row.pipeline_id, row.created_at, _conditions(row.spec))
        for row in reversed(kept[:MOST_PIPELINES])
    ]


def _conditions(spec: Mapping[str, Any]) -> dict[str, str]:
    options, egress = spec.get("options") or {}, spec.get("egress", "deny")
    told = {
        kind.value: json.dumps([options.get(kind.value) or {}, egress], sort_keys=True)
        for kind in AnalyzerKind
    }
    return {kind: hashlib.sha256(one.encode()).hexdigest()[:12] for kind, one in told.items()}


async def _rows(
    connection: AsyncConnection, found: Sequence[PipelineAt], some: AppRange
) -> list[AppFigures]:
    """These apps and their repeats, pipeline by pipeline."""
    if not found:
        return []
    rows: dict[str, list[AppFigures]] = {at.pipeline_id: [] for at in found}
    refs: dict[_Key, AppRef] = {}
    roles = {role.value: role for role in AppRole}
    for pipeline_id, model, number, role, *figures in await _told(connection, [*rows], some):
        if (ref := refs.get((model, number))) is None:
            ref = refs[model, number] = AppRef(model=model, app_number=number)
        rows[pipeline_id].append(AppFigures(pipeline_id, ref, roles[role], *figures))
    return [row for of_one in rows.values() for row in of_one]


async def _told(
    connection: AsyncConnection, pipeline_ids: Sequence[str], some: AppRange
) -> Iterable[Sequence[Any]]:
    """What names an app, its role, columns of `KEPT`; scans that the last pipeline has, too, empty.

    Those of which nothing is kept come last.
    """
    kept = app_figures.c
    newest = app_figures.alias()
    same = and_(kept.pipeline_id != pipeline_ids[-1], newest.c.scanned == kept.scanned)
    scans = case((same, ""), else_=kept.scans)
    both = app_figures.outerjoin(newest, _is_app(newest, literal(pipeline_ids[-1]), app_figures))
    names = (*(kept[name] for name in TARGET), kept.role)
    columns = (*names, *(kept[name] for name in KEPT[:-1]), scans)
    query = select(*columns).select_from(both).where(*some.of(app_figures, pipeline_ids))
    there: list[Sequence[Any]] = [*(await connection.execute(query)).all()]
    return [*there, *await _lacking(connection, pipeline_ids, some)]


async def _lacking(
    connection: AsyncConnection, pipeline_ids: Sequence[str], some: AppRange
) -> list[Sequence[Any]]:
    """The same of apps whose figures are not kept, made of their cells."""
    there = exists().where(_is_app(app_figures, apps.c.pipeline_id, apps))
    ended = select(*(apps.c[name] for name in TARGET)).where(
        *some.of(apps, pipeline_ids), apps.c.state.is_not(None), ~there
    )
    keys: defaultdict[str, list[_Key]] = defaultdict(list)
    for pipeline_id, *key in await connection.execute(ended):
        keys[pipeline_id].append((key[0], key[1]))
    found: list[Sequence[Any]] = []
    for pipeline_id, mine in keys.items():
        for at in range(0, len(mine), _BATCH):
            made = await _made(connection, pipeline_id, mine[at : at + _BATCH])
            found += [(pipeline_id, *key, *row.values()) for key, row in made.items()]
    return found


def _is_app(figures: Any, pipeline_id: Any, of: Any) -> ColumnElement[bool]:
    return and_(
        figures.c.pipeline_id == pipeline_id,
        figures.c.target_model == of.c.target_model,
        figures.c.target_app_number == of.c.target_app_number,
    )


async def _made(
    connection: AsyncConnection, pipeline_id: str, keys: Collection[_Key]
) -> dict[_Key, Row]:
    """Role and figures from the cells: of these apps."""
    tools = await _tools(connection, pipeline_id, keys)
    wanted = set(keys)
    query = _few(select(apps), apps, pipeline_id, keys)
    return {
        key: {"role": app.role, **app_columns(app.body, tools[key])}
        for app in await connection.execute(query)
        if (key := (app.target_model, app.target_app_number)) in wanted
    }


def _few(query: Select[Any], table: Any, pipeline_id: str, keys: Collection[_Key]) -> Select[Any]:
    models, numbers = {model for model, _ in keys}, {number for _, number in keys}
    return query.where(
        table.c.pipeline_id == pipeline_id,
        table.c.target_model.in_(models),
        table.c.target_app_number.in_(numbers),
    )


async def _tools(
    connection: AsyncConnection, pipeline_id: str, keys: Collection[_Key]
) -> defaultdict[_Key, Row]:
    """The figures of each tool, by app: of these and a few others."""
    this = (cells, pipeline_id, keys)
    mine = findings.c.cell_id == cells.c.id
    number = select(func.count()).where(mine).correlate(cells).scalar_subquery().label("number")
    columns = (cells.c[name] for name in _OF_CELL)
    query = select(*columns, number).order_by(cells.c.id)
    found = (await connection.execute(_few(query, *this))).all()
    has_load = any(cell.analyzer in LOAD for cell in found)
    measured = await _metrics(connection, *this) if has_load else defaultdict(list)
    tools: defaultdict[_Key, Row] = defaultdict(dict)
    for cell in found:
        key = (cell.target_model, cell.target_app_number)
        name = f"{cell.analyzer}/{cell.tool}"
        tools[key][name] = tool_figures(cell, cell.number, measured[cell.id])
    return tools


async def _metrics(connection: AsyncConnection, *this: Any) -> defaultdict[int, list[Any]]:
    columns = (metrics.c.cell_id, metrics.c.name, metrics.c.target, metrics.c.value)
    query: Any = select(*columns).join(cells, cells.c.id == metrics.c.cell_id)
    query = query.where(cells.c.analyzer.in_(LOAD), metrics.c.name.in_(NAMES))
    measured: defaultdict[int, list[Any]] = defaultdict(list)
    for row in await connection.execute(_few(query.order_by(metrics.c.ordinal), *this)):
        measured[row.cell_id].append(row)
    return measured


def figures_row(pipeline_id: str, key: tuple[str, int], figures: Row) -> Row:
    """The row of an app, by model and number: `figures` are its role and its `app_columns`."""
    target = dict(zip(TARGET, (pipeline_id, *key), strict=True))
    return {**target, **figures}
