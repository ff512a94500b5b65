"""Krippendorff's alpha: how far several judges agree beyond chance.

Klaus Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section E: any number of
judges, missing answers allowed. The test uses the article's own example.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar

Value = TypeVar("Value", str, float)


def nominal(first: str, second: str) -> float:
    """Difference of two names: 0 or 1."""
    return float(first != second)


def interval(first: float, second: float) -> float:
    """Difference of two points on a scale with equal steps."""
    return (first - second) ** 2


def alpha(
    units: Sequence[Sequence[Value]], difference: Callable[[Value, Value], float]
) -> float | None:
    """Alpha of `units`, each with the values that its judges gave (a missing answer is not listed).

    1 is full agreement, 0 is chance, below 0 is systematic disagreement. None where it cannot be
    computed: fewer than two answers per unit, or no variation at all.
    """
    paired = [unit for unit in units if len(unit) >= 2]
    coincidences: defaultdict[tuple[Value, Value], float] = defaultdict(float)
    for unit in paired:
        weight = 1 / (len(unit) - 1)
        for i, first in enumerate(unit):
            for j, second in enumerate(unit):
                if i != j:
                    coincidences[first, second] += weight
    totals: defaultdict[Value, float] = defaultdict(float)
    for (first, _), count in coincidences.items():
        totals[first] += count
    n = sum(totals.values())
    expected = sum(totals[a] * totals[b] * difference(a, b) for a in totals for b in totals)
    if n <= 1 or expected == 0:
        return None
    observed = sum(count * difference(a, b) for (a, b), count in coincidences.items())
    return 1 - (n - 1) * observed / expected
