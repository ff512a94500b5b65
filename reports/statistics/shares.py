"""Shares of yes and no with missing data, and pass@k. Standard library only: cheap to import."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["pass", "fail", "missing", "not applicable"]
_Z95 = 1.959963984540054  # 97.5 % quantile of the standard normal distribution


def wilson_interval(passed: float, total: float, z: float = _Z95) -> tuple[float, float] | None:
    """Wilson score interval of a rate; 95 % by default. None when nothing was observed.

    Both may be the weight of several observations, so they need not be whole.

    Unlike the textbook interval it stays inside 0..1 and has a width at 0 of n and n of n.

    >>> wilson_interval(17, 20)
    (0.6396, 0.9476)
    """
    if not 0 <= passed <= total:
        raise ValueError(f"{passed} of {total} is no rate")
    if total == 0:
        return None
    rate, z_square = passed / total, z * z
    centre = rate + z_square / (2 * total)
    spread = z * math.sqrt(rate * (1 - rate) / total + z_square / (4 * total * total))
    scale = 1 + z_square / total
    low, high = (centre - spread) / scale, (centre + spread) / scale
    return round(max(low, 0.0), 4), round(min(high, 1.0), 4)


def missing_data_bounds(passed: int, failed: int, missing: int) -> tuple[float, float] | None:
    """The rate if everything missing had failed, and if it had passed. None when there is nothing.

    Whatever the missing values are, the true rate lies between the two; nothing is assumed.
    """
    total = passed + failed + missing
    if total == 0:
        return None
    return round(passed / total, 4), round((passed + missing) / total, 4)


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on one app; whether it is known to fail; whether it started (None: unknown)."""

    verdict: Verdict
    fails: bool = False
    started: bool | None = True


@dataclass(frozen=True, slots=True)
class Share:
    """How many of some apps pass.

    Attributes:
        known_failed: of those missing, apps that are known to fail all the same.
        total: weight of all that was decided, see `share_of`.
        rate: passed / total; None when no app was decided that could have passed.
        interval: Wilson's, of `rate`.
        bounds: the rate if all missing apps had failed, and if all had passed.
    """

    passed: int
    failed: int
    missing: int
    aside: int
    known_failed: int
    total: float
    rate: float | None
    interval: tuple[float, float] | None
    bounds: tuple[float, float] | None


def share_of(judged: Sequence[Judged]) -> Share:
    """The share of apps that pass, independent of what is missing where.

    An app that did not start has no live look that could be missing, so it is always decided.
    Counting it in full would count failures more often than passes; so apps that did not start
    are counted at the share at which the others were decided.
    """
    passed, failed, missing, aside = (
        sum(app.verdict == kind for app in judged)
        for kind in ("pass", "fail", "missing", "not applicable")
    )
    total = passed + _counted_failures(judged)
    decided = [app for app in judged if app.verdict in ("pass", "fail")]
    known = bool(total) and (any(app.started for app in decided) or not _any_started(judged))
    return Share(
        passed=passed,
        failed=failed,
        missing=missing,
        aside=aside,
        known_failed=sum(app.fails for app in judged if app.verdict == "missing"),
        total=total,
        rate=round(passed / total, 4) if known else None,
        interval=wilson_interval(passed, total) if known else None,
        bounds=missing_data_bounds(passed, failed, missing),
    )


def _counted_failures(judged: Sequence[Judged]) -> float:
    """Failures, those of apps that did not start at the share at which the others were decided."""
    in_play = [app for app in judged if app.verdict != "not applicable"]
    stopped = [app for app in in_play if app.started is False]
    started = [app for app in in_play if app.started]
    if not started:
        return sum(app.verdict == "fail" for app in stopped)
    decided = [app for app in started if app.verdict != "missing"]
    share = len(decided) / len(started)
    return sum(app.verdict == "fail" for app in decided) + share * len(stopped)


def _any_started(judged: Sequence[Judged]) -> bool:
    return any(app.started and app.verdict != "not applicable" for app in judged)


def pass_at_k(n: int, c: int, k: int) -> float | None:
    """Chance that at least one of `k` samples passes, if `c` of `n` did; unbiased. None: n < k.

    Chen et al., "Evaluating Large Language Models Trained on Code" (2021), equation 1.

    >>> round(pass_at_k(5, 2, 3), 4)
    0.9
    """
    if not 0 <= c <= n or k < 1:
        raise ValueError(f"{c} of {n}, k = {k}: no samples")
    if n < k:
        return None
    if n - c < k:
        return 1.0
    return 1.0 - math.prod(1 - k / i for i in range(n - c + 1, n + 1))
