"""Whether one program is slower than another, from runs side by side: paired ratios.

Both are measured in turns, each pair in processes of its own, because what a process does depends
on where its memory happens to lie (Mytkowicz et al., "Producing Wrong Data Without Doing Anything
Obviously Wrong!", ASPLOS 2009), and a pair is one observation, however often a process repeats its
work (Kalibera and Jones, "Rigorous Benchmarking in Reasonable Time", ISMM 2013).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

EXACT = 16
"""Up to so many pairs all signs are tried; above, as many are drawn."""
_DRAWS = 2**EXACT
_SEED = 2013


@dataclass(frozen=True, slots=True)
class Slower:
    """What pairs say.

    Attributes:
        ratio: median of the pairs' ratios: above 1, the newer one takes more.
        p: one-sided, that it takes more than `1 + floor` times as much.
        floor: the smallest share that is a difference here.
    """

    ratio: float
    p: float
    floor: float


def slower(base: Sequence[float], new: Sequence[float], floor: float) -> Slower:
    """Whether `new` takes more than `base` by more than a share of `floor`.

    Fisher's permutation test of the logarithms of the ratios, with signs as labels (1935).

    Args:
        base: a value for each pair, above 0.
        new: of the same pairs.
        floor: differences up to this share are none.
    """
    ratios = [math.log(b / a) for a, b in zip(base, new, strict=True)]
    beyond = [ratio - math.log1p(floor) for ratio in ratios]
    return Slower(math.exp(median(ratios)), _sign_flips(beyond), floor)


def noise_floor(one: Sequence[float], other: Sequence[float], least: float) -> float:
    """How much the same program differs from itself, from runs side by side; at least `least`.

    Three standard errors of a median of log ratios, the deviation taken from their median absolute
    deviation, and how far that median is from none.
    """
    ratios = [math.log(b / a) for a, b in zip(one, other, strict=True)]
    middle = median(ratios)
    deviation = 1.4826 * median(abs(ratio - middle) for ratio in ratios)
    return max(least, abs(middle) + 3 * 1.2533 * deviation / math.sqrt(len(ratios)))


def _sign_flips(values: Sequence[float]) -> float:
    given = np.asarray(values, dtype=float)
    if len(given) <= EXACT:
        codes = np.arange(2 ** len(given))[:, None] >> np.arange(len(given)) & 1
        signs = 1.0 - 2.0 * codes
    else:
        drawn = np.random.default_rng(_SEED).integers(0, 2, (_DRAWS, len(given)))
        signs = np.vstack([np.ones(len(given)), 1.0 - 2.0 * drawn])
    sums = signs @ given
    return float((sums >= given.sum() - 1e-12 * np.abs(given).sum()).mean())
