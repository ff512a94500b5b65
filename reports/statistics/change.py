"""Whether short series changed their level once, and since which point; many series at a time.

The statistic is the largest two-sample t over all places at which a series can be cut in two
(Worsley, "On the Likelihood Ratio Test for a Shift in Location of Normal Populations", JASA 74,
1979); repeated runs of a benchmark are looked at in this way, too (Daly et al., "The Use of Change
Point Detection to Identify Software Performance Regressions in a Continuous Integration System",
ICPE 2020, with another statistic).

Its p-value is not that of normal noise. Times have heavy tails: one slow run among five is no
change. So the null distribution is simulated with noise of Student's t with `NOISE_FREEDOM` degrees
of freedom, and each cut is held against its own quantile: a cut with one point behind it needs far
more than one with three. Beyond the rarest of the simulated values the tail is a power law, fitted
by Hill's estimator (Knijnenburg et al., "Fewer Permutations, More Accurate P-values",
Bioinformatics 25, 2009, with a power law in place of their Pareto distribution).

Points must be exchangeable if nothing changed. A slow drift is not: where a straight line says
nearly as much as a step, that is told. docs/regressions.md has what drift does to false alarms.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from reports.statistics.resampling import Floats

FEWEST_BEFORE = 4
"""So many points must be there before a change: their spread is what noise is."""
FEWEST = FEWEST_BEFORE + 1
NOISE_FREEDOM = 2.5
"""Of the simulated noise. With more, load tests on a busy machine, drawn again and again from a
recorded sample, had up to six times too many p-values below 0.001: docs/regressions.md."""
_DRAWS, _TAIL, _STANDARD, _SEED = 40_000, 200, 0.99, 1979
_RECENT = 3
_NEARLY = 0.9
_MOST = 60


@dataclass(frozen=True, slots=True)
class Changes:
    """One entry for each series, on the scale of its values.

    Attributes:
        at: index of the first point behind the most likely change.
        p: two-sided; of any change at any place.
        shift: mean behind it minus mean before it; `low`, `high`: 95 % interval, as if the place
            had been known before.
        steady: whether a steady trend over all points leaves little more of them unexplained than
            one step at `at` does: then it drifted, and no point is where it changed.
        recent_low, recent_high: the same interval for the last points (three, or fewer in a short
            series) against all before them, wherever the change may be.
    """

    at: NDArray[np.intp]
    p: Floats
    shift: Floats
    low: Floats
    high: Floats
    steady: NDArray[np.bool_]
    recent_low: Floats
    recent_high: Floats


def changes(rows: Floats, floor: Floats | float = 0.0) -> Changes:
    """Look for one change in each row; all have the same number of points, in order of time.

    Args:
        rows: values whose noise adds up: of times and rates, their logarithms.
        floor: the standard deviation of a single value is at least this, for each row or for all.

    Raises:
        ValueError: fewer than `FEWEST` points.
    """
    points = rows.shape[1]
    if points < FEWEST:
        raise ValueError(f"at least {FEWEST} points")
    shifts, errors = _cuts(rows, floor)
    quantiles, maxima = _null(points)
    scores = np.abs(shifts) / errors / quantiles
    best = scores.argmax(axis=1)
    rows_of = np.arange(len(rows))
    student = float(stats.t.ppf(0.975, points - 2))
    recent = points - _behind(points) - FEWEST_BEFORE
    shift, half = shifts[rows_of, best], student * errors[rows_of, best]
    late, late_half = shifts[:, recent], student * errors[:, recent]
    return Changes(
        at=best + FEWEST_BEFORE,
        p=_p_values(scores[rows_of, best], maxima),
        shift=shift,
        low=shift - half,
        high=shift + half,
        steady=_is_steady(rows, shift, best + FEWEST_BEFORE),
        recent_low=late - late_half,
        recent_high=late + late_half,
    )


def points_needed(spread: float, shift: float, most: int = _MOST) -> int:
    """How many points, all together, would let a level be told from one that is `shift` away.

    Half of the width of a 95 % interval of three points against all others, for noise of this
    standard deviation; 0: even of `most` points, it is not narrow enough.
    """
    halves = _halves().items()
    return next((n for n, half in halves if half * spread <= shift and n <= most), 0)


@cache
def _halves() -> dict[int, float]:
    """Half of the width of that interval by number of points, for a standard deviation of 1."""
    halves: dict[int, float] = {}
    for points in range(FEWEST, _MOST + 1):
        width = math.sqrt(1 / (points - _behind(points)) + 1 / _behind(points))
        halves[points] = float(stats.t.ppf(0.975, points - 2)) * width
    return halves


def _behind(points: int) -> int:
    return max(1, min(_RECENT, points // 3))


def _cuts(rows: Floats, floor: Floats | float) -> tuple[Floats, Floats]:
    """Of each cut that leaves enough before it: the shift, and its standard error."""
    points = rows.shape[1]
    centred = rows - rows.mean(axis=1, keepdims=True)
    before = np.arange(FEWEST_BEFORE, points, dtype=np.float64)
    behind = points - before
    sums = centred.cumsum(axis=1)[:, FEWEST_BEFORE - 1 : -1]
    shifts = -sums / behind - sums / before
    weight = before * behind / points
    within = (centred**2).sum(axis=1, keepdims=True) - shifts**2 * weight
    variance = np.maximum(within, 0.0) / (points - 2)
    least = np.broadcast_to(np.square(np.asarray(floor, dtype=np.float64)), len(rows))[:, None]
    spread = np.sqrt(np.maximum(variance, np.maximum(least, 1e-24)))
    return shifts, spread / np.sqrt(weight)


def _is_steady(rows: Floats, shift: Floats, at: NDArray[np.intp]) -> NDArray[np.bool_]:
    points = rows.shape[1]
    centred = rows - rows.mean(axis=1, keepdims=True)
    total = (centred**2).sum(axis=1)
    times = np.arange(points) - (points - 1) / 2
    trend = total - (centred @ times) ** 2 / (times @ times)
    step = total - shift**2 * at * (points - at) / points
    return step >= _NEARLY * trend


@cache
def _null(points: int) -> tuple[Floats, Floats]:
    """Without a change: a quantile for each cut, and the largest scores of all draws, ascending."""
    drawn = np.random.default_rng(_SEED + points).standard_t(NOISE_FREEDOM, (_DRAWS, points))
    shifts, errors = _cuts(drawn, 0.0)
    values = np.abs(shifts) / errors
    quantiles = np.quantile(values, _STANDARD, axis=0)
    return quantiles, np.sort((values / quantiles).max(axis=1))


def _p_values(scores: Floats, maxima: Floats) -> Floats:
    above = len(maxima) - np.searchsorted(maxima, scores, side="left")
    simulated = (above + 1) / (len(maxima) + 1)
    tail = maxima[-_TAIL:]
    exponent = 1 / float(np.log(tail / tail[0]).mean())
    beyond = _TAIL / len(maxima) * (np.maximum(scores, tail[0]) / tail[0]) ** -exponent
    return np.where(scores > tail[0], beyond, simulated)
