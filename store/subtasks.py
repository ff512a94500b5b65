"""What a subtask left, put in place of what it left before."""

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analysis import MeasurementState
from contract.outcome import ToolSummary
from store.figures import TARGET, drop_figures
from store.merging import fused_beside, fused_together, replaced
from store.queries import is_imported
from store.rows import Row, SubtaskRows
from store.tables import cells, findings, fused_findings, metrics, subtasks
from store.tally import COUNTED_OF_CELL, Changes, inserting


async def write_subtask(
    connection: AsyncConnection,
    rows: SubtaskRows,
    changes: Changes,
    role: str,
    *,
    reported: bool,
    beside: bool = False,
) -> tuple[ToolSummary, ...]:
    """Put `rows` in place of what they supersede; the caller holds the lock on the app.

    With `beside` they supersede the cells of their own tools alone. Answers with all cells of the
    subtask now.
    """
    await drop_figures(connection, *(rows.subtask[name] for name in TARGET))
    adding = inserting(connection, subtasks).values(**rows.subtask).on_conflict_do_nothing()
    merge = fused_beside if beside else fused_together
    if (await connection.execute(adding)).rowcount > 0:
        fused = merge(rows, (), frozenset()) if reported else []
        return await _write_first(connection, rows, fused, changes, role, reported=reported)
    key = {"subtask_id": rows.subtask["subtask_id"]}
    before, imported = await _states(connection, key, beside=beside)
    replacement = replaced(rows, before, reported=reported)
    if not beside:
        this = subtasks.c.subtask_id == key["subtask_id"]
        await connection.execute(update(subtasks).where(this).values(**rows.subtask))
    superseded = replacement.gone
    if beside:
        superseded &= {cell["tool"] for cell in rows.cells}
    gone = (cells.c.subtask_id == key["subtask_id"]) & cells.c.tool.in_(superseded)
    counted = (cells.c[name] for name in COUNTED_OF_CELL)
    removed = await connection.execute(delete(cells).where(gone).returning(*counted))
    for cell in removed.mappings():
        changes.cell(role, cell, -1)
    await _insert_cells(connection, replacement.rows, changes, role)
    if reported:
        old = select(fused_findings).filter_by(**key).order_by(fused_findings.c.ordinal)
        bodies = [row.body for row in await connection.execute(old)]
        fused = merge(rows, bodies, replacement.measured_before | imported)
        await connection.execute(
            delete(fused_findings).where(fused_findings.c.subtask_id == key["subtask_id"])
        )
        await _insert_fused(connection, key, fused)
    return await _cells_now(connection, key["subtask_id"])


async def _write_first(
    connection: AsyncConnection,
    rows: SubtaskRows,
    fused: list[Row],
    changes: Changes,
    role: str,
    *,
    reported: bool,
) -> tuple[ToolSummary, ...]:
    """Write the cells of a subtask that was not there: nothing has to be looked for."""
    written = replaced(rows, {}, reported=reported).rows
    await _insert_cells(connection, written, changes, role)
    await _insert_fused(connection, {"subtask_id": rows.subtask["subtask_id"]}, fused)
    return tuple(
        ToolSummary(
            tool=cell["tool"],
            state=cell["state"],
            reason=cell["reason"],
            lacks_source=bool(cell["body"].get("lacks_source")),
        )
        for cell in written.cells
    )


async def _states(
    connection: AsyncConnection, key: Row, *, beside: bool
) -> tuple[dict[str, MeasurementState], set[str]]:
    """The cells that rows may supersede, and tools measured elsewhere, whose cells they may not."""
    known = select(cells.c.tool, cells.c.state, is_imported().label("imported")).filter_by(**key)
    before: dict[str, MeasurementState] = {}
    imported: set[str] = set()
    for tool, state, of_log in await connection.execute(known):
        if not of_log or beside:
            before[tool] = MeasurementState(state)
        elif state == MeasurementState.MEASURED:
            imported.add(tool)  # no outcome of ours says anything of it
    return before, imported


async def _cells_now(connection: AsyncConnection, subtask_id: str) -> tuple[ToolSummary, ...]:
    """All cells of the subtask."""
    columns = select(
        cells.c.tool,
        cells.c.state,
        cells.c.reason,
        cells.c.body["lacks_source"].as_boolean().label("lacks_source"),
    )
    mine = columns.where(cells.c.subtask_id == subtask_id).order_by(cells.c.id)
    found = await connection.execute(mine)
    return tuple(
        ToolSummary(
            tool=row.tool,
            state=row.state,
            reason=row.reason,
            lacks_source=bool(row.lacks_source),
        )
        for row in found
    )


async def _insert_cells(
    connection: AsyncConnection, rows: SubtaskRows, changes: Changes, role: str
) -> None:
    if not rows.cells:
        return
    for cell in rows.cells:
        changes.cell(role, cell)
    adding = insert(cells).returning(cells.c.id, sort_by_parameter_order=True)
    ids = (await connection.scalars(adding, rows.cells)).all()
    for table, groups in ((findings, rows.findings), (metrics, rows.metrics)):
        owned = [{"cell_id": ids[i], **row} for i, group in groups.items() for row in group]
        if owned:
            await connection.execute(insert(table), owned)


async def _insert_fused(connection: AsyncConnection, key: Row, fused: list[Row]) -> None:
    if fused:
        await connection.execute(insert(fused_findings), [{**key, **row} for row in fused])
