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
    total = sum(weights_of(judged))
    return Share(
        passed=passed,
        failed=failed,
        missing=missing,
        aside=aside,
        known_failed=sum(app.fails for app in judged if app.verdict == "missing"),
        total=total,
        rate=round(passed / total, 4) if total else None,
        interval=wilson_interval(passed, total) if total else None,
        bounds=missing_data_bounds(passed, failed, missing),
    )


def weights_of(judged: Sequence[Judged]) -> list[float]:
    """What each app counts in a share: 1 if decided, 0 if missing; if it did not start: `share_of`.

    One that was decided counts in full even if nobody knows whether it started. A missing one of
    which nobody knows it was lost before, and says nothing of how often others were decided.
    """
    share = _share_decided(judged)
    return [
        share if _stopped(app) and share is not None else float(app.verdict in ("pass", "fail"))
        for app in judged
    ]


def _share_decided(judged: Sequence[Judged]) -> float | None:
    """Of the apps that may have started, the share that was decided; None: there are none."""
    decided = sum(app.verdict in ("pass", "fail") and not _stopped(app) for app in judged)
    lost = sum(app.verdict == "missing" and bool(app.started) for app in judged)
    return decided / (decided + lost) if decided + lost else None


def _stopped(app: Judged) -> bool:
    """Whether it is known to fail because it did not start, whatever else was seen of it."""
    return app.started is False and app.verdict in ("fail", "missing")


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


def pass_at_k_of(judged: Sequence[Judged], k: int) -> float | None:
    """`pass_at_k` of the samples of one template where some may be missing.

    Samples that did not start are never missing, so both kinds are estimated apart (stratified):
    of `k` drawn ones some number may run, and of these the decided ones are a random part. With
    k = 1 it is the share of `share_of`; with nothing missing it is `pass_at_k` of all samples.

    Returns:
        None: fewer than k samples, or too few that may run were decided.
    """
    in_play = [app for app in judged if app.verdict != "not applicable"]
    stopped = sum(map(_stopped, in_play))
    may_run, whole = len(in_play) - stopped, len(in_play)
    passed = sum(app.verdict == "pass" for app in in_play)
    decided = sum(app.verdict != "missing" and not _stopped(app) for app in in_play)
    if whole < k or decided < min(k, may_run):
        return None
    if k == 1:
        return passed * may_run / (decided * whole) if decided else 0.0
    drawn = range(max(1, k - stopped), min(k, may_run) + 1)
    chance = [
        math.comb(may_run, i) * math.comb(stopped, k - i) / math.comb(whole, k) for i in drawn
    ]
    found = [pass_at_k(decided, passed, i) or 0.0 for i in drawn]
    return math.fsum(p * q for p, q in zip(chance, found, strict=True))
