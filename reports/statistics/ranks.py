"""Mean ranks of models over templates: Friedman's test and Nemenyi's critical difference.

Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7 (2006).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

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
    """The longest runs of neighbours in `ordered` of which no two differ; they may overlap."""
    groups: list[tuple[str, ...]] = []
    covered = 0
    for start in range(len(ordered)):
        end = start + 1
        while end < len(ordered) and not _any_differs(ordered[start : end + 1], differ):
            end += 1
        if end > covered:
            groups.append(tuple(ordered[start:end]))
            covered = end
    return tuple(groups)


def _any_differs(run: Sequence[str], differ: Callable[[str, str], bool]) -> bool:
    """Whether the last one of a run differs from any before it."""
    return any(differ(one, run[-1]) for one in run[:-1])
