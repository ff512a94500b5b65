"""Distributions of a load figure: a dot per app, and the quarters of all apps of a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles

from reports.pictures.drawing import Drawing, Picture, number
from reports.pictures.scales import Scale, label, logarithmic

_WIDTH, _LABELS, _NOTES, _ROW, _TOP = 760.0, 190.0, 170.0, 40.0, 34.0
# Fewer have no quarters worth a box; of more, single dots cannot be told apart.
_BOX_FROM, _DOTS_TO = 5, 400


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """One model.

    Attributes:
        values: the figure of each app that was measured in calm.
        left_out: apps without a figure, whatever the reason.
    """

    label: str
    values: Sequence[float]
    left_out: int = 0


def latency_plot(rows: Sequence[LatencyRow], what: str, unit: str, name: str = "load") -> Picture:
    """Every app as a dot on a logarithmic axis, quarters as a box, the median as a line."""
    drawing = Drawing(name, _WIDTH, _TOP + len(rows) * _ROW + 44)
    values = [value for row in rows for value in row.values]
    scale = logarithmic(values, _LABELS, _WIDTH - _NOTES)
    _axis(drawing, scale, f"{what}, {unit}")
    drawing.text("soft", _LABELS, 18, "dot: an app; box: the middle half; line: the median")
    for at, row in enumerate(rows):
        _row(drawing, scale, _TOP + at * _ROW + _ROW / 2, row)
    told = "; ".join(f"{row.label}: {_told(row, unit)}" for row in rows)
    return drawing.picture(f"{what[:1].upper()}{what[1:]} by model", told or "No rows.")


def _row(drawing: Drawing, scale: Scale, y: float, row: LatencyRow) -> None:
    drawing.text("ink", _LABELS - 10, y + 4, row.label, "end", _LABELS - 16)
    known = sorted(value for value in row.values if value > 0)
    if len(known) >= _BOX_FROM:
        low, middle, high = map(scale.at, quantiles(known, n=4, method="inclusive"))
        drawing.rect("box", low, y - 9, max(high - low, 1), 18)
        drawing.line("median", middle, y - 11, middle, y + 11)
    step = -(-len(known) // _DOTS_TO) or 1
    apart = 3 if len(known) >= _BOX_FROM else 0
    for at, value in enumerate(known[::step]):
        drawing.circle("dot", scale.at(value), y + (at % 5 - 2) * apart, 2.8)
    drawing.text("soft", _WIDTH - _NOTES + 12, y + 4, _counted(row), room=_NOTES - 16)


def _axis(drawing: Drawing, scale: Scale, what: str) -> None:
    bottom = drawing.height - 40
    for tick in scale.ticks():
        drawing.line("grid", scale.at(tick), _TOP - 6, scale.at(tick), bottom)
        drawing.text("soft", scale.at(tick), bottom + 14, label(tick), "middle")
    drawing.text("soft", (scale.start + scale.end) / 2, bottom + 32, what, "middle")


def _counted(row: LatencyRow) -> str:
    left_out = f", {row.left_out} without" if row.left_out else ""
    return f"{len(row.values)} app{'s' if len(row.values) != 1 else ''}{left_out}"


def _told(row: LatencyRow, unit: str) -> str:
    if not row.values:
        return f"not measured, {row.left_out} apps without a figure"
    low, high = min(row.values), max(row.values)
    return f"{_counted(row)}, from {number(low)} to {number(high)} {unit}"
