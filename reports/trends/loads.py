"""Series of load figures: means over operations that the pipelines share."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from statistics import fmean
from typing import Any, NamedTuple

from contract.figures import AppFigures, PipelineAt
from contract.spec import AppRef
from reports.trends.scales import SCALES, Scale
from reports.trends.series import Point, Series, absent, left, unlike, unusable

# A host that sends this much more or less in its calibration is another host.
_OTHER_HOST = 1.5
_LATENCIES = frozenset({"latency_p50", "latency_p95", "error_ratio"})
_CEILED = "throughput_at_objective"
_SHARED = 0.8
_Usable = Mapping[str, tuple[float | None, float]]
"""By operation: the arrival rate that the figure is of (None: of no rate), and the figure."""


class _Look(NamedTuple):
    """What a load test left of an app in one pipeline, and of the app's repeats there."""

    at: PipelineAt
    figures: AppFigures
    tool: Mapping[str, Any]
    repeats: Sequence[Mapping[str, Any]]


def loads_of(
    ref: AppRef, runs: Sequence[tuple[PipelineAt, Sequence[AppFigures]]]
) -> Iterator[Series]:
    """One series for each figure of each load test that measured it in any of the pipelines.

    Args:
        ref: the app.
        runs: of each pipeline, the app's figures and then those of its repeats.
    """
    texts = [(at, found, json.loads(found[0].load)) for at, found in runs]
    for name in dict.fromkeys(name for _, _, tools in reversed(texts) for name in tools):
        looks = [
            _Look(at, found[0], left(name, tools), _repeats(name, found))
            for at, found, tools in texts
        ]
        reasons = [_reason(look, looks[-1]) for look in looks]
        figures = {key for look in looks for key in look.tool.get("f", ())}
        alike = not any(reasons) and _are_alike(looks)
        for figure, scale in SCALES.items():
            if figure in figures:
                values = _values(figure, looks) if alike else None
                make = partial(_points, figure, scale, looks, reasons)
                yield Series(ref, name, figure, make, values)


def _repeats(name: str, found: Sequence[AppFigures]) -> list[Mapping[str, Any]]:
    """Of the same source alone: a repeat that was changed meanwhile is another app."""
    first = found[0]
    alike = (one for one in found[1:] if first.source and one.source == first.source)
    tools = [json.loads(one.load).get(name, {}) for one in alike]
    return [tool for tool in tools if not (unusable(tool) or tool.get("c"))]


def _reason(look: _Look, newest: _Look) -> str:
    """Why no figure of it counts; empty: they may."""
    tool, other = look.tool, newest.tool
    why = unusable(tool) or unlike(tool, other)
    if why:
        return why
    if tool.get("c"):
        return "the host was busy"
    if look.at.conditions != newest.at.conditions:
        return "the spec asks for another load"
    if look.figures.engine != newest.figures.engine:
        return "the app ran in another way"
    here, there = tool.get("h"), other.get("h")
    if here and there and max(here, there) > _OTHER_HOST * min(here, there):
        return f"this host sent {here / there:.2g} times as much by itself"
    return ""


def _points(
    figure: str, scale: Scale, looks: Sequence[_Look], reasons: Sequence[str]
) -> list[Point]:
    usable = [
        {} if why else _usable(figure, look.tool) for look, why in zip(looks, reasons, strict=True)
    ]
    operations = _operations([found for found in usable if found], usable[-1])
    points: list[Point] = []
    for look, found, reason in zip(looks, usable, reasons, strict=True):
        value = _value(figure, scale, look, found, operations) if found else None
        raw = look.tool.get("f", {}).get(figure)
        why = reason or absent(raw)
        if not why and value is None:
            why = "only a lower bound" if not found else "other operations were loaded"
        if value is None and raw:
            value = fmean(raw.values())
        points.append(Point(look.at, value, why, look.figures.source))
    return points


def _are_alike(looks: Sequence[_Look]) -> bool:
    """Whether nothing stands in the way of all figures: it is the usual case."""
    rates = looks[-1].tool.get("r")
    return all(
        look.tool.get("r") == rates and "x" not in look.tool and not look.repeats for look in looks
    )


def _values(figure: str, looks: Sequence[_Look]) -> list[list[float]] | None:
    """The figure by pipeline and operation, if all have the same operations."""
    found = [look.tool["f"].get(figure) or {} for look in looks]
    names = list(found[-1])
    if not names or any(list(one) != names for one in found):
        return None
    return [list(one.values()) for one in found]


def _usable(figure: str, tool: Mapping[str, Any]) -> _Usable:
    found: Mapping[str, float] = tool.get("f", {}).get(figure, {})
    if figure in _LATENCIES:
        rates: Mapping[str, float] = tool.get("r", {})
        return {name: (rates.get(name), value) for name, value in found.items()}
    cut = tool.get("x", ()) if figure == _CEILED else ()
    return {name: (None, value) for name, value in found.items() if name not in cut}


def _operations(runs: Sequence[_Usable], newest: _Usable) -> dict[str, float | None]:
    """Operations of the newest run, with their rates, that nearly all have, or the commonest."""
    if not newest:
        return {}
    often = Counter(
        name for run in runs for name in run if name in newest and run[name][0] == newest[name][0]
    )
    least = min(max(often.values()), _SHARED * len(runs))
    return {name: newest[name][0] for name in newest if often[name] >= least}


def _value(
    figure: str,
    scale: Scale,
    look: _Look,
    found: _Usable,
    operations: Mapping[str, float | None],
) -> float | None:
    """The mean over the operations, and over repeats; None: it lacks one of the operations."""
    if not _has(found, operations):
        return None
    values = [scale.to(found[name][1]) for name in operations]
    for tool in look.repeats:
        again = _usable(figure, tool)
        if _has(again, operations):
            values += [scale.to(again[name][1]) for name in operations]
    mean = sum(values) / len(values)
    return scale.back(mean) if mean == mean else None


def _has(found: _Usable, operations: Mapping[str, float | None]) -> bool:
    if not operations:
        return False
    return all(name in found and found[name][0] == rate for name, rate in operations.items())
