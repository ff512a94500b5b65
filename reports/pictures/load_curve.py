"""How an operation answered while more and more requests arrived; and what it used meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from reports.pictures.drawing import Drawing, Picture, number
from reports.pictures.scales import Scale, from_zero, label, logarithmic, time_label

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 720.0, 300.0, 64.0, 96.0, 34.0, 52.0
_NAMES = (("p50", "median"), ("p95", "p95"), ("p99", "p99"))
_LOOKS = {"p50": "tied", "p95": "interval", "p99": "axis"}


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One arrival rate.

    Attributes:
        rate: requests per second.
        latency: ms by `p50`, `p95`, `p99`; one that is not known is not among them.
        held: whether the objective held.
    """

    rate: float
    latency: dict[str, float]
    held: bool


def load_curve(
    name: str, operation: str, points: Sequence[CurvePoint], objective_ms: float | None
) -> Picture:
    """Latency by arrival rate, on logarithmic axes; a ring where the objective did not hold."""
    drawing = Drawing(name, _WIDTH, _HEIGHT)
    known = [value for point in points for value in point.latency.values()]
    goal = [objective_ms] if objective_ms else []
    across = logarithmic((point.rate for point in points), _LEFT, _WIDTH - _RIGHT)
    up = logarithmic([*known, *goal], _HEIGHT - _BOTTOM, _TOP)
    _axes(drawing, across, up, "requests that arrive per second", "latency, ms")
    if objective_ms:
        drawing.line("edge", _LEFT, up.at(objective_ms), _WIDTH - _RIGHT, up.at(objective_ms))
        words = f"objective {number(objective_ms)} ms"
        drawing.text("edge-text", _LEFT + 4, up.at(objective_ms) - 4, words)
    for key, words in _NAMES:
        _series(drawing, across, up, key, words, points)
    return drawing.picture(f"Latency of {operation} by arrival rate", _told(points))


def _series(
    drawing: Drawing, across: Scale, up: Scale, key: str, words: str, points: Sequence[CurvePoint]
) -> None:
    known = [point for point in points if key in point.latency]
    places = [(across.at(p.rate), up.at(p.latency[key]), p.held) for p in known]
    for (x1, y1, _), (x2, y2, _) in pairwise(places):
        drawing.line(_LOOKS[key], x1, y1, x2, y2)
    for x, y, held in places:
        drawing.circle("dot" if held else "critical", x, y, 3.2 if held else 4.4)
    if places:
        drawing.text("ink", places[-1][0] + 8, places[-1][1] + 4, words)


def _axes(drawing: Drawing, across: Scale, up: Scale, below: str, beside: str) -> None:
    bottom = _HEIGHT - _BOTTOM
    for tick in across.ticks():
        drawing.line("grid", across.at(tick), _TOP, across.at(tick), bottom)
        drawing.text("soft", across.at(tick), bottom + 16, label(tick), "middle")
    for tick in up.ticks():
        drawing.line("grid", _LEFT, up.at(tick), _WIDTH - _RIGHT, up.at(tick))
        drawing.text("soft", _LEFT - 6, up.at(tick) + 4, label(tick), "end")
    drawing.text("soft", (_LEFT + _WIDTH - _RIGHT) / 2, bottom + 36, below, "middle")
    drawing.text("soft", _LEFT - 56, _TOP - 14, beside)


def _told(points: Sequence[CurvePoint]) -> str:
    rows = (
        f"{number(point.rate)}/s: "
        + (", ".join(f"{k} {number(v)} ms" for k, v in point.latency.items()) or "no answer")
        + ("" if point.held else ", objective not held")
        for point in points
    )
    return "; ".join(rows) or "No steps."


def usage_curve(
    name: str, title: str, at_s: Sequence[float], values: Sequence[float | None], unit: str
) -> Picture:
    """One figure over time; a gap where nothing is known."""
    drawing = Drawing(name, _WIDTH, 220)
    known = [value for value in values if value is not None]
    across = Scale(0, max([*at_s, 1.0]), _LEFT, _WIDTH - _RIGHT)
    up = from_zero(max(known, default=0.0), 220 - _BOTTOM, _TOP)
    bottom = 220 - _BOTTOM
    for tick in across.ticks():
        drawing.line("grid", across.at(tick), _TOP, across.at(tick), bottom)
        drawing.text("soft", across.at(tick), bottom + 16, _second(tick, across.high), "middle")
    for tick in up.ticks(4):
        drawing.line("grid", _LEFT, up.at(tick), _WIDTH - _RIGHT, up.at(tick))
        drawing.text("soft", _LEFT - 6, up.at(tick) + 4, label(tick), "end")
    drawing.text("soft", _LEFT - 56, _TOP - 14, unit)
    _line_over(drawing, across, up, at_s, values)
    highest = f"at most {number(max(known))} {unit}" if known else "nothing is known"
    return drawing.picture(title, f"{highest}, over {number(max(at_s, default=0))} s")


def _second(tick: float, longest_s: float) -> str:
    return f"{label(tick)} s" if longest_s < 10 else time_label(tick)


def _line_over(
    drawing: Drawing,
    across: Scale,
    up: Scale,
    at_s: Sequence[float],
    values: Sequence[float | None],
) -> None:
    steps: list[str] = []
    pen = "M"
    for at, value in zip(at_s, values, strict=False):
        if value is None:
            pen = "M"
            continue
        steps.append(f"{pen}{number(across.at(at))} {number(up.at(value))}")
        pen = "L"
    drawing.path("interval", " ".join(steps))
