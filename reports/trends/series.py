"""One figure of one app over pipelines: values, and why some of them do not count."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from contract.figures import PipelineAt
from contract.spec import AppRef


class Point(NamedTuple):
    """One pipeline.

    Attributes:
        value: None: nothing was measured there.
        reason: why it does not count; empty: it does.
        source: digest of the app's source; empty: unknown.
    """

    at: PipelineAt
    value: float | None
    reason: str
    source: str


class Series(NamedTuple):
    """The oldest point first; the last one is what is asked for."""

    ref: AppRef
    cell: str
    figure: str
    points: Sequence[Point]

    @property
    def used(self) -> list[Point]:
        """Those that count."""
        return [point for point in self.points if not point.reason]


def unusable(tool: Mapping[str, Any]) -> str:
    """Why what a tool left is no new measurement; empty: it is one."""
    if tool.get("s") != "measured":
        return f"not measured: {tool.get('s')}"
    return "an earlier report was used again" if tool.get("u") else ""


def unlike(tool: Mapping[str, Any], newest: Mapping[str, Any]) -> str:
    """Why it cannot be held against the newest one, whatever it measured."""
    if tool.get("v") == newest.get("v"):
        return ""
    return f"another version of the tool: {tool.get('v') or 'unknown'}"


def absent(value: object) -> str:
    """Why there is no value."""
    return "it was not measured there" if value in (None, {}) else ""
