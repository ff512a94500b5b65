"""How much of the spread of a figure is noise: one-way random effects.

Searle, Casella and McCulloch, "Variance Components" (1992), section 3.6 (unequal numbers); the
repeatability limit is that of ISO 5725-1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

FEWEST_FREEDOM = 3


@dataclass(frozen=True, slots=True)
class Components:
    """Standard deviations within and between units; `limit`: of two measurements of one unit.

    Attributes:
        between_sd: None with fewer than two units; 0 where units differ less than noise explains.
        noise_share: share of the variance; None without `between_sd`.
    """

    within_sd: float
    between_sd: float | None
    limit: float
    freedom: int
    noise_share: float | None


def components(units: Sequence[Sequence[float]]) -> Components | None:
    """Of units that were measured several times; None with fewer than `FEWEST_FREEDOM` repeats.

    The limit uses Student's quantile: with few repeats the noise itself is hardly known, and more
    differences are then within it.
    """
    repeated = [np.asarray(unit, dtype=float) for unit in units if len(unit) >= 2]
    n = sum(len(unit) for unit in repeated)
    freedom = n - len(repeated)
    if freedom < FEWEST_FREEDOM:
        return None
    within = sum(float(((unit - unit.mean()) ** 2).sum()) for unit in repeated) / freedom
    between = _between(repeated, within, n)
    whole = None if between is None else within + between
    quantile = float(stats.t.ppf(0.975, freedom))
    return Components(
        within_sd=math.sqrt(within),
        between_sd=None if between is None else math.sqrt(between),
        limit=quantile * math.sqrt(2 * within),
        freedom=freedom,
        noise_share=within / whole if whole else None,
    )


def _between(units: Sequence[np.ndarray], within: float, n: int) -> float | None:
    """The variance between units, by the method of moments."""
    if len(units) < 2:
        return None
    grand = sum(float(unit.sum()) for unit in units) / n
    spread = sum(len(unit) * (float(unit.mean()) - grand) ** 2 for unit in units)
    mean_square = spread / (len(units) - 1)
    size = (n - sum(len(unit) ** 2 for unit in units) / n) / (len(units) - 1)
    return max((mean_square - within) / size, 0.0)
