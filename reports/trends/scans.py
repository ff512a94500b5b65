"""Series of findings: what each tool but the load tests counted in an app."""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from contract.figures import AppFigures, PipelineAt
from contract.spec import AppRef
from reports.trends.model import FINDINGS
from reports.trends.series import Point, Series, absent, left, unlike, unusable

Run = tuple[PipelineAt, AppFigures]


def is_same(runs: Sequence[Run]) -> bool:
    """Whether all tools left the same in all pipelines: then their texts are not looked at."""
    digest = runs[-1][1].scanned
    return all(figures.scanned == digest for _, figures in runs)


def scans_of(ref: AppRef, runs: Sequence[Run]) -> Iterator[Series]:
    """One series for each tool that counted findings in any of the pipelines."""
    newest = json.loads(runs[-1][1].scans)
    texts = {figures.scans: newest for _, figures in runs if not figures.scans}
    texts |= {figures.scans: json.loads(figures.scans) for _, figures in runs if figures.scans}
    looks = [(at, figures, texts[figures.scans]) for at, figures in runs]
    names = dict.fromkeys(name for _, _, tools in reversed(looks) for name in tools)
    for name in names:
        last = left(name, newest)
        found = [(at, figures, left(name, tools)) for at, figures, tools in looks]
        if any("n" in tool for _, _, tool in found):
            same = not _always(last) and all(tool == last for _, _, tool in found)
            values = [[last["n"]]] * len(found) if same else None
            yield Series(ref, name, FINDINGS, partial(_points, found, last), values)


def _points(found: Sequence[tuple[PipelineAt, AppFigures, Any]], last: Any) -> list[Point]:
    if all(tool == last for _, _, tool in found):
        value, reason = last.get("n"), _always(last)
        return [Point(at, value, reason, figures.source) for at, figures, _ in found]
    counts = {tool.get("n") for _, _, tool in found if tool.get("s") == "measured"}
    points: list[Point] = []
    for at, figures, tool in found:
        value = tool.get("n")
        # A report that was used again counts what it counted before: no noise, and no change.
        once = {**tool, "u": 0} if len(counts) == 1 else tool
        reason = unusable(once) or unlike(tool, last)
        if not reason and tool.get("p") != last.get("p"):
            reason = "it looked at another part of the app"
        points.append(Point(at, value, reason or absent(value), figures.source))
    return points


def _always(tool: Any) -> str:
    """The reason of all points where all are the same: of reports that were used again, too."""
    return unusable({**tool, "u": 0}) or absent(tool.get("n"))
