"""On which scale the noise of a figure adds up, and which way is worse."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reports.statistics.resampling import Floats
from reports.trends.model import FINDINGS


@dataclass(frozen=True, slots=True)
class Scale:
    """How a figure is compared.

    Attributes:
        kind: times and rates vary by a share of themselves: logarithms. Counts: their roots
            (Anscombe 1948). Shares of requests: the arcsine of their roots.
        unit: for readers.
        floor: the standard deviation of a single value on this scale is at least this: clocks and
            rounding are no finer.
        more_is_worse: of what the figure counts.
    """

    kind: Literal["log", "count", "share"]
    unit: str
    floor: float
    more_is_worse: bool = True

    def to(self, value: float) -> float:
        """The value on this scale; NaN for one that a logarithm is not defined for."""
        if self.kind == "log":
            return math.log(value) if value > 0 else math.nan
        if self.kind == "count":
            return 2 * math.sqrt(max(value, 0.0) + 3 / 8)
        return math.asin(math.sqrt(min(max(value, 0.0), 1.0)))

    def back(self, value: float) -> float:
        """The inverse."""
        if self.kind == "log":
            return math.exp(min(value, 700.0))
        if self.kind == "count":
            return max(round((max(value, 0.0) / 2) ** 2 - 3 / 8, 9), 0.0)
        return math.sin(min(max(value, 0.0), math.pi / 2)) ** 2

    def to_all(self, values: Floats) -> Floats:
        """Many values on this scale."""
        if self.kind == "log":
            return np.log(np.where(values > 0, values, np.nan))
        if self.kind == "count":
            return 2 * np.sqrt(np.maximum(values, 0.0) + 3 / 8)
        return np.arcsin(np.sqrt(np.clip(values, 0.0, 1.0)))

    def ratios(self, before: Floats, after: Floats) -> Floats:
        """Of many pairs of levels; infinite where the first is nothing."""
        if self.kind == "log":
            return np.exp(np.minimum(after - before, 700.0))
        first, then = self._all_back(before), self._all_back(after)
        some = first > 1e-6
        return np.where(some, then / np.where(some, first, 1.0), np.inf)

    def _all_back(self, values: Floats) -> Floats:
        if self.kind == "count":
            return np.maximum(np.round((np.maximum(values, 0.0) / 2) ** 2 - 3 / 8, 9), 0.0)
        return np.sin(np.clip(values, 0.0, math.pi / 2)) ** 2

    def ratio(self, before: float, after: float) -> float | None:
        """Of two levels on this scale; None where the first is nothing."""
        if self.kind == "log":
            return self.back(after - before)
        first = self.back(before)
        return self.back(after) / first if first > 1e-6 else None


_TIME = Scale("log", "ms", 0.01)
SCALES = {
    "throughput_at_objective": Scale("log", "1/s", 0.01, more_is_worse=False),
    "latency_p50": _TIME,
    "latency_p95": _TIME,
    "error_ratio": Scale("share", "ratio", 0.01),
    "app_memory_max": Scale("log", "bytes", 0.01),
    "lighthouse_performance": Scale("log", "score", 0.01, more_is_worse=False),
    "first_contentful_paint": _TIME,
    "largest_contentful_paint": _TIME,
    "total_blocking_time": Scale("count", "ms", 0.2),
    FINDINGS: Scale("count", "count", 0.02),
}
"""Of each figure that is compared, in the order of a table."""
