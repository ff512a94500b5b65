"""A pipeline's plan in the store: registered page by page, and read back by positions."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Select, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode, PlatformError
from contract.plan import AppChoice, AppEntry, AppPath, AppResult, PlanHeader, PlanPage, Reopening
from contract.role import AppRole
from contract.spec import AppRef
from store.loading import ref_of
from store.queries import is_imported
from store.registering import Registered, require_same_plan, rows_to_add
from store.rows import Row, app_row, plan_body, planned_columns
from store.tables import apps, cells, pipelines
from store.tally import Changes

_INFRA_FAILED = MeasurementState.INFRA_FAILED.value
_MEASURED = MeasurementState.MEASURED.value
_UNENDED = "its workflow did not end"


async def add_page(connection: AsyncConnection, header: PlanHeader, page: PlanPage) -> None:
    """Rows of the apps of `page`; the pipeline has its row, which is locked from here on.

    Raises:
        PlatformError: ALREADY_EXISTS when the ID stands for a different plan.
    """
    this = pipelines.c.pipeline_id == header.pipeline_id
    of_pipeline = select(pipelines.c.spec_digest, pipelines.c.body).where(this).with_for_update()
    row = (await connection.execute(of_pipeline)).one()
    require_same_plan(header, row.body.get("plan", {}).get("digest", header.digest))
    known = select(
        apps.c.target_model, apps.c.target_app_number, apps.c.ordinal, apps.c.plan_digest
    ).where(apps.c.pipeline_id == header.pipeline_id)
    registered = {
        ref_of(row): Registered(row.ordinal, row.plan_digest)
        for row in await connection.execute(known)
    }
    wanted = [
        {**app_row(header.app_spec(app), position), **planned_columns(app)}
        for position, app in enumerate(page.apps, page.first)
    ]
    if new := rows_to_add(header, wanted, row.spec_digest, registered):
        await connection.execute(insert(apps), new)
        changes = Changes(header.pipeline_id)
        for row in new:
            changes.app(None, row)
        await changes.write(connection)
    if page.first + len(page.apps) == header.total:  # the plan is whole, and accepted
        await connection.execute(update(pipelines).where(this).values(body=plan_body(header)))


async def fetch_header(connection: AsyncConnection, pipeline_id: str) -> PlanHeader | None:
    """The plan without its apps; None when there is no such pipeline.

    Raises:
        PlatformError: FAILED_PRECONDITION for a pipeline of a version that did not keep plans.
    """
    row = await _pipeline(connection, pipeline_id)
    return None if row is None else _header(row)


async def fetch_entries(
    connection: AsyncConnection, pipeline_id: str, positions: Collection[int]
) -> list[AppEntry]:
    """Apps at `positions`, in order, with what is recorded of them."""
    chosen = (apps.c.pipeline_id == pipeline_id) & apps.c.ordinal.in_(positions)
    found = (await connection.execute(select(apps).where(chosen).order_by(apps.c.ordinal))).all()
    states = select(
        cells.c.target_model,
        cells.c.target_app_number,
        cells.c.analyzer,
        cells.c.tool,
        cells.c.state,
    ).join_from(cells, apps, _same_app())
    by_app: defaultdict[AppRef, _Cells] = defaultdict(dict)
    for row in await connection.execute(states.where(chosen, ~is_imported()).order_by(cells.c.id)):
        tools = by_app[ref_of(row)].setdefault(AnalyzerKind(row.analyzer), {})
        tools[row.tool] = MeasurementState(row.state)
    return [_entry(row, by_app[ref_of(row)]) for row in found]


async def fetch_choices(
    connection: AsyncConnection, pipeline_id: str, labels: Collection[str]
) -> list[AppChoice]:
    """The apps that `labels` name; without labels, those that lack a measurement.

    An app that is named runs again as a whole. A control app must not: its looks speak for what the
    same tools measured beside them, and a later look says nothing of that.

    Raises:
        PlatformError: INVALID_ARGUMENT for a label that names none; FAILED_PRECONDITION for a
            control app that was measured.
    """
    if not labels:
        return await _choices(connection, _lacking(pipeline_id))
    every = await _choices(connection, _apps_of(pipeline_id))
    known = {choice.ref.label for choice in every}
    for label in labels:
        if label not in known:
            message = f"no app {label!r} in this pipeline; write MODEL/appN"
            raise PlatformError(ErrorCode.INVALID_ARGUMENT, message)
    for control in await _choices(connection, _measured_controls(pipeline_id)):
        if control.ref.label in labels:
            message = (
                f"{control.ref.label} was measured, and its looks say which measurements of this "
                "pipeline count; a retry that names no app measures what it lacks"
            )
            raise PlatformError(ErrorCode.FAILED_PRECONDITION, message)
    return [choice for choice in every if choice.ref.label in labels]


async def fetch_paths(connection: AsyncConnection, pipeline_id: str) -> list[AppPath]:
    """Each app of the pipeline with the folder that it was found in."""
    path = apps.c.body["planned", "source", "path"].as_string().label("path")
    query = select(apps.c.target_model, apps.c.target_app_number, apps.c.role, path)
    found = await connection.execute(query.where(apps.c.pipeline_id == pipeline_id))
    return [AppPath(*row) for row in found]


async def fetch_reopening(
    connection: AsyncConnection, pipeline_id: str, labels: Collection[str]
) -> Reopening | None:
    """All that a run needs that goes on with a closed pipeline; None when there is none.

    Beside those that are chosen as by `fetch_choices`, apps that did not end run again.

    Raises:
        PlatformError: as `fetch_header` and `fetch_choices`.
    """
    row = await _pipeline(connection, pipeline_id)
    if row is None:
        return None
    every = await _choices(connection, _apps_of(pipeline_id))
    chosen = {c.position for c in await fetch_choices(connection, pipeline_id, labels)}
    states = [choice.state for choice in every]
    header = _header(row)
    return Reopening(
        header=header,
        registered=len(every),
        counts={state: states.count(state) for state in MeasurementState if state in states},
        beside=_beside(header, every),
        detail=row.detail,
        choices=tuple(c for c in every if c.state is None or c.position in chosen),
    )


def _beside(
    header: PlanHeader, every: Sequence[AppChoice]
) -> dict[AppRole, dict[MeasurementState, int]]:
    """Ended apps that are no subjects, by role and state."""
    counts: dict[AppRole, dict[MeasurementState, int]] = {}
    for choice in every:
        role = header.role_at(choice.position)
        if choice.state is not None and role is not AppRole.SUBJECT:
            states = counts.setdefault(role, {})
            states[choice.state] = states.get(choice.state, 0) + 1
    return counts


_Apps = Select[Any, Any, Any, Any]
_Cells = dict[AnalyzerKind, dict[str, MeasurementState]]


async def _pipeline(connection: AsyncConnection, pipeline_id: str) -> Any:
    this = pipelines.c.pipeline_id == pipeline_id
    return (await connection.execute(select(pipelines).where(this))).first()


def _header(row: Any) -> PlanHeader:
    plan: Row = {"templates": row.body.get("templates", {}), **row.body.get("plan", {})}
    if "digest" not in plan:
        message = f"the plan of pipeline {row.pipeline_id} was not kept; submit it under another ID"
        raise PlatformError(ErrorCode.FAILED_PRECONDITION, message)
    return PlanHeader(pipeline_id=row.pipeline_id, spec=row.spec, started_by=row.started_by, **plan)


def _entry(row: Any, found: _Cells) -> AppEntry:
    state = MeasurementState(row.state) if row.state else None
    result = AppResult.of(
        state or MeasurementState.INFRA_FAILED, row.reason or ("" if state else _UNENDED), found
    )
    return AppEntry(
        position=row.ordinal,
        app=row.body["planned"],
        state=state,
        result=result if state or found else None,
    )


async def _choices(connection: AsyncConnection, query: _Apps) -> list[AppChoice]:
    rows: Sequence[Any] = (await connection.execute(query.order_by(apps.c.ordinal))).all()
    return [
        AppChoice(
            position=row.ordinal,
            ref=ref_of(row),
            state=MeasurementState(row.state) if row.state else None,
        )
        for row in rows
    ]


def _apps_of(pipeline_id: str) -> _Apps:
    columns = (apps.c.ordinal, apps.c.target_model, apps.c.target_app_number, apps.c.state)
    return select(*columns).where(apps.c.pipeline_id == pipeline_id)


def _lacking(pipeline_id: str) -> _Apps:
    """Apps that did not end, or to which the platform owes at least one tool's work."""
    failed = (cells.c.state == _INFRA_FAILED) & ~is_imported()
    lost = select(cells.c.id).where(_same_app(), failed).exists()
    owed = or_(apps.c.state.is_(None), apps.c.state == _INFRA_FAILED, lost)
    return _apps_of(pipeline_id).where(owed)


def _measured_controls(pipeline_id: str) -> _Apps:
    """Control apps that some tool has looked at."""
    looked = select(cells.c.id).where(_same_app(), cells.c.state == _MEASURED).exists()
    return _apps_of(pipeline_id).where(apps.c.role == AppRole.CONTROL.value, looked)


def _same_app() -> Any:
    names = ("pipeline_id", "target_model", "target_app_number")
    first, *rest = (cells.c[name] == apps.c[name] for name in names)
    for condition in rest:
        first &= condition
    return first
