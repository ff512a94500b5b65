"""How fast a model's apps are: medians over those that were measured in calm, and no others."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median

from contract.analysis import MeasurementState, Metric
from contract.outcome import ALL_TOOLS
from reports.effort import is_contended
from reports.figures import is_load_test
from reports.model import CellReport
from reports.parts import MedianFigure, ModelLoad
from reports.summary import AppSummary, LoadSummary
from reports.tally import count_states

SUMMARISED = (
    "throughput_at_objective",
    "throughput",
    "latency_p50",
    "latency_p95",
    "latency_p99",
    "error_ratio",
    "app_memory_max",
    "lighthouse_performance",
    "first_contentful_paint",
    "largest_contentful_paint",
    "total_blocking_time",
)
"""Figures that can be held against those of another app: rates and times, no counts of requests."""
# What an app's services use, it uses; what its operations take is different for each of them.
_SUMMED = frozenset({"app_memory_max"})
# The only figure that ends where the load ended instead of the app.
_CENSORED = "throughput_at_objective"


def load_of(cells: Sequence[CellReport], tools: Iterable[str]) -> tuple[LoadSummary, ...]:
    """What each of these load tests measured of one app; none that was not to measure it."""
    mine = [cell for cell in cells if is_load_test(cell)]
    found = ((tool, _cell_of(tool, mine)) for tool in tools)
    return tuple(_summary(tool, cell) for tool, cell in found if cell is not None)


def _cell_of(tool: str, cells: Iterable[CellReport]) -> CellReport | None:
    """The cell of this tool; where one stands for all tools, that one."""
    return next((cell for cell in cells if cell.tool in (tool, ALL_TOOLS)), None)


def _summary(tool: str, cell: CellReport) -> LoadSummary:
    figures: dict[str, float] = {}
    units: dict[str, str] = {}
    ceilings: dict[str, float | None] = {}
    for name in SUMMARISED if cell.state is MeasurementState.MEASURED else ():
        if metrics := _metrics(name, cell):
            reduced = sum if name in _SUMMED else median
            figures[name] = reduced([metric.value for metric in metrics])
            units[name] = metrics[0].unit
            most = median(_endless(cell, metrics)) if name == _CENSORED else figures[name]
            if most != figures[name]:
                ceilings[name] = None if math.isinf(most) else most
    return LoadSummary(
        tool=tool,
        state=cell.state,
        contended=is_contended(cell),
        figures=figures,
        units=units,
        ceilings=ceilings,
    )


def load_by_tool(apps: Sequence[AppSummary], tools: Iterable[str]) -> tuple[ModelLoad, ...]:
    """One entry per load test, also where it measured none of these apps.

    Args:
        apps: those of one model.
        tools: load tests of the fleet.
    """
    every = [load for app in apps for load in app.load]
    return tuple(_load(tool, [load for load in every if load.tool == tool]) for tool in tools)


def _load(tool: str, loads: Sequence[LoadSummary]) -> ModelLoad:
    measured = [load for load in loads if load.state is MeasurementState.MEASURED]
    calm = [load for load in measured if not load.contended]
    figures = {name: _figure(name, calm) for name in SUMMARISED}
    return ModelLoad(
        tool=tool,
        cells=count_states(load.state for load in loads),
        contended=len(measured) - len(calm),
        figures={name: figure for name, figure in figures.items() if figure is not None},
    )


def _figure(name: str, loads: Iterable[LoadSummary]) -> MedianFigure | None:
    found = [load for load in loads if name in load.figures]
    if not found:
        return None
    values = [load.figures[name] for load in found]
    middle = median(values)
    # If all that was cut short had lasted for ever: a median that stays is the median.
    endless = median([_ceiling(name, load) for load in found])
    return MedianFigure(
        median=middle,
        low=min(values),
        high=max(values),
        apps=len(values),
        unit=found[0].units[name],
        at_least=endless != middle,
    )


def _ceiling(name: str, load: LoadSummary) -> float:
    most = load.ceilings.get(name, load.figures[name])
    return math.inf if most is None else most


def _metrics(name: str, cell: CellReport) -> list[Metric]:
    return [metric for metric in cell.report.metrics if metric.name == name]


def _endless(cell: CellReport, metrics: Iterable[Metric]) -> list[float]:
    cut = defaultdict(float, {metric.target: metric.value for metric in _metrics("censored", cell)})
    return [math.inf if cut[metric.target] else metric.value for metric in metrics]
