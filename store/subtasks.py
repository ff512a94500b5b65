"""What a subtask left, put in place of what it left before."""

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analysis import MeasurementState
from contract.outcome import ToolSummary
from store.figures import TARGET, drop_figures
from store.merging import fused_beside, fused_together, replaced
from store.queries import is_imported
from store.rows import SubtaskRows
from store.tables import cells, findings, fused_findings, metrics, subtasks
from store.tally import COUNTED_OF_CELL, Changes


async def write_subtask(
    connection: AsyncConnection,
    rows: SubtaskRows,
    changes: Changes,
    role: str,
    *,
    reported: bool,
    beside: bool = False,
) -> None:
    """Put `rows` in place of what they supersede; the caller holds the lock on the app.

    With `beside` they supersede the cells of their own tools alone.
    """
    key = {"subtask_id": rows.subtask["subtask_id"]}
    await drop_figures(connection, *(rows.subtask[name] for name in TARGET))
    known = select(cells.c.tool, cells.c.state, is_imported().label("imported")).filter_by(**key)
    before: dict[str, MeasurementState] = {}
    imported: set[str] = set()
    for tool, state, of_log in await connection.execute(known):
        if not of_log or beside:
            before[tool] = MeasurementState(state)
        elif state == MeasurementState.MEASURED:
            imported.add(tool)  # no outcome of ours says anything of it
    replacement = replaced(rows, before, reported=reported)
    this = subtasks.c.subtask_id == key["subtask_id"]
    kept = {"subtask_id": rows.subtask["subtask_id"]} if beside else rows.subtask
    if (await connection.execute(update(subtasks).where(this).values(**kept))).rowcount == 0:
        await connection.execute(insert(subtasks), rows.subtask)
    superseded = replacement.gone
    if beside:
        superseded &= {cell["tool"] for cell in rows.cells}
    gone = (cells.c.subtask_id == key["subtask_id"]) & cells.c.tool.in_(superseded)
    counted = (cells.c[name] for name in COUNTED_OF_CELL)
    removed = await connection.execute(delete(cells).where(gone).returning(*counted))
    for cell in removed.mappings():
        changes.cell(role, cell, -1)
    await _insert_cells(connection, replacement.rows)
    for cell in replacement.rows.cells:
        changes.cell(role, cell)
    if reported:
        old = select(fused_findings).filter_by(**key).order_by(fused_findings.c.ordinal)
        bodies = [row.body for row in await connection.execute(old)]
        merge = fused_beside if beside else fused_together
        fused = merge(rows, bodies, replacement.measured_before | imported)
        await connection.execute(
            delete(fused_findings).where(fused_findings.c.subtask_id == key["subtask_id"])
        )
        if fused:
            await connection.execute(insert(fused_findings), [{**key, **row} for row in fused])


async def cells_now(connection: AsyncConnection, subtask_id: str) -> tuple[ToolSummary, ...]:
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


async def _insert_cells(connection: AsyncConnection, rows: SubtaskRows) -> None:
    if not rows.cells:
        return
    adding = insert(cells).returning(cells.c.id, sort_by_parameter_order=True)
    ids = (await connection.scalars(adding, rows.cells)).all()
    for table, groups in ((findings, rows.findings), (metrics, rows.metrics)):
        owned = [{"cell_id": ids[i], **row} for i, group in groups.items() for row in group]
        if owned:
            await connection.execute(insert(table), owned)
