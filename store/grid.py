"""The cells of some apps of a pipeline at a time, in the order of the plan, without findings."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analysis import Category, MeasurementState
from contract.analyzers import AnalyzerKind
from contract.cells import AppCells, CellLine, CellsPage, CellsQuery
from contract.errors import ErrorCode, PlatformError
from contract.left_out import TRUE_COUNT
from contract.record import Revision, revision_of
from contract.role import AppRole
from store.counting import fetch_cells_counts
from store.loading import ref_of
from store.states import fetch_seen
from store.tables import app_tallies, apps, cells, findings, metrics, pipelines

_CURSOR = re.compile(r"(\d{1,18})\.(\d{1,18})")
_PLACE = (apps.c.ordinal, apps.c.id)
_MEASURED = MeasurementState.MEASURED.value
_APP = ("pipeline_id", "target_model", "target_app_number")
_LOOKS_FOR = cells.c.body["looks_for"].as_string().label("looks_for")
_IMPORTED = cells.c.body["imported"].as_boolean().label("imported")


async def fetch_cells_page(connection: AsyncConnection, query: CellsQuery) -> CellsPage | None:
    """One page; None: there is no such pipeline.

    Raises:
        PlatformError: INVALID_ARGUMENT: the cursor is none.
    """
    after = _place(query.after)
    this = pipelines.c.pipeline_id == query.pipeline_id
    columns = select(pipelines.c.state, pipelines.c.spec)
    pipeline = (await connection.execute(columns.where(this))).first()
    if pipeline is None:
        return None
    wanted = list(_filters(query))
    page = _apps(wanted, after).limit(query.limit + 1)
    rows = (await connection.execute(page)).all()
    shown = rows[: query.limit]
    counting = select(func.count()).select_from(apps).where(*wanted)
    counts = await fetch_cells_counts(connection, query.pipeline_id)
    tools = dict.fromkeys((count.analyzer, count.tool) for count in counts)
    return CellsPage(
        state=pipeline.state,
        asked=tuple(map(AnalyzerKind, pipeline.spec.get("analyzers", ()))),
        tools=tuple(await fetch_seen(connection, query.pipeline_id, tools)),
        apps=await _with_cells(connection, shown),
        after=f"{shown[-1].ordinal}.{shown[-1].id}" if len(rows) > len(shown) else None,
        matching=await connection.scalar(counting) or 0,
    )


async def fetch_role(connection: AsyncConnection, pipeline_id: str, role: AppRole) -> Revision:
    """What tells the cells of these apps from those of another moment."""
    mine = [cells.c[name] == apps.c[name] for name in _APP]
    models = select(app_tallies.c.target_model).where(
        app_tallies.c.pipeline_id == pipeline_id, app_tallies.c.role == role.value
    )
    query = (
        select(cells.c.id, cells.c.tool, cells.c.state, cells.c.artifact, _last_finding())
        .select_from(apps.join(cells, mine[0] & mine[1] & mine[2]))
        .where(apps.c.pipeline_id == pipeline_id, apps.c.role == role.value)
        .where(apps.c.target_model.in_(models))
    )
    rows = (await connection.execute(query)).all()
    digests = (row.artifact["sha256"] if row.artifact else "" for row in rows)
    # A number that was free may be taken again: what came back tells the cells apart as well.
    texts = ((str(row.id), row.tool, row.state, str(row.last)) for row in rows)
    return revision_of(None, ((*text, digest) for text, digest in zip(texts, digests, strict=True)))


def _place(text: str) -> tuple[int, ...] | None:
    found = _CURSOR.fullmatch(text)
    if text and found is None:
        message = f"{text[:40]!r} is no place in a list of apps"
        raise PlatformError(
            ErrorCode.INVALID_ARGUMENT, message, next_step="use the text of the page before"
        )
    return tuple(map(int, found.groups())) if found else None


def _apps(wanted: Iterable[ColumnElement[bool]], after: tuple[int, ...] | None) -> Select[Any]:
    columns = [
        *(apps.c[name] for name in ("id", "ordinal", *_APP, "role", "template", "state", "reason")),
        apps.c.body["planned", "analyzers"].as_string().label("analyzers"),
    ]
    query = select(*columns).where(*wanted)
    return (query.where(tuple_(*_PLACE) > tuple_(*after)) if after else query).order_by(*_PLACE)


def _filters(query: CellsQuery) -> Iterable[ColumnElement[bool]]:
    yield apps.c.pipeline_id == query.pipeline_id
    if query.models:
        yield apps.c.target_model.in_(query.models)
    if query.roles:
        yield apps.c.role.in_([role.value for role in query.roles])
    if query.states:
        ended = apps.c.state.in_([state.value for state in query.states if state])
        yield or_(ended, apps.c.state.is_(None)) if None in query.states else ended
    if query.text:
        label = apps.c.target_model + "/app" + apps.c.target_app_number.cast(apps.c.reason.type)
        text = query.text.replace("\0", "\ufffd")
        yield or_(
            *(
                field.icontains(text, autoescape=True)
                for field in (label, apps.c.template, apps.c.reason)
            )
        )


async def _with_cells(connection: AsyncConnection, rows: Sequence[Any]) -> tuple[AppCells, ...]:
    owned: defaultdict[int, list[CellLine]] = defaultdict(list)
    if rows:
        for row in await connection.execute(_cells_of([row.id for row in rows])):
            owned[row.app_id].append(_cell(row))
    return tuple(_app(row, owned[row.id]) for row in rows)


def _cells_of(app_ids: Sequence[int]) -> Any:
    mine = [cells.c[name] == apps.c[name] for name in _APP]
    total = select(func.max(metrics.c.value)).where(
        metrics.c.cell_id == cells.c.id, metrics.c.name == TRUE_COUNT
    )
    return (
        select(
            apps.c.id.label("app_id"),
            *(cells.c[name] for name in ("analyzer", "tool", "state", "reason", "partial")),
            _LOOKS_FOR,
            _IMPORTED,
            _last_finding(),
            total.scalar_subquery().label("total"),
        )
        .select_from(apps.join(cells, mine[0] & mine[1] & mine[2]))
        .where(apps.c.id.in_(app_ids))
        .order_by(apps.c.id, cells.c.analyzer, cells.c.tool)
    )


def _last_finding() -> Any:
    """The ordinal of the last finding of a cell: they are numbered from 0."""
    mine = select(func.max(findings.c.ordinal)).where(findings.c.cell_id == cells.c.id)
    return mine.scalar_subquery().label("last")


def _cell(row: Any) -> CellLine:
    listed = 0 if row.last is None else row.last + 1
    return CellLine(
        analyzer=AnalyzerKind(row.analyzer),
        tool=row.tool,
        state=MeasurementState(row.state),
        reason=row.reason,
        looks_for=_categories(row.looks_for),
        imported=bool(row.imported),
        findings=listed if row.total is None else int(row.total),
        partial=bool(row.partial),
    )


def _app(row: Any, owned: list[CellLine]) -> AppCells:
    analyzers = json.loads(row.analyzers) if row.analyzers else None
    return AppCells(
        position=row.ordinal,
        ref=ref_of(row),
        role=AppRole(row.role),
        template=row.template,
        analyzers=None if analyzers is None else tuple(map(AnalyzerKind, analyzers)),
        state=MeasurementState(row.state) if row.state else None,
        reason=row.reason,
        cells=tuple(owned),
    )


def _categories(text: str | None) -> tuple[Category, ...] | None:
    return tuple(map(Category, json.loads(text))) if text else None
