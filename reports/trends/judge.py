"""What is said of many series at once: test, correction, and words for what is not known."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reports.statistics.change import FEWEST, Changes, changes, points_needed
from reports.statistics.pairs import benjamini_hochberg
from reports.trends.model import Direction, Trend, TrendPoint, TrendState
from reports.trends.points import Series, is_constant
from reports.trends.scales import SCALES, Scale

LEVEL = 0.05
"""Of those called changed, at most this share is wrongly so, as far as noise has no drift."""
LEAST = 0.03
"""A smaller change is none, however sure it is."""
WIDEST = 0.25
"""`unchanged` needs an interval of at most this share; a wider one says that points are too few."""


@dataclass(slots=True)
class _Tested:
    """A series with what the test found; `levels` on its scale: before, shift, low and high."""

    series: Series
    points: int
    at: int
    p: float
    levels: tuple[float, float, float, float]
    recent: tuple[float, float]
    spread: float


class Judge:
    """Takes series in any number of parts; answers when all are known: a correction needs all."""

    def __init__(self, *, whole: bool = False) -> None:
        """Keep every point for the answer, or only what the answer of changes needs.

        Args:
            whole: tell every series with its points, not only those that changed.
        """
        self._whole = whole
        self._tested: list[_Tested] = []
        self._constant = 0
        self._told: list[Trend] = []
        self.states: Counter[TrendState] = Counter()
        self.reasons: Counter[str] = Counter()

    def add(self, found: Iterable[Series]) -> None:
        """Take some series."""
        by_length: defaultdict[int, list[Series]] = defaultdict(list)
        for series in found:
            why = series.points[-1].reason
            number = sum(not point.reason for point in series.points)
            if why:
                self._tell(_not_comparable(series, why, number))
            elif number < FEWEST:
                self._tell(_too_few(series, number))
            elif is_constant(series):
                self._constant += 1
                self._tell(_constant(series, number))
            else:
                by_length[number].append(series)
        for number, alike in by_length.items():
            self._tested += _test(alike, number)

    def result(self) -> list[Trend]:
        """All that was taken: changes first, the surest first."""
        corrected = benjamini_hochberg([one.p for one in self._tested] + [1.0] * self._constant)
        pairs = zip(self._tested, corrected, strict=False)
        for one, share in sorted(pairs, key=lambda pair: pair[0].p):
            self._tell(_judged(one, share))
        self._tested, self._constant = [], 0
        order = list(TrendState)
        self._told.sort(key=lambda trend: order.index(trend.state))
        return self._told

    def _tell(self, trend: Trend) -> None:
        self.states[trend.state] += 1
        if trend.reason:
            self.reasons[f"{trend.state.value}: {trend.reason}"] += 1
        if self._whole or trend.state is TrendState.CHANGED:
            self._told.append(trend)


def _test(alike: Sequence[Series], number: int) -> list[_Tested]:
    scales = [SCALES[series.figure] for series in alike]
    rows = np.array(
        [
            [scale.to(point.value or 0.0) for point in series.points if not point.reason]
            for series, scale in zip(alike, scales, strict=True)
        ]
    )
    sound: Any = np.isfinite(rows).all(axis=1)
    rows[~sound] = 0.0
    found = changes(rows, np.array([scale.floor for scale in scales]))
    return [
        _tested(series, rows[at], found, at) if sound[at] else _unsound(series, number)
        for at, series in enumerate(alike)
    ]


def _tested(series: Series, row: Any, found: Changes, at: int) -> _Tested:
    cut = int(found.at[at])
    before = float(row[:cut].mean())
    # Without the change itself, what is left is noise.
    left = np.concatenate([row[:cut] - before, row[cut:] - row[cut:].mean()])
    return _Tested(
        series,
        len(row),
        cut,
        float(found.p[at]),
        (before, float(found.shift[at]), float(found.low[at]), float(found.high[at])),
        (float(found.recent_low[at]), float(found.recent_high[at])),
        SCALES[series.figure].spread(left),
    )


def _unsound(series: Series, number: int) -> _Tested:
    """A value that has no place on its scale: nothing can be told."""
    return _Tested(series, number, 0, 1.0, (0.0, 0.0, 0.0, 0.0), (-math.inf, math.inf), math.inf)


def _judged(one: _Tested, corrected: float) -> Trend:
    scale = SCALES[one.series.figure]
    before, shift, low, high = one.levels
    ratio = scale.ratio(before, before + shift)
    small = ratio is not None and abs(ratio - 1) < LEAST
    if corrected <= LEVEL and not small and math.isfinite(one.spread):
        return _changed(one, scale, corrected, (before, shift, low, high))
    within = _within(scale, one)
    if within <= WIDEST:
        return _about(
            one.series,
            TrendState.UNCHANGED,
            one.points,
            within=within,
            p=one.p,
            corrected=corrected,
        )
    needed = _needed(scale, one)
    reason = (
        "the figure varies too much for its number of measurements"
        if needed
        else "the figure varies too much: more measurements would not help"
    )
    return _about(
        one.series,
        TrendState.TOO_FEW,
        one.points,
        needed=needed,
        reason=reason,
        p=one.p,
        corrected=corrected,
    )


def _changed(
    one: _Tested, scale: Scale, corrected: float, levels: tuple[float, float, float, float]
) -> Trend:
    before, shift, low, high = levels
    used = one.series.used
    worse = (shift > 0) == scale.more_is_worse
    first, last = used[one.at - 1].source, used[one.at].source
    return _about(
        one.series,
        TrendState.CHANGED,
        one.points,
        direction=Direction.WORSE if worse else Direction.BETTER,
        since=used[one.at].at.pipeline_id,
        source_changed=first != last if first and last else None,
        before=scale.back(before),
        after=scale.back(before + shift),
        ratio=scale.ratio(before, before + shift),
        low=scale.ratio(before, before + low),
        high=scale.ratio(before, before + high),
        p=one.p,
        corrected=corrected,
    )


def _within(scale: Scale, one: _Tested) -> float:
    """The larger end of the interval of the newest level, as a share of the level before."""
    if not math.isfinite(one.spread):
        return math.inf
    before = one.levels[0]
    ends = [scale.ratio(before, before + end) for end in one.recent]
    return max(math.inf if end is None else abs(end - 1) for end in ends)


def _needed(scale: Scale, one: _Tested) -> int:
    if not math.isfinite(one.spread):
        return 0
    before = one.levels[0]
    value = scale.back(before)
    return points_needed(one.spread, abs(scale.to(value * (1 + WIDEST)) - scale.to(value)))


def _about(series: Series, state: TrendState, number: int, **more: Any) -> Trend:
    last = series.points[-1]
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
    values: dict[str, Any] = {"after": last.value, **more}
    return Trend(
        app=series.ref.label,
        cell=series.cell,
        figure=series.figure,
        unit=SCALES[series.figure].unit,
        state=state,
        points=number,
        series=tuple(points),
        **values,
    )


def _not_comparable(series: Series, why: str, number: int) -> Trend:
    return _about(series, TrendState.NOT_COMPARABLE, number, reason=why)


def _too_few(series: Series, number: int) -> Trend:
    """Why there are not more: what most of the others lack."""
    lost = Counter(point.reason for point in series.points if point.reason)
    if lost and len(series.points) >= FEWEST:
        why, often = lost.most_common(1)[0]
        text = f"of {often} earlier ones: {why}"
        if number == 1:
            return _about(series, TrendState.NOT_COMPARABLE, number, reason=why)
        return _about(series, TrendState.TOO_FEW, number, needed=FEWEST, reason=text)
    reason = "the app has too few pipelines"
    return _about(series, TrendState.TOO_FEW, number, needed=FEWEST, reason=reason)


def _constant(series: Series, number: int) -> Trend:
    return _about(series, TrendState.UNCHANGED, number, within=0.0)
