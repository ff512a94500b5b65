"""The next rate to try after a step broke the objective."""

import math
from collections.abc import Sequence

from analyzers.performance.openloop.plan import StepResult

# Below one request in two seconds, a step of seconds has no percentiles.
_SLOWEST = 0.5


def next_rate(steps: Sequence[StepResult], resolution: float) -> float | None:
    """The rate between the fastest step that held and the slowest that broke; None: no further one.

    It is the geometric mean, because the limit is wanted to a share of itself. Where none held, it
    is half of the slowest. There is no further rate where all held, where our own generator was too
    slow, or where the app gave no answer at all.

    Args:
        steps: the steps that ran so far.
        resolution: a gap of this share is narrow enough.
    """
    held = max((step.rate for step in steps if not step.broke), default=None)
    broken = [step for step in steps if step.broke and step.rate > (held or 0.0)]
    if not broken:
        return None
    lowest = min(broken, key=lambda step: step.rate)
    if lowest.generator_gave_out or not lowest.completed:
        return None
    if held is None:
        half = lowest.rate / 2
        return _rounded(half) if half >= _SLOWEST else None
    if lowest.rate <= held * (1 + resolution):
        return None
    return _rounded(math.sqrt(held * lowest.rate))


def _rounded(rate: float) -> float:
    """Three digits are enough for a reader, and finer than any possible resolution."""
    return float(f"{rate:.3g}")
