"""Gantt of a run: each app from first to last subtask, and when the run could have ended."""

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from contract.analysis import MeasurementState
from reports.formats import app_state_label
from reports.pictures.drawing import Drawing, Picture, number, width_of
from reports.pictures.scales import Scale, of_time, time_label

_WIDTH, _SIDE, _TOP = 760.0, 16.0, 40.0


@dataclass(frozen=True, slots=True)
class Span:
    """One app, in seconds since the run began; `state` None: it is not finished."""

    label: str
    start_s: float
    end_s: float
    state: MeasurementState | None


@dataclass(frozen=True, slots=True)
class Bound:
    """The run with as many apps at once as there were could not have ended before `seconds`.

    Attributes:
        why: `longest app` or `work of all apps`: which of the two it follows from.
    """

    seconds: float
    why: str


def lower_bound(spans: Sequence[Span]) -> Bound | None:
    """The longest app, or all apps shared out evenly over the lanes that the run used.

    It takes as given how long each app took, and says what a better order of them could have
    saved (Graham, 1969). None: nothing was recorded.
    """
    if not spans:
        return None
    lengths = [span.end_s - span.start_s for span in spans]
    even = sum(lengths) / len(lanes_of(spans))
    if even > max(lengths):
        return Bound(even, "work of all apps")
    return Bound(max(lengths), "longest app")


def lanes_of(spans: Sequence[Span]) -> list[list[Span]]:
    """The spans in as few lanes as they need: as many as there were at once."""
    lanes: list[list[Span]] = []
    free: list[tuple[float, int]] = []
    for span in sorted(spans, key=lambda one: (one.start_s, one.end_s, one.label)):
        if free and free[0][0] <= span.start_s:
            _, lane = heapq.heappop(free)
        else:
            lanes.append([])
            lane = len(lanes) - 1
        lanes[lane].append(span)
        heapq.heappush(free, (span.end_s, lane))
    return lanes


def gantt(
    spans: Sequence[Span], total_s: float | None = None, name: str = "run", *, so_far: bool = False
) -> Picture:
    """A bar per app; apps that ran at once are in lanes beneath one another.

    Args:
        spans: of the apps.
        total_s: how long the whole run took, if it has ended.
        name: of the picture.
        so_far: the run goes on, so that nothing is said of when it could have ended.
    """
    lanes = lanes_of(spans)
    high = 20.0 if len(lanes) <= 40 else max(3.0, 800 / len(lanes))
    end_s = max([span.end_s for span in spans] + [total_s or 0.0])
    scale, ticks = of_time(end_s, _SIDE, _WIDTH - _SIDE)
    bottom = _TOP + len(lanes) * high + 4
    drawing = Drawing(name, _WIDTH, bottom + 62)
    for tick in ticks:
        drawing.line("grid", scale.at(tick), _TOP - 6, scale.at(tick), bottom)
        drawing.text("soft", scale.at(tick), bottom + 14, time_label(tick), "middle")
    _bars(drawing, scale, lanes, high)
    _legend(drawing, bottom + 40, {span.state for span in spans})
    bound = None if so_far else lower_bound(spans)
    if bound:
        _edge(drawing, scale, bound, bottom)
    return drawing.picture("When each app was analysed", _told(spans, lanes, end_s, bound))


def _bars(drawing: Drawing, scale: Scale, lanes: Sequence[Sequence[Span]], high: float) -> None:
    """Bars of one state are one path: a fleet has thousands of them."""
    steps: defaultdict[str, list[str]] = defaultdict(list)
    for at, lane in enumerate(lanes):
        top = _TOP + at * high
        for span in lane:
            x, end = scale.at(span.start_s), scale.at(span.end_s)
            look = span.state.value if span.state else "unfinished"
            wide, tall = number(max(end - x - 1, 0.8)), number(high - 2)
            steps[look].append(f"M{number(x)} {number(top)}h{wide}v{tall}h-{wide}z")
            if high >= 14 and end - x >= min(width_of(span.label), 60) + 8:
                light = span.state is MeasurementState.INFRA_FAILED
                look = "small-on-dark" if light else "small"
                drawing.text(look, x + 4, top + high - 7, span.label, room=end - x - 8)
    for look in (*(state.value for state in MeasurementState), "unfinished"):
        drawing.path(look, "".join(steps[look]))


def _edge(drawing: Drawing, scale: Scale, bound: Bound, bottom: float) -> None:
    x = scale.at(bound.seconds)
    drawing.line("edge", x, 24, x, bottom)
    words = f"lower bound {time_label(bound.seconds)}: {bound.why}"
    at_end = x > _WIDTH / 2
    drawing.text("edge-text", x + (-4 if at_end else 4), 18, words, "end" if at_end else "start")


def _legend(drawing: Drawing, y: float, states: set[MeasurementState | None]) -> None:
    x = _SIDE
    for state in (*MeasurementState, None):
        if state in states:
            drawing.rect(state.value if state else "unfinished", x, y - 11, 14, 14)
            words = app_state_label(state)
            drawing.text("ink", x + 20, y, words)
            x += 38 + width_of(words)


def _told(
    spans: Sequence[Span], lanes: Sequence[Sequence[Span]], end_s: float, bound: Bound | None
) -> str:
    if not spans:
        return "No times were recorded."
    told = f"{len(spans)} apps, at most {len(lanes)} at once, in {time_label(end_s)}."
    if bound is None:
        return told
    return (
        f"{told} With the same "
        f"times of apps and as many at once, no order could have ended before "
        f"{time_label(bound.seconds)} ({bound.why})."
    )
