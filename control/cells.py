"""The matrix of apps and tools of a recorded pipeline, some apps at a time."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.base import Frozen
from contract.cells import AppCells, CellLine, CellsPage, CellsQuery, ToolSeen
from contract.outcome import ALL_TOOLS
from contract.record import AppRecord, PipelineRecord
from contract.role import AppRole
from contract.spec import AppRef
from control.stored import Stored
from control.void_tools import void_tools
from reports.filling import filled, why_missing
from store.results import SqlResultStore

Tools = Mapping[AnalyzerKind, Collection[str]]
_NOT_ASKED = "this app was not to be looked at by it"


class MatrixTool(Frozen):
    """One column.

    Attributes:
        tool: `*`: no tool of this analyzer is known yet.
        void: why nothing that it measured counts, as control apps show; empty: it counts.
        looks_for_findings: whether a number of findings says something of it.
    """

    analyzer: AnalyzerKind
    tool: str
    void: str = ""
    looks_for_findings: bool = True


class MatrixCell(Frozen):
    """What is known of one tool on one app, or of all tools of an analyzer together.

    Attributes:
        tool: `*`: it stands for all columns of its analyzer.
        span: over how many columns it goes.
        state: None: nothing yet, and it may still come.
        reason: why it is not measured, or measured in part; empty: nothing is to be said.
        findings: how many there are; None: it is not measured, or its tool looks for none.
        partial: its tool looked at a part of what it was given.
        void: it was measured, and does not count: its tool is not to be believed.
    """

    analyzer: AnalyzerKind
    tool: str
    span: int = 1
    state: MeasurementState | None = None
    reason: str = ""
    findings: int | None = None
    partial: bool = False
    void: bool = False


class MatrixRow(Frozen):
    """One app.

    Attributes:
        position: its place in the plan, counted from 0.
        state: None: it has not ended.
        cells: in the order of the columns; their `span`s are as many as there are columns.
    """

    position: int
    ref: AppRef
    role: AppRole = AppRole.SUBJECT
    template: str | None = None
    state: MeasurementState | None = None
    reason: str = ""
    cells: tuple[MatrixCell, ...] = ()


class Matrix(Frozen):
    """Some apps of a pipeline in the order of its plan, with what is known of each tool.

    Attributes:
        state: of the pipeline, as the store knows it: `running`, `completed`, ...
        tools: the columns, by analyzer.
        after: where the next page begins; None: this is the last one.
        matching: apps that the filter leaves, on all pages.
    """

    pipeline_id: str
    state: str
    tools: tuple[MatrixTool, ...]
    rows: tuple[MatrixRow, ...]
    after: str | None = None
    matching: int = 0


async def matrix(stored: Stored, query: CellsQuery, known: Tools | None = None) -> Matrix:
    """The apps that are asked for, with their cells; the states are those of the report.

    Args:
        stored: has the pipeline.
        query: which apps, from which place on.
        known: tools of which somebody else knows already that they are to run, by analyzer: they
            have columns from the beginning.

    Raises:
        NotStoredError: there is no such pipeline, or no store.
        WrongInputError: the place is none.
        PlatformError: the store cannot be read.
    """
    return await stored.answered(query.pipeline_id, lambda store: _asked(store, query, known or {}))


async def _asked(store: SqlResultStore, query: CellsQuery, known: Tools) -> Matrix:
    page = await store.cells_page(query)
    void = await void_tools(store, query.pipeline_id, await store.overview(query.pipeline_id))
    columns = _columns(page, known)
    seen = {(tool.analyzer, tool.tool): tool for tool in page.tools}
    filling = _Filling(page, columns, seen, void)
    return Matrix(
        pipeline_id=query.pipeline_id,
        state=page.state,
        tools=tuple(
            MatrixTool(
                analyzer=kind,
                tool=tool,
                void=void.get((kind, tool), ""),
                looks_for_findings=filling.looks(kind, tool),
            )
            for kind, tools in columns.items()
            for tool in tools
        ),
        rows=tuple(map(filling.row, page.apps)),
        after=page.after,
        matching=page.matching,
    )


def _columns(page: CellsPage, known: Tools) -> dict[AnalyzerKind, tuple[str, ...]]:
    """Tools by analyzer, as a report has them."""
    named = {kind: set(tools) for kind, tools in known.items() if kind in page.asked}
    for tool in page.tools:
        named.setdefault(tool.analyzer, set()).add(tool.tool)
    return {
        kind: tuple(sorted(named.get(kind, set()) - {ALL_TOOLS})) or (ALL_TOOLS,)
        for kind in AnalyzerKind
        if kind in page.asked or kind in named
    }


class _Filling:
    """Makes rows without holes."""

    def __init__(
        self,
        page: CellsPage,
        columns: Mapping[AnalyzerKind, Sequence[str]],
        seen: Mapping[tuple[AnalyzerKind, str], ToolSeen],
        void: Mapping[tuple[AnalyzerKind, str], str],
    ) -> None:
        self._pipeline = PipelineRecord(pipeline_id="", state=page.state)
        self._columns = columns
        self._seen = seen
        self._void = void

    def looks(self, kind: AnalyzerKind, tool: str) -> bool:
        """Whether the tool looks for findings: as it says, else as its analyzer does."""
        seen = self._seen.get((kind, tool))
        own = seen.looks_for if seen else None
        return bool(kind.row.looks_for if own is None else own)

    def row(self, app: AppCells) -> MatrixRow:
        """The row of an app."""
        return MatrixRow(
            position=app.position,
            ref=app.ref,
            role=app.role,
            template=app.template,
            state=app.state,
            reason=app.reason,
            cells=tuple(cell for kind in self._columns for cell in self._of(app, kind)),
        )

    def _of(self, app: AppCells, kind: AnalyzerKind) -> Iterator[MatrixCell]:
        tools = self._columns[kind]
        recorded = {cell.tool: cell for cell in app.cells if cell.analyzer is kind}
        if not recorded and app.analyzers is not None and kind not in app.analyzers:
            recorded = {ALL_TOOLS: _not_asked(kind)}
        cells = filled(
            tools,
            {tool: self._known(app, cell) for tool, cell in recorded.items()},
            missing=lambda tool: self._missing(app, kind, tool),
            as_tool=lambda whole, tool: whole.model_copy(update={"tool": tool}),
        )
        for cell in cells:
            whole = cell.tool == ALL_TOOLS
            yield cell.model_copy(update={"span": len(tools)}) if whole else cell

    def _known(self, app: AppCells, cell: CellLine) -> MatrixCell:
        measured = cell.state is MeasurementState.MEASURED
        why = self._void.get((cell.analyzer, cell.tool), "") if measured else ""
        if why and app.role is not AppRole.CONTROL:
            return MatrixCell(
                analyzer=cell.analyzer,
                tool=cell.tool,
                state=MeasurementState.INFRA_FAILED,
                reason=why,
                void=True,
            )
        own = cell.looks_for
        looks = self.looks(cell.analyzer, cell.tool) if own is None else bool(own)
        counts = measured and (looks or cell.findings > 0)
        return MatrixCell(
            analyzer=cell.analyzer,
            tool=cell.tool,
            state=cell.state,
            reason=cell.reason,
            findings=cell.findings if counts else None,
            partial=counts and cell.partial,
        )

    def _missing(self, app: AppCells, kind: AnalyzerKind, tool: str) -> MatrixCell:
        seen = self._seen.get((kind, tool))
        imported = seen is not None and seen.imported
        if app.state is None and self._pipeline.state == "running" and not imported:
            return MatrixCell(analyzer=kind, tool=tool)
        ended = AppRecord(ref=app.ref, state=app.state, reason=app.reason)
        state, reason = why_missing(self._pipeline, ended, kind, imported=imported)
        return MatrixCell(analyzer=kind, tool=tool, state=state, reason=reason)


def _not_asked(kind: AnalyzerKind) -> CellLine:
    return CellLine(kind, ALL_TOOLS, MeasurementState.NOT_APPLICABLE, _NOT_ASKED)
