"""The states of all cells of a pipeline, without what the tools reported: read as a stream."""

import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any

from sqlalchemy import select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analysis import Category, MeasurementState
from contract.analyzers import AnalyzerKind
from contract.cells import ToolSeen
from contract.record import CellState
from contract.spec import AppRef
from store.tables import cells, findings

_ROWS = 5_000
_KINDS = {kind.value: kind for kind in AnalyzerKind}
_STATES = {state.value: state for state in MeasurementState}
_NOTHING: frozenset[Category] = frozenset()
_Found = Mapping[tuple[str, str], frozenset[Category]]


async def stream_states(
    connection: AsyncConnection, pipeline_id: str
) -> AsyncGenerator[list[CellState]]:
    """All cells, some apps at a time; the cells of an app come together."""
    query = (
        select(
            cells.c.target_model,
            cells.c.target_app_number,
            cells.c.analyzer,
            cells.c.tool,
            cells.c.state,
            cells.c.body["looks_for"].as_string().label("looks_for"),
            cells.c.body["imported"].as_boolean().label("imported"),
        )
        .where(cells.c.pipeline_id == pipeline_id)
        .order_by(cells.c.target_model, cells.c.target_app_number)
    )
    reading = _Reading(await _found(connection, pipeline_id))
    held: list[CellState] = []
    async for rows in (await connection.stream(query)).partitions(_ROWS):
        held += map(reading.state, rows)
        whole = [cell for cell in held if cell.ref is not held[-1].ref]
        held = held[len(whole) :]
        if whole:
            yield whole
    if held:
        yield held


async def fetch_seen(
    connection: AsyncConnection, pipeline_id: str, tools: Iterable[tuple[AnalyzerKind, str]]
) -> list[ToolSeen]:
    """What tools that have cells say of themselves.

    Only a cell of the tool itself says what it looks for: the platform writes others in its place.
    So one that was measured is asked, else any that tells it; a tool of which neither is there has
    never told.
    """
    looks_for = cells.c.body["looks_for"].as_string()
    telling = (cells.c.state == MeasurementState.MEASURED.value, looks_for.is_not(None), true())
    imported = cells.c.body["imported"].as_boolean().label("imported")
    found: list[ToolSeen] = []
    for analyzer, tool in tools:
        mine = (cells.c.analyzer == analyzer.value, cells.c.tool == tool)
        query = select(looks_for.label("looks_for"), imported)
        query = query.where(cells.c.pipeline_id == pipeline_id, *mine).limit(1)
        for each in telling:
            if (row := (await connection.execute(query.where(each))).first()) is not None:
                own = tuple(map(Category, json.loads(row.looks_for))) if row.looks_for else None
                found.append(ToolSeen(analyzer, tool, own, bool(row.imported)))
                break
    return found


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


class _Reading:
    """Makes states of rows; what many rows have in common is made once."""

    def __init__(self, found: _Found) -> None:
        self._found = found
        self._ref: AppRef | None = None
        self._looks_for: dict[str | None, tuple[Category, ...] | None] = {None: None}

    def state(self, row: Any) -> CellState:
        """The state of one cell; the cells of an app come one after another."""
        model, number, analyzer, tool, state, looks_for, imported = row
        ref = self._ref
        if ref is None or ref.app_number != number or ref.model != model:
            ref = self._ref = AppRef(model=model, app_number=number)
        if looks_for not in self._looks_for:
            self._looks_for[looks_for] = tuple(map(Category, json.loads(looks_for)))
        return CellState(
            ref,
            _KINDS[analyzer],
            tool,
            _STATES[state],
            self._looks_for[looks_for],
            self._found.get((analyzer, tool), _NOTHING),
            bool(imported),
        )
