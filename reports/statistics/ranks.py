"""Mean ranks of models over templates: Friedman's test and Nemenyi's critical difference.

Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7 (2006).
"""

import math
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

from reports.statistics.pairs import steady
from reports.statistics.resampling import Floats


@dataclass(frozen=True, slots=True)
class Ranks:
    """Friedman's test; `mean` in the order of the columns, 1 is the largest value."""

    mean: tuple[float, ...]
    statistic: float
    p: float
    critical_distance: float


def friedman(values: Floats) -> Ranks:
    """Ranks of the columns (models) over the rows (templates); larger values rank first.

    Raises:
        ValueError: fewer than three columns or two rows.
    """
    blocks, models = values.shape
    if models < 3 or blocks < 2:
        raise ValueError("at least three models and two templates")
    values = steady(values, np.abs(values).max(axis=1, keepdims=True))
    mean = stats.rankdata(-values, axis=1).mean(axis=0)
    if (values == values[:, :1]).all():
        statistic, p = 0.0, 1.0  # all tied in each block: scipy divides by zero
    else:
        found = stats.friedmanchisquare(*values.T)
        statistic, p = float(found.statistic), float(found.pvalue)
    return Ranks(
        tuple(float(rank) for rank in mean), statistic, p, critical_distance(models, blocks)
    )


def critical_distance(models: int, blocks: int, level: float = 0.05) -> float:
    """Mean ranks that are further apart are different (Nemenyi); equation 6.2 of the article."""
    quantile = float(stats.studentized_range.ppf(1 - level, models, np.inf)) / math.sqrt(2)
    return quantile * math.sqrt(models * (models + 1) / (6 * blocks))


def tied_groups(
    ordered: Sequence[str], differ: Callable[[str, str], bool]
) -> tuple[tuple[str, ...], ...]:
    """All largest sets of which no two differ, best first; they may overlap.

    Piepho, "An Algorithm for a Letter-Based Representation of All-Pairwise Comparisons" (2004):
    each pair that differs splits the sets that hold both, and a set within another one goes. So
    every two that do not differ stand in one set, whatever stands between them.
    """
    places = range(len(ordered))
    sets = {frozenset(places)} if ordered else set[frozenset[int]]()
    for one, other in combinations(places, 2):
        if differ(ordered[one], ordered[other]):
            sets = _split(sets, one, other)
    return tuple(tuple(ordered[at] for at in found) for found in sorted(map(sorted, sets)))


def _split(sets: Set[frozenset[int]], one: int, other: int) -> set[frozenset[int]]:
    both = {found for found in sets if one in found and other in found}
    kept = set(sets - both)
    parts = {found - {name} for found in both for name in (one, other)}
    return kept | {part for part in parts if not any(part < found for found in kept | parts)}
