"""The report as its page shows it: the matrix as a grid, the tables as columns."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from contract.analysis import ArtifactRef, Category, Finding, MeasurementState, Severity
from contract.analyzers import AnalyzerKind
from contract.outcome import ALL_TOOLS
from reports.counts import FindingTally
from reports.formats import METRIC_LABELS, witnesses
from reports.model import AppReport, CellReport, FleetReport, LoadFigures
from reports.names import CSV_NAME, github_sarif_name, log_name, sarif_name
from reports.parts import ModelLoad, ModelReport
from reports.speed import SUMMARISED

# What to know about a row's figures; alone they make no row.
_FLAGS = ("censored", "contended")
# Apps that stand open at first, and apps whose details are parsed before somebody opens them.
_OPEN_APPS, _APPS_IN_DOM = 8, 24
# Tools beside one another that can still be read on a portrait A4.
WIDEST_MATRIX = 40
Columns = dict[AnalyzerKind, list[str]]


@dataclass(frozen=True, slots=True)
class GridCell:
    """One field of the matrix; `span` columns wide where one cell stands for a whole analyzer."""

    cell: CellReport
    span: int

    @property
    def is_part(self) -> bool:
        """Whether its tool looked at a part of what it was given."""
        return self.text is not None and bool(self.cell.not_looked_at)

    @property
    def text(self) -> str | None:
        """The number to show; None: there is none."""
        number = self.cell.finding_count
        return None if number is None else f"{number:,}"


@dataclass(frozen=True, slots=True)
class AppView:
    """One app with its cells and as many of its findings as fit the page.

    Attributes:
        grids: its row in each block of the matrix.
        sarif: names of its SARIF files beside the page.
        logs: each of its logs with the name of its file beside the page; empty: there is none.
    """

    app: AppReport
    anchor: str
    cells: tuple[CellReport, ...]
    grids: tuple[tuple[GridCell, ...], ...]
    findings: tuple[Finding, ...]
    left_out: int
    sarif: tuple[str, ...]
    logs: tuple[tuple[ArtifactRef, str], ...]

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
        """Metrics of the load table, then its flags; only those that a tool measured."""
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


@dataclass(frozen=True, slots=True)
class LoadTable:
    """What one load test says of each model."""

    tool: str
    rows: tuple[tuple[str, ModelLoad], ...]

    @property
    def columns(self) -> list[str]:
        """Metrics of the table; throughput at an objective replaces throughput at any load."""
        present = {name for _, load in self.rows for name in load.figures}
        if "throughput_at_objective" in present:
            present.discard("throughput")
        return [name for name in SUMMARISED if name in present]


class FleetView:
    """The report as the page's template walks through it."""

    def __init__(
        self,
        report: FleetReport,
        apps: Sequence[AppReport],
        findings_cap: int,
        beside: Collection[str],
    ) -> None:
        self.states = tuple(MeasurementState)
        self.severities = tuple(Severity)
        self.blocks = in_blocks(_columns([cell for app in apps for cell in app.cells]))
        self.open_apps = len(report.apps) <= _OPEN_APPS
        self.lazy = len(report.apps) > _APPS_IN_DOM
        self.has_csv = CSV_NAME in beside
        self.security = security_of(report.totals.findings)
        self.security_of = security_of
        self.rates = [rate for rate in report.totals.rates if rate.bounds or rate.name != "runs"]
        self.rate_names = {rate.name for rate in self.rates}
        self.left_out = tuple(dict.fromkeys(name for r in self.rates for name in r.left_out))
        self.load = _load_tables(report.models)
        self.models: defaultdict[str, list[AppView]] = defaultdict(list)
        for index, app in enumerate(apps):
            shown = AppView(
                app=app,
                anchor=f"app-{index}",
                cells=app.cells,
                grids=tuple(_grid(app.cells, block) for block in self.blocks),
                findings=tuple(weakness.finding for weakness in app.weaknesses[:findings_cap]),
                left_out=max(0, len(app.weaknesses) - findings_cap),
                sarif=tuple(name for name in _sarif_names(app) if name in beside),
                logs=_logs(app, beside),
            )
            self.models[app.ref.model].append(shown)


def security_of(tallies: Sequence[FindingTally]) -> FindingTally | None:
    """The tally of security findings among several."""
    return next((found for found in tallies if found.category is Category.SECURITY), None)


def _columns(cells: Sequence[CellReport]) -> Columns:
    columns: dict[AnalyzerKind, dict[str, None]] = {}
    for cell in cells:
        columns.setdefault(cell.analyzer, {})[cell.tool] = None
    return {
        kind: [tool for tool in columns[kind] if tool != ALL_TOOLS] or [ALL_TOOLS]
        for kind in AnalyzerKind
        if kind in columns
    }


def in_blocks(columns: Columns) -> tuple[Columns, ...]:
    """The columns as tables that fit on paper, split between analyzers if that is possible."""
    blocks: list[Columns] = [{}]
    for kind, tools in columns.items():
        for start in range(0, len(tools), WIDEST_MATRIX):
            part = tools[start : start + WIDEST_MATRIX]
            if sum(map(len, blocks[-1].values())) + len(part) > WIDEST_MATRIX:
                blocks.append({})
            blocks[-1][kind] = part
    return tuple(block for block in blocks if block)


def _grid(cells: Sequence[CellReport], columns: Columns) -> tuple[GridCell, ...]:
    found = {(cell.analyzer, cell.tool): cell for cell in cells}
    grid: list[GridCell] = []
    for kind, tools in columns.items():
        if whole := found.get((kind, ALL_TOOLS)):
            grid.append(GridCell(whole, len(tools)))
        else:
            grid += [GridCell(found[kind, tool], 1) for tool in tools]
    return tuple(grid)


def _load_tables(models: Sequence[ModelReport]) -> tuple[LoadTable, ...]:
    """A table per load test, the models beneath one another."""
    tools = dict.fromkeys(load.tool for model in models for load in model.load)
    rows = {
        tool: tuple(
            (model.model, load) for model in models for load in model.load if load.tool == tool
        )
        for tool in tools
    }
    return tuple(
        LoadTable(tool, mine) for tool, mine in rows.items() if any(r.figures for _, r in mine)
    )


def _sarif_names(app: AppReport) -> tuple[str, str]:
    return sarif_name(app.ref), github_sarif_name(app.ref)


def _logs(app: AppReport, beside: Collection[str]) -> tuple[tuple[ArtifactRef, str], ...]:
    """Each log with its file beside the page; an empty name where there is none."""
    names = ((log, log_name(app.ref, at, log)) for at, log in enumerate(app.facts.logs))
    return tuple((log, name if name in beside else "") for log, name in names)
