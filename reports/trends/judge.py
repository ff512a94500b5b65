"""What is said of many series at once: test, correction, and words for what is not known."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np

from reports.statistics.change import FEWEST, points_needed
from reports.statistics.pairs import benjamini_hochberg
from reports.statistics.resampling import Floats
from reports.trends.causes import elsewhere
from reports.trends.model import Direction, Trend, TrendPoint, TrendState
from reports.trends.points import AppSeries
from reports.trends.scales import SCALES, Scale
from reports.trends.series import WINDOW, Series
from reports.trends.tested import Batch, Tested, means_of, rows_of
from reports.trends.words import titled

LEVEL = 0.05
"""Of those called changed, at most this share is wrongly so, as far as noise has no drift."""
_TOGETHER = 100  # apps whose figures are in memory at once
LEAST = 0.03
"""A smaller change is none, however sure it is."""
WIDEST = 0.25
"""`unchanged` needs an interval of at most this share; a wider one says that points are too few."""


class _Said(NamedTuple):
    """What is said of a series; `more`: fields of its `Trend`."""

    state: TrendState
    points: int
    more: dict[str, Any]


_ByLength = defaultdict[int, list[Series]]


class Judge:
    """Takes series in any number of parts; answers when all are known: a correction needs all."""

    def __init__(self, *, whole: bool = False) -> None:
        """Keep every point for the answer, or only what the answer of changes needs.

        Args:
            whole: tell every series with its points, not only those that changed.
        """
        self._whole = whole
        self._tested: list[Tested] = []
        self._above: list[float] = []
        self._constant = 0
        self._told: list[Trend] = []
        self.states: Counter[TrendState] = Counter()
        self.reasons: Counter[str] = Counter()

    def add(self, apps: Iterator[AppSeries]) -> None:
        """Take all figures of some apps."""
        while some := list(islice(apps, _TOGETHER)):
            found = (figures for app in some for figures in (app.loads(), app.scans()))
            self.add_series(chain.from_iterable(found))

    def add_series(self, found: Iterable[Series]) -> None:
        """Take some series."""
        numbers: _ByLength = defaultdict(list)
        points: _ByLength = defaultdict(list)
        same = 0
        for series in found:
            values = series.values
            if values is None or values.pipelines < FEWEST:
                self._sort(series, points)
            elif values.numbers:
                numbers[values.pipelines].append(series)
            elif self._whole:
                self._take(series, _always(values.pipelines))
            else:
                same += 1
        self._constant += same
        self.states[TrendState.UNCHANGED] += same
        for alike in numbers.values():
            self._quick(alike, points)
        for alike in points.values():
            self._keep(alike, rows_of(alike))

    def _sort(self, series: Series, by_length: _ByLength) -> None:
        """Say what is known of it without a test, or put it to those that must be tested."""
        number = len(series.used)
        if (simple := _simple(series, number)) is None:
            by_length[number].append(series)
        else:
            self._take(series, simple)

    def _quick(self, alike: Sequence[Series], by_length: _ByLength) -> None:
        """Test those of equal length by their numbers; those that are not for that, by points."""
        rows = means_of(alike)
        sound: Any = np.isfinite(rows).all(axis=1)
        fit: Any = sound & (np.ptp(rows, axis=1) > 0)
        for at in np.flatnonzero(~sound).tolist():
            self._sort(alike[at], by_length)
        for at in np.flatnonzero(sound & ~fit).tolist():
            self._take(alike[at], _always(rows.shape[1]))
        if fit.any():
            self._keep([alike[at] for at in np.flatnonzero(fit).tolist()], rows[fit])

    def _keep(self, alike: Sequence[Series], rows: Floats) -> None:
        """Keep those of which the correction decides; of others only the count, for memory's sake.

        A corrected p is never below the p itself.
        """
        found = Batch(alike, rows)
        kept: Any = np.full(len(alike), True) if self._whole else found.p <= LEVEL
        for one in found.chosen(kept):
            one.series.settle()
            self._tested.append(one)
        self._above += found.p[~kept].tolist()
        calm: Any = ~kept & (found.within <= WIDEST)
        self.states[TrendState.UNCHANGED] += int(calm.sum())
        for one in found.chosen(~kept & ~calm):
            self._count(_judged(one, one.p))

    def result(self) -> list[Trend]:
        """All that was taken: changes first, the surest first."""
        corrected = self._corrected()
        pairs = zip(self._tested, corrected, strict=False)
        for one, share in sorted(pairs, key=lambda pair: pair[0].p):
            said = _judged(one, share)
            self._count(said)
            if self._whole or said.state in (TrendState.CHANGED, TrendState.DRIFTING):
                self._told.append(_trend(one.series, said))
        self._tested = []
        order = list(TrendState)
        self._told.sort(key=lambda trend: order.index(trend.state))
        return self._told

    def _corrected(self) -> list[float]:
        """Of those tested and kept; figures that never moved are tests, too."""
        others = [*self._above, *[1.0] * self._constant]
        return benjamini_hochberg([*(one.p for one in self._tested), *others])

    def _take(self, series: Series, said: _Said) -> None:
        self._count(said)
        self._constant += said.state is TrendState.UNCHANGED
        if self._whole:
            self._told.append(_trend(series, said))

    def _count(self, said: _Said) -> None:
        self.states[said.state] += 1
        if reason := said.more.get("reason"):
            self.reasons[f"{titled(said.state)}: {reason}"] += 1


def _simple(series: Series, number: int) -> _Said | None:
    """What is known without a test; None: it must be tested."""
    if why := series.points[-1].reason:
        return _Said(TrendState.NOT_COMPARABLE, number, {"reason": why})
    if number < FEWEST:
        return _too_few(series, number)
    values = {point.value for point in series.used}
    return _always(number) if len(values) == 1 else None


@cache
def _always(number: int) -> _Said:
    return _Said(TrendState.UNCHANGED, number, {"within": 0.0})


def _judged(one: Tested, corrected: float) -> _Said:
    scale = SCALES[one.series.figure]
    before, shift, *_ = one.levels
    ratio = scale.ratio(before, before + shift)
    small = ratio is not None and abs(ratio - 1) < LEAST
    sure: dict[str, Any] = {"p": one.p, "corrected": corrected}
    if corrected <= LEVEL and not small and math.isfinite(one.spread):
        if one.steady:
            return _Said(TrendState.DRIFTING, one.points, {**sure, **_moved(one, scale)})
        return _Said(TrendState.CHANGED, one.points, {**sure, **_changed(one, scale)})
    if one.within <= WIDEST:
        return _Said(TrendState.UNCHANGED, one.points, {**sure, "within": one.within})
    needed = _needed(scale, one)
    reason = "the figure varies too much for its number of measurements"
    if not needed:
        reason = "the figure varies too much: more measurements would not help"
    return _Said(TrendState.TOO_FEW, one.points, {**sure, "needed": needed, "reason": reason})


def _moved(one: Tested, scale: Scale) -> dict[str, Any]:
    before, shift, *_ = one.levels
    worse = (shift > 0) == scale.more_is_worse
    return {
        "direction": Direction.WORSE if worse else Direction.BETTER,
        "before": scale.back(before),
        "after": scale.back(before + shift),
        "ratio": scale.ratio(before, before + shift),
    }


def _changed(one: Tested, scale: Scale) -> dict[str, Any]:
    before, shift, low, high = one.levels
    used = one.series.used
    first, last = used[one.at - 1].source, used[one.at].source
    same = first == last if first and last else None
    return {
        **_moved(one, scale),
        "since": used[one.at].at.pipeline_id,
        "source_changed": None if same is None else not same,
        "elsewhere": elsewhere(one.series.cell, scale, used, one.at, shift),
        "low": scale.ratio(before, before + low),
        "high": scale.ratio(before, before + high),
    }


def _needed(scale: Scale, one: Tested) -> int:
    if not math.isfinite(one.spread):
        return 0
    before = one.levels[0]
    value = scale.back(before)
    shift = abs(scale.to(value * (1 + WIDEST)) - scale.to(value))
    return points_needed(one.spread, shift, WINDOW)


def _trend(series: Series, said: _Said) -> Trend:
    points = (
        TrendPoint(
            pipeline_id=point.at.pipeline_id,
            at=point.at.created_at,
            value=point.value,
            reason=point.reason,
            source=point.source,
        )
        for point in series.points
    )
    values: dict[str, Any] = {"after": series.points[-1].value, **said.more}
    return Trend(
        app=series.ref.label,
        cell=series.cell,
        figure=series.figure,
        unit=SCALES[series.figure].unit,
        state=said.state,
        points=said.points,
        series=tuple(points),
        **values,
    )


def _too_few(series: Series, number: int) -> _Said:
    """Why there are not more: what most of the others lack."""
    lost = Counter(point.reason for point in series.points if point.reason)
    if not lost or len(series.points) < FEWEST:
        more = {"needed": FEWEST, "reason": "the app has too few pipelines"}
        return _Said(TrendState.TOO_FEW, number, more)
    why, often = lost.most_common(1)[0]
    if number == 1:
        return _Said(TrendState.NOT_COMPARABLE, number, {"reason": why})
    more = {"needed": FEWEST, "reason": f"of {often} earlier ones: {why}"}
    return _Said(TrendState.TOO_FEW, number, more)
