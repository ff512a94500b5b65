"""One figure of one app over pipelines: values, and why some of them do not count."""

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from contract.analyzers import AnalyzerKind
from contract.figures import AppFigures, PipelineAt
from contract.outcome import ALL_TOOLS
from contract.spec import AppRef


class Point(NamedTuple):
    """One pipeline.

    Attributes:
        value: None: nothing was measured there.
        reason: why it does not count; empty: it does.
        source: digest of the app's source; empty: unknown.
        code: digest of Assay's own code for the tool; empty: unknown.
        host: what the host could send by itself; None: unknown.
    """

    at: PipelineAt
    value: float | None
    reason: str
    source: str
    code: str = ""
    host: float | None = None


WINDOW = 12
"""So many measurements are judged, the newest. More of them find hardly more, and have drifted
further: docs/regressions.md."""


_LOADS = frozenset(kind.value for kind in AnalyzerKind if kind.row.figures == "load")


class Values(NamedTuple):
    """What a figure's points come to, for those of a large fleet, which are looked at together.

    Attributes:
        pipelines: how many count.
        numbers: pipeline by pipeline, one for each operation; empty: all are the same.
    """

    pipelines: int
    numbers: "array[float]" = array("d")


class Series:
    """One figure of one app; the oldest point first, the last one is what is asked for.

    Most series of a large fleet are looked at once, as numbers: what has nothing in its way is made
    of `values`, and has points only if somebody asks for them.

    Attributes:
        values: where all pipelines that count have the same operations, and the newest one counts;
            else None.
    """

    __slots__ = ("_make", "_points", "cell", "figure", "ref", "values")

    def __init__(
        self,
        ref: AppRef,
        cell: str,
        figure: str,
        make: Callable[[], Sequence[Point]],
        values: Values | None = None,
    ) -> None:
        """Remember how its points are made."""
        self.ref, self.cell, self.figure, self.values = ref, cell, figure, values
        self._make = make
        self._points: Sequence[Point] | None = None

    @property
    def points(self) -> Sequence[Point]:
        """All pipelines."""
        if self._points is None:
            self._points = self._make()
        return self._points

    def settle(self) -> None:
        """Make the points, and forget what they are made of."""
        self._points = self.points
        self._make, self.values = tuple[Point, ...], None

    @property
    def used(self) -> list[Point]:
        """Those that count, the newest `WINDOW` of them."""
        return [point for point in self.points if not point.reason][-WINDOW:]


def unusable(tool: Mapping[str, Any]) -> str:
    """Why what a tool left is no new measurement; empty: it is one."""
    if tool.get("s") != "measured":
        return f"not measured: {tool['s']}" if "s" in tool else "not measured"
    return "an earlier report was used again" if tool.get("u") else ""


def unlike(tool: Mapping[str, Any], newest: Mapping[str, Any]) -> str:
    """Why it cannot be held against the newest one, whatever it measured."""
    if tool.get("v") == newest.get("v"):
        return ""
    return f"another version of the tool: {tool.get('v') or 'unknown'}"


def moved(
    kind: str, at: PipelineAt, there: AppFigures, newest: PipelineAt, here: AppFigures
) -> str:
    """Why an analyzer looked at the app in another way than in the newest pipeline."""
    if at.conditions.get(kind) != newest.conditions.get(kind):
        return "the spec asks for another " + ("load" if kind in _LOADS else "look")
    if there.engine != here.engine and AnalyzerKind(kind).is_live:
        return "the app ran in another way"
    return ""


def left(name: str, tools: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a tool left, or what stands for all tools of its analyzer; nothing: it has no cell."""
    found = tools.get(name)
    return found if found is not None else tools.get(f"{name.partition('/')[0]}/{ALL_TOOLS}", {})


def absent(value: object) -> str:
    """Why there is no value."""
    return "it was not measured there" if value in (None, {}) else ""
