"""Rankings by several criteria: TOPSIS, weighted sum, and how much the weights decide.

Hwang and Yoon, "Multiple Attribute Decision Making" (1981); random weights as in Butler, Jia and
Dyer, "Simulation techniques for the sensitivity analysis of multi-criteria decision models" (1997).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from reports.statistics.resampling import Floats


def topsis(values: Floats, weights: Floats, more_is_better: NDArray[np.bool_]) -> Floats:
    """Closeness to the best of each row (0 to 1), columns normalised by their length.

    Args:
        values: models x criteria.
        weights: criteria, or draws x criteria; each row has the sum 1.
        more_is_better: by criterion.

    Returns:
        Scores of the models, (draws x) models.
    """
    length = np.linalg.norm(values, axis=0)
    normal = np.divide(values, length, out=np.zeros_like(values), where=length > 0)
    weighted = normal * weights[..., None, :]
    top, bottom = weighted.max(-2, keepdims=True), weighted.min(-2, keepdims=True)
    best = np.where(more_is_better, top, bottom)
    worst = np.where(more_is_better, bottom, top)
    to_best = np.linalg.norm(weighted - best, axis=-1)
    to_worst = np.linalg.norm(weighted - worst, axis=-1)
    both = to_best + to_worst
    return np.divide(to_worst, both, out=np.full_like(both, 0.5), where=both > 0)


def weighted_sum(values: Floats, weights: Floats, more_is_better: NDArray[np.bool_]) -> Floats:
    """Sum of columns scaled to 0..1 (1 is the best model); arguments and result as `topsis`.

    A column in which all models are equal distinguishes nothing: every model has 1 in it.
    """
    low, high = values.min(0), values.max(0)
    width = high - low
    scaled = np.divide(values - low, width, out=np.ones_like(values), where=width > 0)
    good = np.where(more_is_better | (width == 0), scaled, 1 - scaled)
    return weights @ good.T


def random_weights(criteria: int, draws: int, seed: int) -> Floats:
    """Weights of a flat Dirichlet distribution: every division is equally likely."""
    rng = np.random.default_rng(seed)
    return stats.dirichlet.rvs(np.ones(criteria), size=draws, random_state=rng)


def places(scores: Floats) -> Floats:
    """Place of each model in each draw; 1 is the first, ties share the best place."""
    return stats.rankdata(-np.round(scores, 12), method="min", axis=-1)
