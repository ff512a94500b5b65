"""Critical-difference diagram (Demšar, JMLR 7, 2006): mean ranks, and which are not told apart."""

import math
from collections.abc import Mapping, Sequence

from reports.pictures.drawing import Drawing, Picture, number
from reports.pictures.scales import Scale

_WIDTH, _SIDE, _AXIS, _ROW = 760.0, 200.0, 62.0, 20.0


def critical_difference(
    ranks: Mapping[str, float],
    difference: float,
    tied: Sequence[Sequence[str]],
    what: str,
    name: str = "ranks",
) -> Picture:
    """Models at their mean ranks, the best at the left; a thick bar joins those of a tied set.

    Args:
        ranks: mean rank by model, 1 is best.
        difference: ranks that differ by less are not told apart.
        tied: sets of models that are not told apart.
        what: which figure was ranked.
        name: of the picture.
    """
    ordered = sorted(ranks, key=lambda model: (ranks[model], model))
    bars = _bars(ranks, tied)
    names_top = _AXIS + 18 + 10 * len(bars) + 14
    half = math.ceil(len(ordered) / 2)
    drawing = Drawing(name, _WIDTH, names_top + half * _ROW + 8)
    scale = Scale(1, max(len(ordered), 2), _SIDE, _WIDTH - _SIDE)
    _axis(drawing, scale, difference)
    for at, (low, high) in enumerate(bars):
        y = _AXIS + 18 + at * 10
        drawing.line("tied", scale.at(low) - 4, y, scale.at(high) + 4, y)
    for at, model in enumerate(ordered):
        left = at < half
        row = at if left else len(ordered) - 1 - at
        _model(drawing, scale.at(ranks[model]), names_top + row * _ROW, left, model, ranks[model])
    told = ", ".join(f"{model} {ranks[model]:.2f}" for model in ordered)
    sets = "; ".join(", ".join(names) for names in tied if len(names) > 1)
    return drawing.picture(
        f"Mean ranks of models: {what}",
        f"Mean ranks, 1 is best: {told}. Critical difference {difference:.2f}. "
        f"Not told apart: {sets or 'no two of them'}.",
    )


def _bars(ranks: Mapping[str, float], tied: Sequence[Sequence[str]]) -> list[tuple[float, float]]:
    """From the lowest to the highest rank of each set of at least two models, each once."""
    places = [[ranks[model] for model in names if model in ranks] for names in tied]
    return sorted({(min(mine), max(mine)) for mine in places if len(mine) > 1})


def _axis(drawing: Drawing, scale: Scale, difference: float) -> None:
    drawing.line("axis", scale.start, _AXIS, scale.end, _AXIS)
    for rank in range(int(scale.low), int(scale.high) + 1):
        x = scale.at(rank)
        drawing.line("axis", x, _AXIS - 5, x, _AXIS)
        drawing.text("soft", x, _AXIS - 9, str(rank), "middle")
    end = scale.at(1 + difference)
    for x in (scale.start, end):
        drawing.line("edge", x, 18, x, 30)
    drawing.line("edge", scale.start, 24, end, 24)
    words = f"critical difference {difference:.2f}"
    if 1 + difference > scale.high:
        words = f"{words}: more than all ranks"
    drawing.text("edge-text", scale.start, 12, words)


def _model(drawing: Drawing, x: float, y: float, left: bool, model: str, rank: float) -> None:
    edge = _SIDE - 12 if left else _WIDTH - _SIDE + 12
    drawing.path("axis", f"M{number(x)} {number(_AXIS)}V{number(y)}H{number(edge)}")
    drawing.circle("accent", x, _AXIS, 3)
    name_at = edge - 6 if left else edge + 6
    anchor = "end" if left else "start"
    drawing.text("ink", name_at, y + 4, f"{model} {rank:.2f}", anchor, _SIDE - 24)
