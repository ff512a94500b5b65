"""What the store hands to reports: a pipeline as plain, typed values."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from contract.analysis import ArtifactRef, Category, Finding, MeasurementState, ToolReport
from contract.analyzers import AnalyzerKind
from contract.base import Frozen
from contract.control import AnswerSheet
from contract.outcome import AppFacts
from contract.spec import AppRef, AppRole, PlannedApp, SourceRef
from contract.template import TemplateSpec

FINISHED_STATES = frozenset({"completed", "cancelled", "failed"})
"""States of a pipeline that has ended."""


class CellRecord(Frozen):
    """One (app, tool) cell as recorded: what the tool reported, of which app, and what it took.

    Attributes:
        report: what the tool measured, or why it did not.
        artifact: result archive of its analyzer; None when nothing came back.
        attempts: how many attempts its analyzer took.
        tool_seconds: time it took for this report, none if the report is an earlier one that was
            used again; then `saved_seconds` is the time that it took at first. `wasted_seconds`:
            its share of what its analyzer did on this app and threw away.
    """

    ref: AppRef
    analyzer: AnalyzerKind
    report: ToolReport
    artifact: ArtifactRef | None = None
    attempts: int = 1
    tool_seconds: float = 0.0
    wasted_seconds: float = 0.0
    saved_seconds: float = 0.0

    @property
    def tool(self) -> str:
        """The tool; `*` where the analyzer never told its tools."""
        return self.report.tool

    @property
    def state(self) -> MeasurementState:
        """Whether it was measured, or who is at fault that it was not."""
        return self.report.state

    @property
    def name(self) -> str:
        """`static/bandit`: names the cell among those of its app."""
        return f"{self.analyzer}/{self.tool}"

    @property
    def identity(self) -> tuple[str, ...]:
        """What tells it apart from what an earlier or a later run recorded."""
        archive = self.artifact.sha256 if self.artifact else ""
        return self.analyzer.value, self.tool, self.state.value, archive


class CellState(NamedTuple):
    """The state of one cell, without what its tool reported: there may be a million of them.

    Attributes:
        looks_for: as its report says.
        found: categories of findings of its tool, on this app or on any.
        imported: as its report says.
    """

    ref: AppRef
    analyzer: AnalyzerKind
    tool: str
    state: MeasurementState
    looks_for: tuple[Category, ...] | None = None
    found: frozenset[Category] = frozenset()
    imported: bool = False

    @property
    def name(self) -> str:
        """`static/bandit`, as that of the cell."""
        return f"{self.analyzer}/{self.tool}"

    @classmethod
    def of(cls, cell: CellRecord) -> "CellState":
        """The state of `cell`."""
        report = cell.report
        found = frozenset(finding.category for finding in report.findings)
        state = (cell.ref, cell.analyzer, cell.tool, cell.state)
        return cls(*state, report.looks_for, found, report.imported)


class FusedRecord(Frozen):
    """Findings of one analyzer on one app after fusion: one per weakness, with its witnesses."""

    ref: AppRef
    analyzer: AnalyzerKind
    findings: tuple[Finding, ...] = ()


class AppRecord(Frozen):
    """One app of a pipeline.

    Attributes:
        template, source, role, analyzers, sheet: as the plan names them, see `PlannedApp`.
        state: None while it is not finished.
    """

    ref: AppRef
    template: str | None = None
    source: SourceRef = SourceRef(path="", digest="")
    role: AppRole = AppRole.SUBJECT
    analyzers: tuple[AnalyzerKind, ...] | None = None
    sheet: AnswerSheet | None = None
    state: MeasurementState | None = None
    reason: str = ""
    facts: AppFacts = AppFacts()

    @property
    def planned(self) -> PlannedApp:
        """The app as its plan names it."""
        return PlannedApp(
            ref=self.ref,
            source=self.source,
            template=self.template,
            role=self.role,
            analyzers=self.analyzers,
            sheet=self.sheet,
        )


Revision = frozenset[tuple[str, ...]]
"""Which record of an app somebody read: another one when its state or a cell is another."""


def revision_of(state: MeasurementState | None, cells: Iterable[tuple[str, ...]]) -> Revision:
    """The revision of an app's record.

    Args:
        state: of the app; None: it has not ended.
        cells: analyzer, tool, state and digest of the result archive (or nothing) of each cell.
    """
    return frozenset({(state or "",), *cells})


class PipelineRecord(Frozen):
    """Everything recorded of one pipeline.

    Attributes:
        state: `running`, `completed`, `cancelled`, `failed`.
        detail: free-form facts of the run (host, parallelism, restarts, wasted work).
        templates: those that its apps name.
    """

    pipeline_id: str
    state: str
    spec: dict[str, Any] = {}
    detail: dict[str, Any] = {}
    templates: dict[str, TemplateSpec] = {}
    created_at: datetime | None = None
    finished_at: datetime | None = None
    apps: tuple[AppRecord, ...] = ()
    cells: tuple[CellRecord, ...] = ()
    fused: tuple[FusedRecord, ...] = ()

    def revisions(self) -> dict[AppRef, Revision]:
        """Of the record of each app that has ended."""
        cells = by_app(self.cells)
        return {
            app.ref: revision_of(app.state, (cell.identity for cell in cells.get(app.ref, ())))
            for app in self.apps
            if app.state is not None
        }


class PipelineHead(NamedTuple):
    """One pipeline without its apps: there may be many thousands of them."""

    pipeline_id: str
    state: str
    created_at: datetime
    finished_at: datetime | None
    started_by: str


class PipelineListing(Frozen):
    """One pipeline in one line.

    Attributes:
        started_by: who submitted it first; empty: nobody said it.
        apps: how many subjects it has; `counts` says how many of them ended in each state.
        beside: how many apps it has in other roles.
    """

    pipeline_id: str
    state: str
    created_at: datetime
    finished_at: datetime | None = None
    started_by: str = ""
    apps: int = 0
    counts: dict[MeasurementState, int] = {}
    beside: dict[AppRole, int] = {}


class OfApp(Protocol):
    """Something that belongs to one app."""

    @property
    def ref(self) -> AppRef:
        """The app."""
        ...


Item = TypeVar("Item", bound=OfApp)


def by_app(items: Iterable[Item]) -> dict[AppRef, list[Item]]:
    """`items` grouped by the app that they belong to, apps and items in their order."""
    groups: dict[AppRef, list[Item]] = {}
    for item in items:
        groups.setdefault(item.ref, []).append(item)
    return groups
