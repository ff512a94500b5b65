"""Many apps recorded at once, for imports: rows are made first, then each table is written whole.

Only for apps of which nothing is recorded: what one by one would be merged is refused.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import JSON, Table, bindparam, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.errors import ErrorCode, PlatformError
from contract.journal import RecordedApp
from contract.spec import AppRef
from store.columns import dump_json
from store.figure_tables import app_figures
from store.figures import figures_row
from store.figures_made import app_columns, written_tools
from store.loading import ref_of
from store.rows import Row, ended_columns, subtask_rows
from store.tables import (
    SEVERITIES,
    apps,
    cells,
    findings,
    fused_findings,
    metrics,
    subtasks,
    weakness_tools,
    weaknesses,
)
from store.tally import Changes, hold
from store.weaknesses import body_of, counts_of, tool_rows, weakness_rows

_ORDER = (subtasks, cells, findings, metrics, fused_findings, weaknesses, weakness_tools)
PreparedRows = dict[Table, list[Row]]
"""Rows by table."""
_TOOLS = "tools"  # of a row of figures that lacks what is known of the app alone


def prepared(recorded: Sequence[RecordedApp]) -> PreparedRows:
    """The rows of these apps, JSON written; pure, so that a thread may do it.

    The ID of an app is its place among them, and that of a cell its place among all cells.
    """
    rows: PreparedRows = defaultdict(list)
    for place, app in enumerate(recorded):
        _add(rows, app, place)
    for table, made in rows.items():
        for name in _jsons(table) & set(made[0] if made else ()):
            for row in made:
                row[name] = None if row[name] is None else dump_json(row[name])
    return rows


async def record_new(
    connection: AsyncConnection,
    pipeline_id: str,
    recorded: Sequence[RecordedApp],
    rows: PreparedRows,
) -> None:
    """Write these apps of a pipeline, which are registered and have neither cells nor weaknesses.

    Args:
        connection: in a transaction of its own.
        pipeline_id: of the pipeline.
        recorded: the apps.
        rows: as `prepared` made them, for this call alone.

    Raises:
        PlatformError: FAILED_PRECONDITION: one of them is not registered, or recorded already.
    """
    await hold(connection, pipeline_id)
    known = await _registered(connection, pipeline_id, [app.spec.ref for app in recorded])
    ids = [known[app.spec.ref].id for app in recorded]
    first = await free_ids(connection, cells, len(rows[cells]))
    for place, row in enumerate(rows[cells]):
        row["id"] = first + place
    for table in (findings, metrics):
        for row in rows[table]:
            row["cell_id"] += first
    for table in (weaknesses, weakness_tools):
        for row in rows[table]:
            row["app_id"] = ids[row["app_id"]]
    for table in _ORDER:
        await _insert(connection, table, rows[table])
    ended = [_ended(app, known[app.spec.ref]) for app in recorded]
    if ended:
        await connection.execute(update(apps).where(apps.c.id == bindparam("row_id")), ended)
    changes = Changes(pipeline_id)
    roles = {(ref.model, ref.app_number): row.role for ref, row in known.items()}
    for row in rows[cells]:
        changes.cell(roles[row["target_model"], row["target_app_number"]], row)
    for app, now in zip(recorded, ended, strict=True):
        before = dict(known[app.spec.ref]._mapping)
        changes.app(before, before | now)
    figures = [
        _figures(pipeline_id, known[app.spec.ref], now, row[_TOOLS])
        for app, now, row in zip(recorded, ended, rows[app_figures], strict=True)
    ]
    await _insert(connection, app_figures, figures)
    await changes.write(connection)


async def _registered(
    connection: AsyncConnection, pipeline_id: str, refs: Sequence[AppRef]
) -> dict[AppRef, Any]:
    mine = apps.c.pipeline_id == pipeline_id
    named = apps.c.target_model.in_({ref.model for ref in refs})
    numbered = apps.c.target_app_number.in_({ref.app_number for ref in refs})
    found = await connection.execute(select(apps).where(mine, named, numbered).with_for_update())
    known = {ref_of(row): row for row in found}
    ids = [known[ref].id for ref in refs if ref in known]
    begun = select(subtasks.c.subtask_id).join(
        apps,
        (apps.c.pipeline_id == subtasks.c.pipeline_id)
        & (apps.c.target_model == subtasks.c.target_model)
        & (apps.c.target_app_number == subtasks.c.target_app_number),
    )
    first = await connection.scalar(begun.where(apps.c.id.in_(ids)).limit(1))
    listed = (ref.label for ref in refs if ref in known and known[ref].weaknesses is not None)
    first = first or next(listed, None)
    if len(ids) < len(refs) or first is not None:
        message = f"{first} is recorded already" if first else "register the pipeline first"
        raise PlatformError(ErrorCode.FAILED_PRECONDITION, message)
    return known


async def free_ids(connection: AsyncConnection, table: Table, count: int) -> int:
    """First of so many free IDs in a row; the caller's transaction keeps others out."""
    if connection.dialect.name == "postgresql":
        # Others take IDs from the same sequence meanwhile: the whole range is taken out of it.
        await connection.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))
        sequence = f"{table.name}_id_seq"
        first = int(await connection.scalar(text(f"SELECT nextval('{sequence}')")) or 1)
        moved = text(f"SELECT setval('{sequence}', :last)")
        await connection.execute(moved, {"last": first + count})
        return first
    return int(await connection.scalar(select(func.max(table.c.id))) or 0) + 1


