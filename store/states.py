"""The states of all cells of a pipeline, without what the tools reported: read as a stream."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analysis import Category, MeasurementState
from contract.analyzers import AnalyzerKind
from contract.record import CellState
from contract.spec import AppRef
from store.tables import cells, findings

_ROWS = 5_000
_Found = Mapping[tuple[str, str], frozenset[Category]]


async def stream_states(
    connection: AsyncConnection, pipeline_id: str
) -> AsyncGenerator[list[CellState]]:
    """All cells, some apps at a time; the cells of an app come together."""
    found = await _found(connection, pipeline_id)
    query = (
        select(
            cells.c.target_model,
            cells.c.target_app_number,
            cells.c.analyzer,
            cells.c.tool,
            cells.c.state,
            cells.c.body["looks_for"].label("looks_for"),
            cells.c.body["imported"].as_boolean().label("imported"),
        )
        .where(cells.c.pipeline_id == pipeline_id)
        .order_by(cells.c.target_model, cells.c.target_app_number)
    )
    held: list[CellState] = []
    async for rows in (await connection.stream(query)).partitions(_ROWS):
        held += [_state(row, found) for row in rows]
        last = held[-1].ref
        whole = [cell for cell in held if cell.ref != last]
        held = [cell for cell in held if cell.ref == last]
        if whole:
            yield whole
    if held:
        yield held


async def _found(connection: AsyncConnection, pipeline_id: str) -> _Found:
    """Categories of all findings of each tool."""
    query = (
        select(cells.c.analyzer, cells.c.tool, findings.c.category)
        .join(findings, findings.c.cell_id == cells.c.id)
        .where(cells.c.pipeline_id == pipeline_id)
        .distinct()
    )
    groups: defaultdict[tuple[str, str], set[Category]] = defaultdict(set)
    for analyzer, tool, category in await connection.execute(query):
        groups[analyzer, tool].add(Category(category))
    return {key: frozenset(categories) for key, categories in groups.items()}


def _state(row: Row[Any], found: _Found) -> CellState:
    looks_for = row.looks_for
    return CellState(
        ref=AppRef(model=row.target_model, app_number=row.target_app_number),
        analyzer=AnalyzerKind(row.analyzer),
        tool=row.tool,
        state=MeasurementState(row.state),
        looks_for=None if looks_for is None else tuple(map(Category, looks_for)),
        found=found.get((row.analyzer, row.tool), frozenset()),
        imported=bool(row.imported),
    )
