"""Load figures out of the metrics of measured cells."""

from collections import defaultdict
from collections.abc import Iterable

from contract.analysis import Metric
from reports.model import CellReport, LoadFigures

# Metrics of the host during a load test, and of its calibration, are context: not of the app.
_CALIBRATION = "calibration"


def load_figures(cells: Iterable[CellReport]) -> tuple[LoadFigures, ...]:
    """One entry per load tool and target, in the order the tools reported them."""
    grouped: defaultdict[tuple[str, str], list[Metric]] = defaultdict(list)
    for cell in cells:
        if is_load_test(cell):
            for metric in cell.report.metrics:
                grouped[cell.tool, metric.target].append(metric)
    ordered = sorted(grouped.items(), key=lambda item: _context_last(item[0][1]))
    return tuple(
        LoadFigures(
            tool=tool,
            target=target,
            figures={metric.name: metric.value for metric in metrics},
            units={metric.name: metric.unit for metric in metrics},
        )
        for (tool, target), metrics in ordered
    )


def is_load_test(cell: CellReport) -> bool:
    """Whether the cell's metrics are figures of load."""
    return cell.analyzer.row.figures == "load"


def _context_last(target: str) -> bool:
    return target in ("", _CALIBRATION)
