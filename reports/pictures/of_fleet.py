"""All pictures of one report, from the report alone: the page, files and PDF show the same ones."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from contract.analysis import MeasurementState
from contract.outcome import ALL_TOOLS
from reports.model import FleetReport
from reports.pictures.drawing import Picture
from reports.pictures.gantt import Span, gantt
from reports.pictures.latency import LatencyRow, latency_plot
from reports.pictures.of_study import of_study
from reports.pictures.states import StateRow, heat_map
from reports.summary import AppSummary, LoadSummary
from reports.tally import count_states

# More rows than these are one row per model.
_APPS_DRAWN = 400
# Load figures whose distribution is drawn, in words.
_DRAWN = {"latency_p95": "latency p95", "throughput_at_objective": "throughput at the objective"}
Matrix = Mapping[str, Mapping[str, MeasurementState]]


def pictures_of(report: FleetReport) -> Iterator[Picture]:
    """Every picture that this report has figures for; their names are unique."""
    if report.matrix:
        yield states(report)
    yield from of_study(report.study)
    yield from loads(report.apps)
    if picture := run(report):
        yield picture


def states(report: FleetReport) -> Picture:
    """What was measured: a row per app, of large fleets a row per model."""
    columns = columns_of(report.matrix)
    rows: dict[str, list[str]] = {}
    single = len(report.apps) <= _APPS_DRAWN
    for app in report.apps:
        rows.setdefault(app.ref.label if single else app.ref.model, []).append(app.ref.label)
    drawn = [StateRow(label, _fields(report.matrix, apps, columns)) for label, apps in rows.items()]
    return heat_map(columns, drawn)


def columns_of(matrix: Matrix) -> list[tuple[str, str]]:
    """Analyzer and tool of each column; one for a whole analyzer only where no tool is known."""
    names = dict.fromkeys(name for cells in matrix.values() for name in cells)
    pairs = [(analyzer, tool) for analyzer, _, tool in (name.partition("/") for name in names)]
    known = {analyzer for analyzer, tool in pairs if tool != ALL_TOOLS}
    kinds = list(dict.fromkeys(analyzer for analyzer, _ in pairs))
    kept = [pair for pair in pairs if pair[1] != ALL_TOOLS or pair[0] not in known]
    return sorted(kept, key=lambda pair: (kinds.index(pair[0]), pair[1]))


def state_at(cells: Mapping[str, MeasurementState], column: tuple[str, str]) -> MeasurementState:
    """State of one cell; one that stands for all tools of an analyzer stands for each of them."""
    analyzer, tool = column
    whole = cells.get(f"{analyzer}/{ALL_TOOLS}", MeasurementState.INFRA_FAILED)
    return cells.get(f"{analyzer}/{tool}", whole)


def _fields(matrix: Matrix, apps: Sequence[str], columns: Sequence[tuple[str, str]]):
    rows = [matrix.get(app, {}) for app in apps]
    return [count_states(state_at(cells, column) for cells in rows) for column in columns]


def loads(apps: Sequence[AppSummary]) -> Iterator[Picture]:
    """The distribution of each load figure that is drawn, for each load test that has it."""
    tools = sorted({load.tool for app in apps for load in app.load})
    for tool in tools:
        for figure, words in _DRAWN.items():
            units = [
                load.units.get(figure, "") for load in _of_tool(apps, tool) if _has(load, figure)
            ]
            if units:
                rows = list(_load_rows(apps, tool, figure))
                name = f"load-{tool}-{figure}"
                yield latency_plot(rows, f"{words} ({tool})", units[0], name=name)


def _load_rows(apps: Sequence[AppSummary], tool: str, figure: str) -> Iterator[LatencyRow]:
    for model in dict.fromkeys(app.ref.model for app in apps):
        mine = [app for app in apps if app.ref.model == model]
        values = [one.figures[figure] for one in _of_tool(mine, tool) if _has(one, figure)]
        yield LatencyRow(model, values, left_out=len(mine) - len(values))


def _of_tool(apps: Sequence[AppSummary], tool: str) -> list[LoadSummary]:
    return [load for app in apps for load in app.load if load.tool == tool]


def _has(load: LoadSummary, figure: str) -> bool:
    calm = load.state is MeasurementState.MEASURED and not load.contended
    return calm and figure in load.figures


def run(report: FleetReport) -> Picture | None:
    """When each app was analysed, controls and repeats too; None: nobody knows."""
    apps = [app for app in (*report.apps, *report.others) if app.started_at]
    if not apps:
        return None
    first = min(app.started_at for app in apps if app.started_at)
    ends = [app.finished_at or report.generated_at for app in apps]
    spans = [
        Span(app.ref.label, _since(first, app.started_at), _since(first, end), _ended(app))
        for app, end in zip(apps, ends, strict=True)
    ]
    finished = report.pipeline.finished_at
    return gantt(spans, _since(first, finished) if finished else None)


def _since(first: datetime, moment: datetime | None) -> float:
    return max(0.0, (moment - first).total_seconds()) if moment else 0.0


def _ended(app: AppSummary) -> MeasurementState | None:
    return app.state if app.finished_at else None
