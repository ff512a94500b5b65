"""Counts with an exposure: negative binomial regression, errors robust against clusters.

Hilbe, "Negative Binomial Regression" (2011); `statsmodels`. What cannot be estimated is told as
`NotEstimable`, never replaced by a number.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from statsmodels.discrete.discrete_model import NegativeBinomial, Poisson

FEWEST_CLUSTERS = 20
"""Simulated: with 10 templates, 12 of 100 true null hypotheses are rejected at 5 %; with 20, 7."""
_LEAST_DISPERSION = 1e-4


class NotEstimable(Exception):
    """There is no estimate; the text says why."""


@dataclass(frozen=True, slots=True)
class LogRatio:
    """Natural logarithm of a rate ratio with its 95 % interval and p."""

    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class CountFit:
    """One ratio per level but the first; `dispersion` 0: the variance is that of Poisson."""

    ratios: tuple[LogRatio, ...]
    dispersion: float


def negative_binomial(
    counts: Sequence[int], levels: Sequence[int], exposure: Sequence[float], clusters: Sequence[int]
) -> CountFit:
    """Rates of levels 1, 2, ... as ratios to that of level 0.

    Intervals and p are of Student's t with (clusters - 1) degrees of freedom, because robust
    errors are too small where clusters are few.

    Args:
        counts: per app.
        levels: model of each app, from 0 without gaps.
        exposure: kLOC of each app, above 0.
        clusters: template of each app.

    Raises:
        NotEstimable: too few clusters, a level without any count, no convergence.
    """
    groups = len(set(clusters))
    if groups < FEWEST_CLUSTERS:
        raise NotEstimable(
            f"fewer than {FEWEST_CLUSTERS} templates: robust errors are not reliable"
        )
    y, level = np.asarray(counts, dtype=float), np.asarray(levels)
    for index in range(int(level.max()) + 1):
        if not y[level == index].any():
            raise NotEstimable("a model without any finding has no ratio")
    x = np.column_stack([np.ones_like(y), *(level == i for i in range(1, int(level.max()) + 1))])
    offset = np.log(np.asarray(exposure, dtype=float))
    cluster = {"groups": np.unique(np.asarray(clusters), return_inverse=True)[1]}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter(
            "ignore"
        )  # what they say is checked below: convergence, finite errors
        fit, dispersion = _fit(y, x, offset, cluster)
    return CountFit(tuple(_ratios(fit, x.shape[1], groups - 1)), dispersion)


def _fit(y: Any, x: Any, offset: Any, cluster: dict[str, Any]) -> tuple[Any, float]:
    """Poisson first; its estimates start the negative binomial one, and stand where that ends."""
    options: dict[str, Any] = {"disp": 0, "cov_type": "cluster", "cov_kwds": cluster}
    poisson = Poisson(y, x, offset=offset).fit(maxiter=200, **options)
    if not poisson.mle_retvals["converged"]:
        raise NotEstimable("the fit did not converge")
    mean = poisson.predict()
    excess = float(((y - mean) ** 2 - y).sum() / (mean**2).sum())
    if excess <= _LEAST_DISPERSION:
        return poisson, 0.0
    start = np.append(poisson.params, excess)
    model = NegativeBinomial(y, x, offset=offset)
    fit = model.fit(start_params=start, maxiter=500, method="bfgs", **options)
    dispersion = float(fit.params[-1])
    if dispersion <= _LEAST_DISPERSION:
        return poisson, 0.0
    if not fit.mle_retvals["converged"]:
        raise NotEstimable("the fit did not converge")
    return fit, dispersion


def _ratios(fit: Any, columns: int, freedom: int) -> list[LogRatio]:
    quantile = float(stats.t.ppf(0.975, freedom))
    found: list[LogRatio] = []
    for value, error in zip(fit.params[1:columns], fit.bse[1:columns], strict=True):
        if not (math.isfinite(value) and math.isfinite(error) and error > 0):
            raise NotEstimable("the errors of the fit are not defined")
        p = 2 * float(stats.t.sf(abs(value / error), freedom))
        found.append(LogRatio(float(value), value - quantile * error, value + quantile * error, p))
    return found
