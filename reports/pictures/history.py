"""A figure from pipeline to pipeline: a dot for each, a ring where it does not count."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from reports.pictures.drawing import Drawing, Picture, number
from reports.pictures.scales import from_zero, label

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 560.0, 130.0, 64.0, 24.0, 24.0, 30.0


@dataclass(frozen=True, slots=True)
class HistoryDot:
    """One pipeline; `counts`: whether it was compared with the others."""

    pipeline_id: str
    value: float | None
    counts: bool


def history_line(
    name: str, title: str, unit: str, dots: Sequence[HistoryDot], since: str = ""
) -> Picture:
    """The values in order of time, from zero; a dashed line where the level changed."""
    drawing = Drawing(name, _WIDTH, _HEIGHT)
    known = [dot.value for dot in dots if dot.value is not None]
    up = from_zero(max(known, default=0.0), _HEIGHT - _BOTTOM, _TOP)
    apart = (_WIDTH - _LEFT - _RIGHT) / max(len(dots) - 1, 1)
    for tick in up.ticks(3):
        drawing.line("grid", _LEFT, up.at(tick), _WIDTH - _RIGHT, up.at(tick))
        drawing.text("soft", _LEFT - 6, up.at(tick) + 4, label(tick), "end")
    drawing.text("soft", _LEFT - 56, _TOP - 10, unit)
    places = [(_LEFT + at * apart, dot) for at, dot in enumerate(dots)]
    if (begins := [x for x, dot in places if since and dot.pipeline_id == since]) and dots:
        drawing.line("edge", begins[0] - apart / 2, _TOP, begins[0] - apart / 2, _HEIGHT - _BOTTOM)
    counted = [(x, up.at(dot.value)) for x, dot in places if dot.counts and dot.value is not None]
    for (x1, y1), (x2, y2) in pairwise(counted):
        drawing.line("interval", x1, y1, x2, y2)
    for x, dot in places:
        if dot.value is not None:
            drawing.circle("accent" if dot.counts else "low", x, up.at(dot.value), 3.5)
    bottom = _HEIGHT - _BOTTOM + 18
    drawing.text("soft", _LEFT, bottom, "older")
    drawing.text("soft", _WIDTH - _RIGHT, bottom, "newer", "end")
    return drawing.picture(title, _told(dots, unit, since))


def _told(dots: Sequence[HistoryDot], unit: str, since: str) -> str:
    rows = "; ".join(
        f"{dot.pipeline_id}: {number(dot.value)} {unit}" + ("" if dot.counts else ", not compared")
        for dot in dots
        if dot.value is not None
    )
    return (rows or "Nothing was measured.") + (f"; another level since {since}" if since else "")
