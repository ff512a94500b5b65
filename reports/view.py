"""What the page needs beside the report itself: the matrix as a grid, the tables as columns."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from contract.analysis import Category, Finding, MeasurementState, Severity
from contract.outcome import ALL_TOOLS
from contract.spec import AnalyzerKind
from reports.formats import METRIC_LABELS, witnesses
from reports.model import AppReport, CellReport, FindingTally, FleetReport, LoadFigures

# What to know about a row's figures; alone they make no row.
_FLAGS = ("censored", "contended")


@dataclass(frozen=True, slots=True)
class GridCell:
    """One field of the matrix; `span` columns wide where one cell stands for a whole analyzer."""

    cell: CellReport
    span: int

    @property
    def is_part(self) -> bool:
        """Whether its tool did not look at all it was given."""
        return self.text is not None and bool(self.cell.not_looked_at)

    @property
    def text(self) -> str | None:
        """The number to show; None where there is none to show."""
        number = self.cell.finding_count
        return None if number is None else f"{number:,}"


@dataclass(frozen=True, slots=True)
class AppView:
    """One app with its cells and what of its findings fits the page."""

    app: AppReport
    anchor: str
    cells: tuple[CellReport, ...]
    grid: tuple[GridCell, ...]
    findings: tuple[Finding, ...]
    left_out: int

    @property
    def notes_first(self) -> bool:
        """Whether its notes stand beside the reason: they may be why it failed."""
        measured = (MeasurementState.MEASURED, MeasurementState.NOT_APPLICABLE)
        return bool(self.app.reason) and self.app.state not in measured

    @property
    def security(self) -> FindingTally | None:
        """Its security findings, counted."""
        return security_of(self.app.findings)

    @property
    def load_columns(self) -> list[str]:
        """Metrics of the load table, then its flags; only those that somebody measured."""
        present = {name for row in self.load_rows for name in row.figures}
        return [name for name in (*METRIC_LABELS, *_FLAGS) if name in present]

    @property
    def load_rows(self) -> list[LoadFigures]:
        """Load figures of operations."""
        return [row for row in self.app.load if row.figures.keys() & METRIC_LABELS.keys()]

    @property
    def load_context(self) -> list[LoadFigures]:
        """Figures of the host and its calibration during the load test."""
        return [row for row in self.app.load if row not in self.load_rows]

    @property
    def severities(self) -> list[Severity]:
        """Severities among the shown findings, for the filter."""
        return [level for level in Severity if any(f.severity is level for f in self.findings)]

    @property
    def tools(self) -> list[str]:
        """Tools among the shown findings, for the filter."""
        return sorted({name for f in self.findings for name in witnesses(f).split(", ")})


class FleetView:
    """The report as the page's template walks through it."""

    def __init__(self, report: FleetReport, findings_cap: int) -> None:
        self.states = tuple(MeasurementState)
        self.severities = tuple(Severity)
        self.columns = _columns(report.cells)
        self.open_apps = len(report.apps) <= 8
        self.security = security_of(report.totals.findings)
        self.security_of = security_of
        self.rates = [rate for rate in report.totals.rates if rate.bounds or rate.name != "runs"]
        self.rate_names = {rate.name for rate in self.rates}
        self.left_out = tuple(dict.fromkeys(name for r in self.rates for name in r.left_out))
        cells_of: defaultdict[tuple[str, int], list[CellReport]] = defaultdict(list)
        for cell in report.cells:
            cells_of[cell.model, cell.app_number].append(cell)
        self.apps = tuple(
            AppView(
                app=app,
                anchor=f"app-{index}",
                cells=tuple(cells_of[app.model, app.app_number]),
                grid=_grid(cells_of[app.model, app.app_number], self.columns),
                findings=app.weaknesses[:findings_cap],
                left_out=max(0, len(app.weaknesses) - findings_cap),
            )
            for index, app in enumerate(report.apps)
        )


def security_of(tallies: Sequence[FindingTally]) -> FindingTally | None:
    """The tally of security findings among several."""
    return next((found for found in tallies if found.category is Category.SECURITY), None)


def _columns(cells: Sequence[CellReport]) -> dict[AnalyzerKind, list[str]]:
    columns: dict[AnalyzerKind, dict[str, None]] = {}
    for cell in cells:
        columns.setdefault(cell.analyzer, {})[cell.tool] = None
    return {
        kind: [tool for tool in columns[kind] if tool != ALL_TOOLS] or [ALL_TOOLS]
        for kind in AnalyzerKind
        if kind in columns
    }


def _grid(
    cells: Sequence[CellReport], columns: dict[AnalyzerKind, list[str]]
) -> tuple[GridCell, ...]:
    found = {(cell.analyzer, cell.tool): cell for cell in cells}
    grid: list[GridCell] = []
    for kind, tools in columns.items():
        if whole := found.get((kind, ALL_TOOLS)):
            grid.append(GridCell(whole, len(tools)))
        else:
            grid += [GridCell(found[kind, tool], 1) for tool in tools]
    return tuple(grid)
