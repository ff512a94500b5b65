"""Which difference between two models a design can show: power by simulation.

Apps are drawn from a logistic model with a random template and a random model-on-template:
templates differ in difficulty, and models find different ones difficult. The test is the one that
the study makes. Where two runs share their seed, they share their draws, so that a change of the
design, and not of luck, is seen.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from scipy import optimize, stats
from scipy.special import expit, logit

from reports.statistics.pairs import ENUMERATED
from reports.statistics.resampling import Floats

RUNS = 800
POWER = 0.8
_STEPS = np.linspace(0.1, 7.0, 24)
_NORMAL = stats.norm.ppf((np.arange(400) + 0.5) / 400)
_WIDEST = 6.0


@dataclass(frozen=True, slots=True)
class Population:
    """What is assumed of apps: `rate` of the weaker model, spread in log odds."""

    rate: float = 0.5
    template_sd: float = 1.2
    interaction_sd: float = 0.8


@lru_cache(maxsize=256)
def detectable_gap(
    templates: int, samples: int, population: Population, *, level: float = 0.05, seed: int = 1
) -> float | None:
    """The smallest difference of two rates that is shown in 80 of 100 studies.

    Args:
        templates: on which both models are measured.
        samples: apps per model and template.
        population: see there.
        level: of the test; for all pairs of models it is divided by their number.
        seed: of the simulation.

    Returns:
        A difference between 0 and 1; None: not even the largest possible one is shown.
    """
    if 2 * 0.5**templates >= level:  # no exact test of so few pairs goes below it
        return None
    rng = np.random.default_rng(seed)
    shape = (RUNS, templates)
    hard = rng.normal(0, population.template_sd, shape)
    first, second = (rng.normal(0, population.interaction_sd, shape) for _ in range(2))
    thrown = rng.random((2, *shape, samples))
    base = float(logit(population.rate))
    low = expit(base + hard + first)
    below = _passed(low, thrown[0])
    before: tuple[float, float] = (0.0, level)
    for shift in _STEPS:
        high = expit(base + shift + hard + second)
        gap, power = float(high.mean() - low.mean()), _power(_passed(high, thrown[1]), below, level)
        if power >= POWER:
            return _between(before, (gap, power))
        before = (gap, power)
    return None


def rate_spread(shares: Floats, samples: Floats) -> float:
    """Standard deviation in log odds of templates, from the share that passed on each.

    The one whose shares vary as these do, less what drawing the samples explains; 0 where drawing
    explains all.
    """
    rate = float(np.average(shares, weights=samples))
    inverse = float((1 / samples).mean())
    if not 0 < rate < 1 or len(shares) < 2 or inverse == 1:
        return 0.0
    excess = (float(shares.var(ddof=1)) - rate * (1 - rate) * inverse) / (1 - inverse)

    def too_much(spread: float) -> float:
        return float(expit(logit(rate) + spread * _NORMAL).var()) - excess

    if excess <= 0:
        return 0.0
    if too_much(_WIDEST) < 0:
        return _WIDEST
    root: Any = optimize.brentq(too_much, 0.0, _WIDEST)
    return float(root)


def _passed(chance: Floats, thrown: Floats) -> Floats:
    """Share of samples that pass, by run and template."""
    return (thrown < chance[..., None]).mean(axis=-1)


def _power(above: Floats, below: Floats, level: float) -> float:
    differences = (above - below).round(12)
    if np.isin(above, (0.0, 1.0)).all() and np.isin(below, (0.0, 1.0)).all():
        more, fewer = (differences > 0).sum(1), (differences < 0).sum(1)
        p = 2 * stats.binom.cdf(np.minimum(more, fewer), more + fewer, 0.5)
    elif differences.shape[1] <= ENUMERATED:
        p = _enumerated(differences)
    else:
        with np.errstate(all="ignore"):  # no difference at all: p is NaN, and nothing is shown
            found: Any = stats.wilcoxon(
                differences, zero_method="zsplit", axis=1, method="asymptotic"
            )
        p = found.pvalue
    shown = (p < level) & (differences.mean(1) > 0)
    return float(shown.mean())


def _enumerated(differences: Floats) -> Floats:
    """Two-sided p of each row as `wilcoxon_zsplit` has it of few pairs: over all signs."""
    ranks = stats.rankdata(np.abs(differences), axis=1) * (differences != 0)
    signs = np.array(list(product((-1.0, 1.0), repeat=differences.shape[1] - 1)))
    first, others = ranks[:, :1], ranks[:, 1:]  # a sum and its negative are equally far from zero
    observed = np.abs((np.sign(differences) * ranks).sum(axis=1))
    return np.array(
        [
            (np.abs(one + signs @ rest) >= limit - 1e-9).mean()
            for one, rest, limit in zip(first, others, observed, strict=True)
        ]
    )


def _between(before: tuple[float, float], after: tuple[float, float]) -> float:
    """Where the power crosses its aim, on the line between two steps."""
    (gap, power), (next_gap, next_power) = before, after
    share = (POWER - power) / (next_power - power) if next_power > power else 1.0
    return gap + (next_gap - gap) * min(max(share, 0.0), 1.0)
