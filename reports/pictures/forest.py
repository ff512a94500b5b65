"""Forest plot: an estimate with its interval per row, and which rows are not told apart."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reports.pictures.drawing import Drawing, Picture
from reports.pictures.scales import Scale, figure, from_zero, logarithmic

_WIDTH, _LABELS, _SHOWN, _TIED, _ROW, _TOP = 860.0, 190.0, 270.0, 60.0, 30.0, 40.0


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One model.

    Attributes:
        estimate: None: it is not known, and `note` says why.
        interval: of the estimate; None: it has none.
        bounds: where the figure must lie whatever was not measured; None: nothing is missing.
        tied: letters of the sets it belongs to; rows that share a letter are not told apart.
        note: beside the row, instead of the figures if there are none.
    """

    label: str
    estimate: float | None
    interval: tuple[float, float] | None = None
    bounds: tuple[float, float] | None = None
    tied: str = ""
    note: str = ""


def forest_plot(
    rows: Sequence[ForestRow],
    what: str,
    *,
    share: bool = False,
    ratio: bool = False,
    name: str = "models",
) -> Picture:
    """A line per row: point, interval, and the band of what is missing.

    Args:
        rows: in the order in which they are drawn.
        what: the figure, as it stands at the axis.
        share: the figure is a share of 0..1, written in percent.
        ratio: the figure is a ratio above zero, on a logarithmic axis with a line at 1.
        name: of the picture.
    """
    drawing = Drawing(name, _WIDTH, _TOP + len(rows) * _ROW + 44)
    written = _percent if share else figure
    scale = _scale(rows, share, ratio)
    _axis(drawing, scale, what, written, ratio)
    _legend(drawing, rows)
    for at, row in enumerate(rows):
        _row(drawing, scale, _TOP + at * _ROW + _ROW / 2, row, written)
    told = "; ".join(f"{row.label}: {_told(row, written)}" for row in rows)
    return drawing.picture(f"{what[:1].upper()}{what[1:]}, with intervals", told or "No rows.")


def _scale(rows: Sequence[ForestRow], share: bool, ratio: bool) -> Scale:
    ends = _LABELS, _WIDTH - _SHOWN - _TIED
    if share:
        return Scale(0, 1, *ends)
    values = [value for row in rows for value in _values(row) if math.isfinite(value)]
    return logarithmic([*values, 1.0], *ends) if ratio else _linear(values, *ends)


def _linear(values: Sequence[float], start: float, end: float) -> Scale:
    low, high = min(values, default=0.0), max(values, default=1.0)
    if low >= 0:
        return from_zero(high, start, end)
    return Scale(low * 1.1, max(high, 0.0) * 1.1 or -low * 0.1, start, end)


def _values(row: ForestRow) -> tuple[float, ...]:
    estimate = () if row.estimate is None else (row.estimate,)
    return (*estimate, *(row.interval or ()), *(row.bounds or ()))


def _row(
    drawing: Drawing, scale: Scale, y: float, row: ForestRow, written: Callable[[float], str]
) -> None:
    drawing.text("ink", _LABELS - 10, y + 4, row.label, "end", _LABELS - 16)
    if row.bounds:
        low, high = map(scale.at, row.bounds)
        drawing.rect("bounds", low, y - 8, max(high - low, 1), 16)
    if row.interval:
        low, high = map(scale.at, row.interval)
        drawing.line("interval", low, y, high, y)
        for x in (low, high):
            drawing.line("interval", x, y - 4, x, y + 4)
    if row.estimate is not None:
        drawing.circle("accent", scale.at(row.estimate), y, 4.5)
    x = _WIDTH - _SHOWN - _TIED + 16
    room = _SHOWN - 14 if row.tied else _SHOWN + _TIED - 28
    drawing.text("ink", x, y + 4, _told(row, written), room=room)
    drawing.text("strong", _WIDTH - 12, y + 4, row.tied, "end", _TIED)


def _told(row: ForestRow, written: Callable[[float], str]) -> str:
    if row.estimate is None:
        return f"unknown{f': {row.note}' if row.note else ''}"
    parts = [written(row.estimate)]
    if row.interval:
        parts.append(f"({written(row.interval[0])} to {written(row.interval[1])})")
    return " ".join((*parts, row.note)).strip()


def _axis(
    drawing: Drawing, scale: Scale, what: str, written: Callable[[float], str], ratio: bool
) -> None:
    bottom = drawing.height - 40
    for tick in scale.ticks(5):
        drawing.line("grid", scale.at(tick), _TOP, scale.at(tick), bottom)
        drawing.text("soft", scale.at(tick), bottom + 14, written(tick), "middle")
    if ratio or scale.low < 0:
        here = scale.at(1.0 if ratio else 0.0)
        drawing.line("axis", here, _TOP, here, bottom)
    drawing.text("soft", (scale.start + scale.end) / 2, bottom + 32, what, "middle")


def _legend(drawing: Drawing, rows: Sequence[ForestRow]) -> None:
    x, y = _LABELS, 20.0
    drawing.circle("accent", x + 10, y - 4, 4.5)
    drawing.line("interval", x, y - 4, x + 20, y - 4)
    drawing.text("ink", x + 26, y, "estimate, 95 % interval")
    if any(row.bounds for row in rows):
        drawing.rect("bounds", x + 178, y - 11, 22, 14)
        drawing.text("ink", x + 206, y, "if all missing were bad, good")
    if any(row.tied for row in rows):
        drawing.text("soft", _WIDTH - 12, y, "same letter: tied", "end")


def _percent(value: float) -> str:
    return f"{value * 100:.0f} %"
