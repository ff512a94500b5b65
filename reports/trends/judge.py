"""What is said of many series at once: test, correction, and words for what is not known."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from reports.statistics.change import FEWEST, points_needed
from reports.statistics.pairs import benjamini_hochberg
from reports.trends.model import Direction, Trend, TrendPoint, TrendState
from reports.trends.points import AppSeries
from reports.trends.scales import SCALES, Scale
from reports.trends.series import Series
from reports.trends.tested import Tested, rows_of, tested

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


_Counted = list[_Said]


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
        self._scans: dict[tuple[str, int], _Counted] = {}
        self.states: Counter[TrendState] = Counter()
        self.reasons: Counter[str] = Counter()

    def add(self, apps: Iterator[AppSeries]) -> None:
        """Take all figures of some apps."""
        while some := list(islice(apps, _TOGETHER)):
            found: list[Series] = []
            for app in some:
                found += app.loads()
                if self._whole or not app.scanned:
                    found += app.scans()
                else:
                    self._same_scans(app)
            self.add_series(found)

    def add_series(self, found: Iterable[Series]) -> None:
        """Take some series."""
        by_length: defaultdict[int, list[Series]] = defaultdict(list)
        by_shape: defaultdict[tuple[str, int, int], list[Series]] = defaultdict(list)
        for series in found:
            if series.values is not None and len(series.values) >= FEWEST:
                shape = series.figure, len(series.values), len(series.values[0])
                by_shape[shape].append(series)
            else:
                self._sort(series, by_length)
        for (figure, *_), alike in by_shape.items():
            self._quick(SCALES[figure], alike, by_length)
        for alike in by_length.values():
            self._keep(tested(alike, rows_of(alike)))

    def _sort(self, series: Series, by_length: defaultdict[int, list[Series]]) -> None:
        """Say what is known of it without a test, or put it to those that must be tested."""
        number = sum(not point.reason for point in series.points)
        if (simple := _simple(series, number)) is None:
            by_length[number].append(series)
        else:
            self._take(series, simple)

    def _quick(
        self, scale: Scale, alike: Sequence[Series], by_length: defaultdict[int, list[Series]]
    ) -> None:
        """Test series of one shape together; those that are not for that, one by one."""
        rows = scale.to_all(np.array([series.values for series in alike])).mean(axis=2)
        sound: Any = np.isfinite(rows).all(axis=1)
        fit: Any = sound & (np.ptp(rows, axis=1) > 0)
        for at in np.flatnonzero(~sound).tolist():
            self._sort(alike[at], by_length)
        for at in np.flatnonzero(sound & ~fit).tolist():
            self._take(alike[at], _always(rows.shape[1]))
        chosen = [alike[at] for at in np.flatnonzero(fit).tolist()]
        if chosen:
            self._keep(tested(chosen, rows[fit]))

    def _keep(self, found: Iterable[Tested]) -> None:
        """Keep those of which the correction decides; of others only the count, for memory's sake.

        A corrected p is never below the p itself.
        """
        for one in found:
            if self._whole or one.p <= LEVEL:
                one.series.settle()
                self._tested.append(one)
            else:
                self._above.append(one.p)
                self._count(_judged(one, one.p))

    def result(self) -> list[Trend]:
        """All that was taken: changes first, the surest first."""
        corrected = self._corrected()
        pairs = zip(self._tested, corrected, strict=False)
        for one, share in sorted(pairs, key=lambda pair: pair[0].p):
            said = _judged(one, share)
            self._count(said)
            if self._whole or said.state is TrendState.CHANGED:
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

    def _count(self, said: _Said, number: int = 1) -> None:
        self.states[said.state] += number
        if reason := said.more.get("reason"):
            self.reasons[f"{said.state.value}: {reason}"] += number

    def _same_scans(self, app: AppSeries) -> None:
        """Scans that left the same in all pipelines: what is said of them is known by digest."""
        key = app.scanned, len(app.runs)
        if key not in self._scans:
            series = list(app.scans())
            numbers = [sum(not point.reason for point in one.points) for one in series]
            found = [_simple(one, number) for one, number in zip(series, numbers, strict=True)]
            self._scans[key] = [said for said in found if said is not None]
        for said in self._scans[key]:
            self._count(said)
            self._constant += said.state is TrendState.UNCHANGED


def _simple(series: Series, number: int) -> _Said | None:
    """What is known without a test; None: it must be tested."""
    if why := series.points[-1].reason:
        return _Said(TrendState.NOT_COMPARABLE, number, {"reason": why})
    if number < FEWEST:
        return _too_few(series, number)
    values = {point.value for point in series.points if not point.reason}
    return _always(number) if len(values) == 1 else None


def _always(number: int) -> _Said:
    return _Said(TrendState.UNCHANGED, number, {"within": 0.0})


def _judged(one: Tested, corrected: float) -> _Said:
    scale = SCALES[one.series.figure]
    before, shift, *_ = one.levels
    ratio = scale.ratio(before, before + shift)
    small = ratio is not None and abs(ratio - 1) < LEAST
    sure: dict[str, Any] = {"p": one.p, "corrected": corrected}
    if corrected <= LEVEL and not small and math.isfinite(one.spread):
        return _Said(TrendState.CHANGED, one.points, {**sure, **_changed(one, scale)})
    within = _within(scale, one)
    if within <= WIDEST:
        return _Said(TrendState.UNCHANGED, one.points, {**sure, "within": within})
    needed = _needed(scale, one)
    reason = "the figure varies too much for its number of measurements"
    if not needed:
        reason = "the figure varies too much: more measurements would not help"
    return _Said(TrendState.TOO_FEW, one.points, {**sure, "needed": needed, "reason": reason})


def _changed(one: Tested, scale: Scale) -> dict[str, Any]:
    before, shift, low, high = one.levels
    used = one.series.used
    worse = (shift > 0) == scale.more_is_worse
    first, last = used[one.at - 1].source, used[one.at].source
    return {
        "direction": Direction.WORSE if worse else Direction.BETTER,
        "since": used[one.at].at.pipeline_id,
        "source_changed": first != last if first and last else None,
        "before": scale.back(before),
        "after": scale.back(before + shift),
        "ratio": scale.ratio(before, before + shift),
        "low": scale.ratio(before, before + low),
        "high": scale.ratio(before, before + high),
    }


def _within(scale: Scale, one: Tested) -> float:
    """The larger end of the interval of the newest level, as a share of the level before."""
    if not math.isfinite(one.spread):
        return math.inf
    before = one.levels[0]
    ends = [scale.ratio(before, before + end) for end in one.recent]
    return max(math.inf if end is None else abs(end - 1) for end in ends)


def _needed(scale: Scale, one: Tested) -> int:
    if not math.isfinite(one.spread):
        return 0
    before = one.levels[0]
    value = scale.back(before)
    return points_needed(one.spread, abs(scale.to(value * (1 + WIDEST)) - scale.to(value)))


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