def _figures(pipeline_id: str, registered: Any, ended: Row, tools: Mapping[str, Row]) -> Row:
    key = (registered.target_model, registered.target_app_number)
    figures = {"role": registered.role, **app_columns(ended["body"], tools)}
    return figures_row(pipeline_id, key, figures)


def _add(rows: PreparedRows, app: RecordedApp, place: int) -> None:
    """The rows of one app."""
    tools: dict[str, Row] = {}
    rows[app_figures].append({_TOOLS: tools})
    for outcome, report in app.subtasks:
        made = subtask_rows(app.spec, outcome, report)
        tools |= written_tools(made)
        first = len(rows[cells])
        rows[subtasks].append(made.subtask)
        rows[cells] += made.cells
        for table, groups in ((findings, made.findings), (metrics, made.metrics)):
            rows[table] += [
                {"cell_id": first + place, **row} for place, of in groups.items() for row in of
            ]
        rows[fused_findings] += [{"subtask_id": outcome.subtask_id, **row} for row in made.fused]
    if app.weaknesses is not None:
        bodies = list(map(body_of, app.weaknesses))
        of_app = (place, app.spec.role.value, app.spec.pipeline_id, app.spec.ref)
        listed = weakness_rows(*of_app, app.weaknesses, bodies)
        rows[weaknesses] += listed
        rows[weakness_tools] += tool_rows(listed, app.weaknesses)


def _ended(app: RecordedApp, registered: Any) -> Row:
    """The row of the app as it is then."""
    names = ("state", "reason", "body", "weaknesses", *SEVERITIES)
    row: Row = {name: getattr(registered, name) for name in names} | {"row_id": registered.id}
    if app.weaknesses is not None:
        row |= counts_of(app.weaknesses)
    if app.outcome is not None:
        row |= ended_columns(registered.body, app.outcome)
    return row


async def write_rows(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that all have the same columns, as fast as the database takes them."""
    jsons = _jsons(table)
    written = [
        {
            name: dump_json(value) if name in jsons and value is not None else value
            for name, value in row.items()
        }
        for row in rows
    ]
    await _insert(connection, table, written)


async def _insert(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    if not rows:
        return
    names = [name for name in rows[0] if name in table.c]
    values = list(map(itemgetter(*names), rows))
    raw = await connection.get_raw_connection()
    if connection.dialect.name == "postgresql":
        driver: Any = raw.driver_connection
        await driver.copy_records_to_table(table.name, records=values, columns=names)
        return
    marks = ", ".join("?" * len(names))
    columns = ", ".join(names)
    await connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({columns}) VALUES ({marks})",  # noqa: S608 (our own names)
        values,
    )


def _jsons(table: Table) -> frozenset[str]:
    """Its JSON columns that always have a value, or SQL's NULL."""
    return frozenset(column.name for column in table.c if isinstance(column.type, JSON))
