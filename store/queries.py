"""The reads."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analysis import MeasurementState
from contract.record import PipelineHead, PipelineListing
from contract.spec import AppRef, AppRole
from store.loading import PipelineRows
from store.tables import (
    app_tallies,
    apps,
    cells,
    findings,
    fused_findings,
    metrics,
    pipelines,
    subtasks,
)


def is_imported() -> ColumnElement[bool]:
    """Whether a cell was read from a log of somebody else: nobody can run its tool again."""
    return func.coalesce(cells.c.body["imported"].as_boolean(), false())


async def fetch_pipeline(
    connection: AsyncConnection, pipeline_id: str, only: Collection[AppRef] | None = None
) -> PipelineRows | None:
    """All rows of a pipeline, or of some of its apps, in a stable order; None: there is none."""
    this = pipelines.c.pipeline_id == pipeline_id
    pipeline = (await connection.execute(select(pipelines).where(this))).first()
    if pipeline is None:
        return None
    owned = [
        (await connection.execute(query)).all()
        for query in (
            _among(apps, only, _apps_of(pipeline_id)),
            _among(cells, only, _cells_of(pipeline_id)),
            _among(cells, only, _of_cells(findings, pipeline_id)),
            _among(cells, only, _of_cells(metrics, pipeline_id)),
            _among(subtasks, only, _fused_of(pipeline_id)),
        )
    ]
    return PipelineRows(pipeline, *owned)


async def fetch_outline(
    connection: AsyncConnection, pipeline_id: str, app: AppRef | None
) -> PipelineRows | None:
    """The pipeline with its apps; with `app`, that app alone and its cells without findings."""
    this = pipelines.c.pipeline_id == pipeline_id
    pipeline = (await connection.execute(select(pipelines).where(this))).first()
    if pipeline is None:
        return None
    if app is None:
        listed = (await connection.execute(_apps_of(pipeline_id))).all()
        return PipelineRows(pipeline, listed, [], [], [], [])
    its = _apps_of(pipeline_id).where(*_is(apps, app))
    owned = _cells_of(pipeline_id).where(*_is(cells, app))
    found = (await connection.execute(its)).all()
    return PipelineRows(pipeline, found, (await connection.execute(owned)).all(), [], [], [])


async def fetch_heads(connection: AsyncConnection) -> list[PipelineHead]:
    """Every pipeline in no order, read from an index alone."""
    columns = (pipelines.c[name] for name in PipelineHead._fields)
    return [PipelineHead(*row) for row in await connection.execute(select(*columns))]


async def fetch_listing(
    connection: AsyncConnection, only: Collection[str] | None = None
) -> tuple[PipelineListing, ...]:
    """Every pipeline, or some, with its apps counted by state, the newest first."""
    newest = select(*(pipelines.c[name] for name in PipelineHead._fields)).order_by(
        pipelines.c.created_at.desc(), pipelines.c.pipeline_id
    )
    counted = app_tallies.c
    group = (counted.pipeline_id, counted.role, counted.state)
    counting = select(*group, func.sum(counted.apps).label("apps")).group_by(*group)
    if only is not None:
        newest = newest.where(pipelines.c.pipeline_id.in_(only))
        counting = counting.where(counted.pipeline_id.in_(only))
    listed = (await connection.execute(newest)).all()
    groups: defaultdict[str, list[Any]] = defaultdict(list)
    for row in await connection.execute(counting):
        groups[row.pipeline_id].append(row)
    return tuple(listing_of(row, groups[row.pipeline_id]) for row in listed)


def listing_of(pipeline: Any, groups: Iterable[Any]) -> PipelineListing:
    """A pipeline in one line: its row, and counts of its `apps` by `role` and `state`."""
    apps_, counts, beside = 0, Counter[MeasurementState](), Counter[AppRole]()
    for group in groups:
        if group.role != AppRole.SUBJECT:
            beside[AppRole(group.role)] += group.apps
            continue
        apps_ += group.apps
        if group.state:
            counts[MeasurementState(group.state)] += group.apps
    return PipelineListing(
        pipeline_id=pipeline.pipeline_id,
        state=pipeline.state,
        created_at=pipeline.created_at,
        finished_at=pipeline.finished_at,
        started_by=pipeline.started_by,
        apps=apps_,
        counts={state: number for state, number in counts.items() if number},
        beside={role: number for role, number in beside.items() if number},
    )


def _among(table: Table, only: Collection[AppRef] | None, query: Select) -> Select:
    """`query` for some apps alone."""
    if only is None:
        return query
    return query.where(or_(false(), *(and_(*_is(table, app)) for app in only)))


def _is(table: Table, app: AppRef) -> tuple[ColumnElement[bool], ...]:
    return (table.c.target_model == app.model, table.c.target_app_number == app.app_number)


def _apps_of(pipeline_id: str) -> Select:
    order = (apps.c.ordinal, apps.c.target_model, apps.c.target_app_number)
    return select(apps).where(apps.c.pipeline_id == pipeline_id).order_by(*order)


def _cells_of(pipeline_id: str) -> Select:
    order = (
        cells.c.target_model,
        cells.c.target_app_number,
        cells.c.analyzer,
        cells.c.tool,
    )
    return (
        select(cells, subtasks.c.attempts)
        .join(subtasks, subtasks.c.subtask_id == cells.c.subtask_id)
        .where(cells.c.pipeline_id == pipeline_id)
        .order_by(*order)
    )


def _of_cells(table: Table, pipeline_id: str) -> Select:
    return (
        select(table)
        .join(cells, cells.c.id == table.c.cell_id)
        .where(cells.c.pipeline_id == pipeline_id)
        .order_by(table.c.cell_id, table.c.ordinal)
    )


def _fused_of(pipeline_id: str) -> Select:
    target = (subtasks.c.target_model, subtasks.c.target_app_number, subtasks.c.analyzer)
    return (
        select(*target, fused_findings.c.body)
        .join(subtasks, subtasks.c.subtask_id == fused_findings.c.subtask_id)
        .where(subtasks.c.pipeline_id == pipeline_id)
        .order_by(*target, fused_findings.c.ordinal)
    )
