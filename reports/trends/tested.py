"""The test of many series of equal length at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.statistics.change import Changes, changes
from reports.statistics.resampling import Floats
from reports.trends.scales import SCALES, Scale
from reports.trends.series import Series


@dataclass(slots=True)
class Tested:
    """A series with what the test found.

    Attributes:
        at: place of the first point behind the change, among those that count.
        levels: on the figure's scale: level before, shift, low and high of the shift.
        within: the larger end of the interval of the newest level, as a share of the level before.
        spread: standard deviation without the change; infinite: a value has no place on the scale.
        steady: a steady trend says about as much as a change.
    """

    series: Series
    points: int
    at: int
    p: float
    levels: tuple[float, float, float, float]
    within: float
    spread: float
    steady: bool


class Batch:
    """Series of equal length with what the test found.

    Attributes:
        p: of each.
        within: of each, as in `Tested`.
    """

    def __init__(self, alike: Sequence[Series], rows: Floats) -> None:
        """Look for a change in each of them.

        Args:
            alike: the series.
            rows: a row for each, its values on its scale.
        """
        sound: Any = np.isfinite(rows).all(axis=1)
        rows = np.where(sound[:, None], rows, 0.0)
        floors = np.array([SCALES[series.figure].floor for series in alike])
        self._alike, self._points = alike, rows.shape[1]
        self._found = changes(rows, floors)
        self._before, spread = _noise(rows, self._found.at)
        self._spread = np.where(sound, np.maximum(spread, floors), np.inf)
        self.p = self._found.p
        self.within = np.where(sound, _within(alike, self._before, self._found), np.inf)

    def chosen(self, which: NDArray[np.bool_]) -> list[Tested]:
        """Those of them, one by one."""
        found, number = self._found, np.flatnonzero(which)
        levels = (self._before, found.shift, found.low, found.high)
        columns = (found.at, found.p, self.within, self._spread, found.steady, *levels)
        values = zip(*(column[number].tolist() for column in columns), strict=True)
        return [
            Tested(self._alike[place], self._points, at, p, tuple(levels), *more)
            for place, (at, p, *more, level, shift, low, high) in zip(
                number.tolist(), values, strict=True
            )
            for levels in ((level, shift, low, high),)
        ]


def rows_of(alike: Sequence[Series]) -> Floats:
    """Their values on their scales; all have equally many that count."""
    scales = [SCALES[series.figure] for series in alike]
    return np.array(
        [
            [scale.to(point.value or 0.0) for point in series.used]
            for series, scale in zip(alike, scales, strict=True)
        ]
    )


def means_of(alike: Sequence[Series]) -> Floats:
    """The same, from their `values`: means over the operations; NaN where one has no place."""
    values = [series.values for series in alike if series.values]
    points = values[0].pipelines
    sizes = np.array([len(one.numbers) // points for one in values])
    flat = np.frombuffer(b"".join(one.numbers for one in values))
    scaled = _by_kind(alike, sizes * points, lambda scale, at: scale.to_all(flat[at]))
    each = np.repeat(sizes, points)
    starts = np.concatenate(([0], each.cumsum()[:-1]))
    return (np.add.reduceat(scaled, starts) / each).reshape(len(alike), points)


def _by_kind(
    alike: Sequence[Series],
    sizes: int | NDArray[Any],
    make: Callable[[Scale, Any], Floats],
) -> Floats:
    """Numbers of series on different scales: `make` is called once for each kind of scale.

    Args:
        alike: the series.
        sizes: how many numbers each of them has.
        make: from a scale and a mask of numbers to as many numbers.
    """
    kinds = np.array([SCALES[series.figure].kind for series in alike])
    made = np.empty(int(np.broadcast_to(sizes, len(alike)).sum()))
    for scale in {SCALES[series.figure].kind: SCALES[series.figure] for series in alike}.values():
        mask = np.repeat(kinds == scale.kind, sizes)
        made[mask] = make(scale, mask)
    return made


def _within(alike: Sequence[Series], before: Floats, found: Changes) -> Floats:
    def largest(scale: Scale, at: Any) -> Floats:
        low = scale.ratios(before[at], before[at] + found.recent_low[at])
        high = scale.ratios(before[at], before[at] + found.recent_high[at])
        return np.maximum(np.abs(low - 1), np.abs(high - 1))

    return _by_kind(alike, 1, largest)


def _noise(rows: Floats, at: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """The level before the change, and the standard deviation without the change."""
    points = rows.shape[1]
    early = np.arange(points) < at[:, None]
    before = (rows * early).sum(axis=1) / at
    behind = (rows * ~early).sum(axis=1) / (points - at)
    left = rows - np.where(early, before[:, None], behind[:, None])
    return before, np.sqrt((left**2).sum(axis=1) / (points - 1))
