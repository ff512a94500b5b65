"""Heat map of states: what was measured of whom, by which tool."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from contract.analysis import MeasurementState
from reports.counts import StateCounts
from reports.formats import STATE_LABELS
from reports.pictures.drawing import Drawing, Picture, number, width_of

_LABELS_WIDE, _HEAD_HIGH, _GAP = 230.0, 112.0, 2.0
# Width of a column of single apps, of several apps, and of all columns if there are few.
_ONE, _MANY, _ALL_WIDE = 17.0, 34.0, 480.0
_NOT_SHOWN = 400


@dataclass(frozen=True, slots=True)
class StateRow:
    """One app, or several apps together: how many of its cells each column has by state."""

    label: str
    fields: Sequence[StateCounts]


def heat_map(
    columns: Sequence[tuple[str, str]], rows: Sequence[StateRow], name: str = "states"
) -> Picture:
    """A field per row and tool: its colour and its mark are the state.

    Args:
        columns: analyzer and tool of each column, columns of one analyzer beside one another.
        rows: at most 400 of them are drawn, and the picture says how many are not.
        name: of the picture.
    """
    drawn = rows[:_NOT_SHOWN]
    several = any(field.total > 1 for row in drawn for field in row.fields)
    size = _MANY if several else max(_ONE, min(_MANY, _ALL_WIDE / max(len(columns), 1)))
    left = min(_LABELS_WIDE, max([width_of(row.label) for row in drawn], default=60) + 14)
    drawing = Drawing(name, max(640.0, left + len(columns) * size + 20))
    _heads(drawing, columns, left, size)
    marks = _Marks(drawing, size)
    for at, row in enumerate(drawn):
        top = _HEAD_HIGH + at * (_ONE + _GAP)
        drawing.text("ink", left - 8, top + _ONE - 4, row.label, "end", left - 12)
        for column, field in enumerate(row.fields):
            marks.field(left + column * size, top, field)
    marks.done()
    bottom = _HEAD_HIGH + len(drawn) * (_ONE + _GAP) + 24
    _legend(drawing, bottom, several)
    drawing.height = bottom + 16
    if len(rows) > len(drawn):
        drawing.text("soft", 8, bottom + 20, f"{len(rows) - len(drawn)} more rows are not drawn")
        drawing.height += 18
    return drawing.picture(_title(several), _description(columns, rows))


class _Marks:
    """Fields and marks of one state are one path: a fleet has thousands of them."""

    def __init__(self, drawing: Drawing, size: float) -> None:
        self._drawing = drawing
        self._width = size - _GAP
        self._steps: defaultdict[str, list[str]] = defaultdict(list)

    def field(self, x: float, y: float, counts: StateCounts) -> None:
        if not counts.total:
            return
        for state in MeasurementState:
            if share := _count(counts, state) / counts.total:
                wide = share * self._width
                self._steps[state.value].append(_box(x, y, wide, _ONE))
                if wide >= 6:
                    self._mark(state, x + wide / 2, y + _ONE / 2)
                x += wide
        if counts.total > 1 and counts.measured:
            room = counts.measured / counts.total * self._width
            if room >= width_of(str(counts.measured), 10):
                middle = x - self._width + room / 2
                text = str(counts.measured)
                self._drawing.text("small", middle, y + _ONE - 5, text, "middle")

    def _mark(self, state: MeasurementState, x: float, y: float) -> None:
        if state is MeasurementState.APP_FAILED:
            self._steps["mark"].append(_cross(x, y))
        elif state is MeasurementState.INFRA_FAILED:
            self._steps["mark-light"].append(_hatch(x, y))
        elif state is MeasurementState.NOT_APPLICABLE:
            self._steps["mark"].append(f"M{number(x - 2.5)} {number(y)}h5")

    def done(self) -> None:
        layers = (*(state.value for state in MeasurementState), "mark", "mark-light")
        for look in layers:
            self._drawing.path(look, "".join(self._steps[look]))


def _count(counts: StateCounts, state: MeasurementState) -> int:
    return getattr(counts, state.value)


def _box(x: float, y: float, width: float, height: float) -> str:
    wide, high = number(width), number(height)
    return f"M{number(x)} {number(y)}h{wide}v{high}h-{wide}z"


def _cross(x: float, y: float) -> str:
    return f"M{number(x - 3)} {number(y - 3)}l6 6m0-6l-6 6"


def _hatch(x: float, y: float) -> str:
    return f"M{number(x - 4)} {number(y + 1)}l5-5M{number(x - 1)} {number(y + 4)}l5-5"


def _heads(drawing: Drawing, columns: Sequence[tuple[str, str]], left: float, size: float) -> None:
    start = 0
    for at, (analyzer, tool) in enumerate(columns):
        drawing.turned_text("ink", left + at * size + size / 2 + 3, _HEAD_HIGH - 5, tool, 78)
        if at + 1 == len(columns) or columns[at + 1][0] != analyzer:
            ends = left + start * size, left + (at + 1) * size - _GAP
            drawing.line("axis", ends[0], 22, ends[1], 22)
            room = max(ends[1] - ends[0], 24)
            drawing.text("strong", sum(ends) / 2, 15, analyzer, "middle", room)
            start = at + 1


def _legend(drawing: Drawing, y: float, several: bool) -> None:
    x = 8.0
    for state in MeasurementState:
        marks = _Marks(drawing, _ONE + _GAP)
        marks.field(x, y - _ONE + 4, StateCounts(**{state.value: 1}))
        marks.done()
        drawing.text("ink", x + _ONE + 6, y, STATE_LABELS[state])
        x += _ONE + 20 + width_of(STATE_LABELS[state])
    if several:
        drawing.text("soft", x, y, "width: share of apps; number: apps measured")


def _title(several: bool) -> str:
    return f"What was measured, by {'model' if several else 'app'} and tool"


def _description(columns: Sequence[tuple[str, str]], rows: Sequence[StateRow]) -> str:
    sums = {
        STATE_LABELS[state]: sum(_count(field, state) for row in rows for field in row.fields)
        for state in MeasurementState
    }
    told = ", ".join(f"{count:,} {words}" for words, count in sums.items())
    return f"{len(rows)} rows and {len(columns)} tools; cells: {told}."
