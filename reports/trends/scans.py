"""Series of findings: what each tool but the load tests counted in an app."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic_core import from_json

from contract.analyzers import AnalyzerKind
from contract.figures import AppFigures, PipelineAt
from contract.spec import AppRef
from reports.trends.model import FINDINGS
from reports.trends.series import (
    WINDOW,
    Point,
    Series,
    Values,
    absent,
    left,
    moved,
    unlike,
    unusable,
)

Run = tuple[PipelineAt, AppFigures]
_Tools = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""By text, that of the newest pipeline first: what each tool left."""
_Told = tuple[float | None, str, str]


def scans_of(ref: AppRef, runs: Sequence[Run]) -> Iterator[Series]:
    """One series for each tool that counted findings in any of the pipelines."""
    tools, other = _tools(runs), _other_kinds(runs)
    several = list(tools.values())
    same = _same(several)
    for name in dict.fromkeys(name for one in several for name in one):
        if name.partition("/")[0] in other:
            values = None
        elif name in same:
            values = Values(min(len(runs), WINDOW))
        else:
            values = _values(runs, _told(tools, name))
        if name in same or any("n" in left(name, one) for one in several):
            yield Series(ref, name, FINDINGS, partial(_points, runs, name), values)


def _tools(runs: Sequence[Run]) -> _Tools:
    """Of each text once, the newest first: most apps have one or two."""
    newest = runs[-1][1].scans
    texts = dict.fromkeys(figures.scans or newest for _, figures in reversed(runs))
    return {text: from_json(text) for text in texts}


def _same(several: Sequence[Mapping[str, Any]]) -> set[str]:
    """Tools that counted, and left the same everywhere."""
    newest, *others = several
    return {
        name
        for name, tool in newest.items()
        if tool.get("s") == "measured"
        and tool.get("n") is not None
        and all(one.get(name) == tool for one in others)
    }


def _points(runs: Sequence[Run], name: str) -> list[Point]:
    told = _told(_tools(runs), name)
    last, newest = runs[-1]
    kind = name.partition("/")[0]
    points: list[Point] = []
    for at, figures in runs:
        value, reason, code = told[figures.scans or newest.scans]
        why = reason or moved(kind, at, figures, last, newest)
        points.append(Point(at, value, why, figures.source, code))
    return points


def _other_kinds(runs: Sequence[Run]) -> set[str]:
    """Analyzers that looked in another way in one of the pipelines."""
    last, newest = runs[-1]
    if all(at.conditions == last.conditions and n.engine == newest.engine for at, n in runs):
        return set()
    kinds = [kind.value for kind in AnalyzerKind]
    return {kind for kind in kinds for at, one in runs if moved(kind, at, one, last, newest)}


def _values(runs: Sequence[Run], told: Mapping[str, _Told]) -> Values | None:
    newest = runs[-1][1].scans
    if told[newest][1]:
        return None
    counts = [told[figures.scans or newest] for _, figures in runs]
    used = (value for value, reason, _ in counts if value is not None and not reason)
    numbers = array("d", used)[-WINDOW:]
    return Values(len(numbers), numbers)


def _told(tools: _Tools, name: str) -> dict[str, _Told]:
    """Of each text: what the tool counted, why it does not count, and our code for it."""
    found = {text: left(name, one) for text, one in tools.items()}
    last = next(iter(found.values()))
    if all(tool == last for tool in found.values()):
        return dict.fromkeys(found, (last.get("n"), _always(last), last.get("k", "")))
    counts = {tool.get("n") for tool in found.values() if tool.get("s") == "measured"}
    # A report that was used again counts what it counted before: no noise, and no change.
    once = {"u": 0} if len(counts) == 1 else {}
    return {
        text: (tool.get("n"), _reason({**tool, **once}, last), tool.get("k", ""))
        for text, tool in found.items()
    }


def _reason(tool: Mapping[str, Any], last: Mapping[str, Any]) -> str:
    reason = unusable(tool) or unlike(tool, last)
    if not reason and tool.get("p") != last.get("p"):
        reason = "it looked at another part of the app"
    return reason or absent(tool.get("n"))


def _always(tool: Any) -> str:
    """The reason of all points where all are the same: of reports that were used again, too."""
    return unusable({**tool, "u": 0}) or absent(tool.get("n"))
