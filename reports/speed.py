"""How fast a model's apps are: medians over those that were measured in calm, and no others."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median

from contract.analysis import MeasurementState, Metric
from contract.outcome import ALL_TOOLS
from reports.effort import is_contended
from reports.figures import is_load_test
from reports.model import CellReport, MedianFigure, ModelLoad
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


def load_tools(cells: Iterable[CellReport]) -> tuple[str, ...]:
    """Load tests that ran on any app of the fleet, in alphabetical order."""
    return tuple(sorted({cell.tool for cell in cells if is_load_test(cell)} - {ALL_TOOLS}))


def load_by_tool(
    apps: Sequence[Sequence[CellReport]], tools: Sequence[str]
) -> tuple[ModelLoad, ...]:
    """One entry per load test, also where it measured none of these apps.

    Args:
        apps: the cells of each app of one model.
        tools: load tests of the fleet.
    """
    return tuple(
        _load(tool, [cell for cells in apps for cell in _of(tool, cells)]) for tool in tools
    )


def _of(tool: str, cells: Iterable[CellReport]) -> list[CellReport]:
    """The cell of this tool; where one stands for all tools, that one."""
    mine = [cell for cell in cells if is_load_test(cell)]
    return [cell for cell in mine if cell.tool in (tool, ALL_TOOLS)][:1]


def _load(tool: str, cells: Sequence[CellReport]) -> ModelLoad:
    measured = [cell for cell in cells if cell.state is MeasurementState.MEASURED]
    calm = [cell for cell in measured if not is_contended(cell)]
    figures = {name: _figure(name, calm) for name in SUMMARISED}
    return ModelLoad(
        tool=tool,
        cells=count_states(cell.state for cell in cells),
        contended=len(measured) - len(calm),
        figures={name: figure for name, figure in figures.items() if figure is not None},
    )


def _figure(name: str, cells: Iterable[CellReport]) -> MedianFigure | None:
    found = [(cell, metrics) for cell in cells if (metrics := _metrics(name, cell))]
    if not found:
        return None
    reduced = sum if name in _SUMMED else median
    values = [reduced([metric.value for metric in metrics]) for _, metrics in found]
    middle = median(values)
    # If all that was cut short had lasted for ever: a median that stays is the median.
    endless = (
        median([median(_endless(name, *app)) for app in found]) if name == _CENSORED else middle
    )
    return MedianFigure(
        median=middle,
        low=min(values),
        high=max(values),
        apps=len(values),
        unit=found[0][1][0].unit,
        at_least=endless != middle,
    )


def _metrics(name: str, cell: CellReport) -> list[Metric]:
    return [metric for metric in cell.report.metrics if metric.name == name]


def _endless(name: str, cell: CellReport, metrics: Iterable[Metric]) -> list[float]:
    cut = defaultdict(float, {metric.target: metric.value for metric in _metrics("censored", cell)})
    return [math.inf if cut[metric.target] else metric.value for metric in metrics]
