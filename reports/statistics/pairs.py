"""Two models over the same templates: paired tests, effect sizes, corrections for many tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from reports.statistics.resampling import Floats

FEWEST_BLOCKS = 6
"""With fewer pairs no two-sided exact test can reach 5 %: 2 / 2^5 = 0.0625."""
ENUMERATED = 13
"""Up to so many pairs all signs are tried; above, the normal distribution stands for them."""


@dataclass(frozen=True, slots=True)
class Paired:
    """The result of a paired test.

    Attributes:
        p: two-sided.
        leaning: above 0: the test's own statistic favours larger values of the first.
    """

    p: float
    leaning: float


def mcnemar_exact(only_first: int, only_second: int) -> Paired:
    """Whether two models pass equally often: binomial test of the pairs that differ.

    Fagerland et al. (2013); `statsmodels`.
    """
    table = [[0, only_first], [only_second, 0]]
    found: Any = mcnemar(table, exact=True)
    p = float(found.pvalue) if only_first + only_second else 1.0
    return Paired(min(p, 1.0), float(only_first - only_second))


def steady(values: Floats, largest: Floats | float) -> Floats:
    """Values as parts of the largest one, to 12 digits: what only rounding tells apart is equal.

    For ranks: 1 - 2/3 and 2/3 - 1/3 are a tie, and are not the same floating-point number.
    """
    parts: Floats = np.zeros_like(values, dtype=np.float64)
    np.divide(values, largest, out=parts, where=np.not_equal(largest, 0))
    return parts.round(12)


def wilcoxon_zsplit(differences: Sequence[float], largest: float | None = None) -> Paired:
    """Wilcoxon's signed-rank test; ranks of zeros go to both sides in halves (`zsplit`).

    Up to 13 pairs with ties or zeros, all signs are enumerated; scipy does it too, a hundred
    times slower. Above, and without ties, it is `scipy.stats.wilcoxon`.

    Args:
        differences: one for each pair.
        largest: of the values behind them, by size: it says which digits are rounding errors;
            None: that of the differences.
    """
    values = np.asarray(differences, dtype=float)
    scale = np.abs(values).max(initial=0.0) if largest is None else largest
    values = steady(values, scale)
    ranks = np.sign(values) * stats.rankdata(np.abs(values))
    if not values.any():
        return Paired(1.0, 0.0)
    sizes = np.abs(values)
    tied = not sizes.all() or len(np.unique(sizes)) < len(sizes)
    if len(values) <= ENUMERATED and tied:
        found: Any = stats.permutation_test(
            (ranks,),
            _sum,
            permutation_type="samples",
            vectorized=True,
            n_resamples=2 ** len(values),
        )
    else:
        found = stats.wilcoxon(values, zero_method="zsplit")
    return Paired(min(float(found.pvalue), 1.0), float(ranks.sum()))


def cliffs_delta(first: Sequence[float], second: Sequence[float]) -> float:
    """How often a value of `first` is above one of `second`, minus how often it is below.

    Cliff, "Dominance statistics" (1993); 2 * A12 - 1 of Vargha and Delaney (2000).
    """
    u = float(stats.mannwhitneyu(first, second, method="asymptotic").statistic)
    return 2 * u / (len(first) * len(second)) - 1


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's correction; a pair without a test counts as one, so that nothing is gained by it.

    As `statsmodels.stats.multitest.multipletests`, which collects garbage in each call: with a
    fleet in memory that takes longer than everything else.
    """
    given = np.array([1.0 if p is None else p for p in p_values])
    order = np.argsort(given)
    steps = given[order] * np.arange(len(given), 0, -1)
    corrected = np.empty_like(given)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    pairs = zip(p_values, corrected, strict=True)
    return [None if p is None else float(value) for p, value in pairs]


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """The share of false ones among those called different, if all up to this one are called so.

    Benjamini and Hochberg (1995); for many tests of which several may be true at once. Good for
    independent tests and for such that depend on one another positively.
    """
    given = np.array(p_values, dtype=float)
    order = np.argsort(given)[::-1]
    steps = given[order] * len(given) / np.arange(len(given), 0, -1)
    corrected = np.empty_like(given)
    corrected[order] = np.minimum(np.minimum.accumulate(steps), 1.0)
    return [float(value) for value in corrected]


def _sum(ranks: Floats, axis: int = -1) -> Floats:
    return ranks.sum(axis=axis)
