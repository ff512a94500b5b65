"""The test of many series of equal length at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.statistics.change import changes
from reports.statistics.resampling import Floats
from reports.trends.scales import SCALES
from reports.trends.series import Series


@dataclass(slots=True)
class Tested:
    """A series with what the test found.

    Attributes:
        at: place of the first point behind the change, among those that count.
        levels: on the figure's scale: level before, shift, low and high of the shift.
        recent: low and high of the shift of the newest points.
        spread: standard deviation without the change; infinite: a value has no place on the scale.
    """

    series: Series
    points: int
    at: int
    p: float
    levels: tuple[float, float, float, float]
    recent: tuple[float, float]
    spread: float


def rows_of(alike: Sequence[Series]) -> Floats:
    """Their values on their scales; all have equally many that count."""
    scales = [SCALES[series.figure] for series in alike]
    return np.array(
        [
            [scale.to(point.value or 0.0) for point in series.points if not point.reason]
            for series, scale in zip(alike, scales, strict=True)
        ]
    )


def tested(alike: Sequence[Series], rows: Floats) -> list[Tested]:
    """Look for a change in each of them."""
    sound: Any = np.isfinite(rows).all(axis=1)
    rows[~sound] = 0.0
    floors = np.array([SCALES[series.figure].floor for series in alike])
    found = changes(rows, floors)
    before, spread = _noise(rows, found.at)
    spread = np.where(sound, np.maximum(spread, floors), math.inf)
    columns = (found.at, found.p, before, found.shift, found.low, found.high)
    ends = (found.recent_low, found.recent_high, spread)
    values = zip(*(column.tolist() for column in (*columns, *ends)), strict=True)
    return [
        Tested(series, rows.shape[1], at, p, (level, shift, low, high), (least, most), noise)
        for series, (at, p, level, shift, low, high, least, most, noise) in zip(
            alike, values, strict=True
        )
    ]


def _noise(rows: Floats, at: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """The level before the change, and the standard deviation without the change."""
    points = rows.shape[1]
    early = np.arange(points) < at[:, None]
    before = (rows * early).sum(axis=1) / at
    behind = (rows * ~early).sum(axis=1) / (points - at)
    left = rows - np.where(early, before[:, None], behind[:, None])
    return before, np.sqrt((left**2).sum(axis=1) / (points - 1))
