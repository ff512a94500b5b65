"""Intervals by resampling clusters: apps of one template are alike, so templates are drawn.

Bootstrap with `scipy.stats.bootstrap` (BCa). With few clusters a bootstrap interval is too short;
the level is widened as Hesterberg, "What Teachers Should Know About the Bootstrap" (2015),
section 4.2, proposes ("expanded"). Below `MIN_CLUSTERS` none is given.

Seeds come from the data and clusters are sorted, so that equal data give equal intervals whatever
their order and whatever their names are.
"""

import hashlib
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
MIN_CLUSTERS = 8
RESAMPLES = 1_999
_EFFECT_RESAMPLES = 999
_BATCHED = 1_000_000
Method = Literal["BCa", "percentile"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval, or why there is none."""

    low: float | None = None
    high: float | None = None
    method: str = ""
    reason: str = ""


def interval_of_ratio(sums: Sequence[float], weights: Sequence[float]) -> Interval:
    """Of sum(sums) / sum(weights), one entry per cluster: a mean, or a rate per kLOC."""
    rows = _sorted(np.column_stack([sums, weights]).astype(float))
    return resampled(rows, lambda times: (times @ rows[:, 0]) / (times @ rows[:, 1]))


def interval_of_mean(values: Sequence[float]) -> Interval:
    """Of the mean of one value per cluster."""
    return interval_of_ratio(values, [1.0] * len(values))


def interval_of_median(clusters: Sequence[Sequence[float]]) -> Interval:
    """Of the median over all values. Where each cluster has one value: of order statistics.

    Conover, "Practical Nonparametric Statistics" (1999), section 3.2, by `scipy.stats`. Otherwise
    by resampling, with percentiles: BCa's acceleration is not defined for a statistic with steps.
    """
    if all(len(cluster) == 1 for cluster in clusters):
        return _of_order_statistics([value for cluster in clusters for value in cluster])
    longest = max(len(cluster) for cluster in clusters)
    rows = np.full((len(clusters), longest), np.nan)
    for row, cluster in zip(rows, clusters, strict=True):
        row[: len(cluster)] = sorted(cluster)
    rows = _sorted(rows)
    return resampled(rows, lambda times: _medians(rows, times), method="percentile")


def interval_of_delta(first: Sequence[float], second: Sequence[float]) -> Interval:
    """Of Cliff's delta, one value of each model per template; templates are drawn in pairs."""
    rows = _sorted(np.column_stack([first, second]).astype(float))
    above = np.sign(rows[:, :1] - rows[:, 1])

    def delta(times: Floats) -> Floats:
        return ((times @ above) * times).sum(-1) / times.sum(-1) ** 2

    return resampled(rows, delta, resamples=_EFFECT_RESAMPLES, method="percentile")


def resampled(
    rows: Floats,
    statistic: Callable[[Floats], Floats],
    *,
    resamples: int = RESAMPLES,
    method: Method = "BCa",
) -> Interval:
    """The interval of `statistic`, if rows (clusters) were drawn again.

    Args:
        rows: one for each cluster, in an order that does not depend on names.
        statistic: of how often each row was drawn, an array of shape (draws, rows).
        resamples: how many draws.
        method: of `scipy.stats.bootstrap`.
    """
    if len(rows) < MIN_CLUSTERS:
        return Interval(reason=f"fewer than {MIN_CLUSTERS} clusters: no interval by resampling")
    if np.array_equal(rows, np.broadcast_to(rows[0], rows.shape), equal_nan=True):
        return Interval(reason="all clusters are alike: resampling shows no spread")
    found = _bootstrap(rows, statistic, resamples, method)
    if found is None:
        return Interval(reason="resampling shows no spread")
    return Interval(*found, method=f"bootstrap over clusters ({method}, expanded)")


def seed_of(*arrays: Any) -> int:
    """A seed that depends on the values alone."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array, dtype=np.float64).tobytes())
    return int.from_bytes(digest.digest()[:8])


def expanded_level(count: int, level: float = 0.95) -> float:
    """The level at which a percentile interval of `count` values is as long as Student's."""
    quantile = stats.t.ppf(0.5 + level / 2, count - 1) * math.sqrt(count / (count - 1))
    return float(1 - 2 * stats.norm.cdf(-quantile))


def _bootstrap(
    rows: Floats, statistic: Callable[[Floats], Floats], resamples: int, method: Method
) -> tuple[float, float] | None:
    def of_rows(drawn: Any, axis: int = -1) -> Floats:
        indices = np.moveaxis(np.asarray(drawn), axis, -1)
        flat = indices.reshape(-1, indices.shape[-1])
        return statistic(_times(flat, len(rows))).reshape(indices.shape[:-1])

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what they say is seen in the result: no finite interval
        found = stats.bootstrap(
            (np.arange(len(rows)),),
            of_rows,
            vectorized=True,
            n_resamples=resamples,
            confidence_level=expanded_level(len(rows)),
            method=method,
            batch=max(_BATCHED // rows.size, 20),  # what is drawn at once bounds the memory
            rng=np.random.default_rng(seed_of(rows)),
        ).confidence_interval
    low, high = float(found.low), float(found.high)
    if not (math.isfinite(low) and math.isfinite(high)) or low == high:
        return None
    return low, high


def _of_order_statistics(values: Sequence[float]) -> Interval:
    found = stats.quantile_test(values, q=0, p=0.5).confidence_interval(confidence_level=0.95)
    low, high = float(found.low), float(found.high)
    if not (math.isfinite(low) and math.isfinite(high)):
        return Interval(reason="fewer than 6 apps: no interval of a median")
    return Interval(low, high, method="order statistics")


def _times(drawn: Any, count: int) -> Floats:
    """How often each of `count` rows is in each draw."""
    cells = drawn + count * np.arange(len(drawn))[:, None]
    return np.bincount(cells.ravel(), minlength=count * len(drawn)).reshape(-1, count).astype(float)


def _medians(rows: Floats, times: Floats) -> Floats:
    """Medians of the values of all rows, each as often as it was drawn."""
    flat = rows.ravel()
    order = np.argsort(flat)  # NaN last
    values = flat[order][: int(np.isfinite(flat).sum())]
    often = times[:, order[: len(values)] // rows.shape[1]].cumsum(axis=1)
    whole = often[:, -1:]
    low = values[(often < whole / 2).sum(axis=1)]
    high = values[(often <= whole / 2).sum(axis=1)]
    return (low + high) / 2


def _sorted(rows: Floats) -> Floats:
    return rows[np.lexsort(rows.T[::-1])]
