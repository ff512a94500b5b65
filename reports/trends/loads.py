"""Series of load figures: means over operations that the pipelines share."""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from statistics import fmean
from typing import Any, NamedTuple

from pydantic_core import from_json

from contract.figures import AppFigures, PipelineAt
from contract.spec import AppRef
from reports.trends.scales import SCALES
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

# A host that sends this much more or less in its calibration is another host.
_OTHER_HOST = 1.5
_LATENCIES = frozenset({"latency_p50", "latency_p95", "error_ratio"})
_CEILED = "throughput_at_objective"
_SHARED = 0.8
_NOTHING: Mapping[str, Any] = {}
Run = tuple[PipelineAt, Sequence[AppFigures]]
_Usable = Mapping[str, tuple[float | None, float]]
"""By operation: the arrival rate that the figure is of (None: of no rate), and the figure."""


class _Looks(NamedTuple):
    """What a load test left of an app and of the app's repeats: one entry for each pipeline.

    Attributes:
        tools: without figures and host: two that are equal differ in nothing else.
        measured: the figures.
        hosts: what the host could send by itself; None: unknown.
    """

    kind: str
    runs: Sequence[Run]
    tools: Sequence[Mapping[str, Any]]
    measured: Sequence[Mapping[str, Mapping[str, float]]]
    hosts: Sequence[float | None]
    repeats: Sequence[Sequence[Mapping[str, Any]]]


def loads_of(ref: AppRef, runs: Sequence[Run]) -> Iterator[Series]:
    """One series for each figure of each load test that measured it in any of the pipelines.

    Args:
        ref: the app.
        runs: of each pipeline, the app's figures and then those of its repeats.
    """
    texts, hosts = _texts(runs)
    for name in dict.fromkeys(name for tools in reversed(texts) for name in tools):
        looks = _looks(name, runs, texts, hosts)
        reasons = _reasons(looks)
        usable = _alike(looks, reasons)
        figures = set[str]().union(*looks.measured)
        for figure in SCALES:
            if figure in figures:
                values = _values(figure, usable) if usable else None
                # What was parsed takes ten times the memory of its text, so it is not kept.
                again = partial(_points_again, figure, name, runs)
                make = again if values else partial(_points, figure, looks, reasons)
                yield Series(ref, name, figure, make, values)


def _texts(runs: Sequence[Run]) -> tuple[list[Any], list[float | None]]:
    """What the tools left, without the hosts; one tool measures its host, for all beside it."""
    texts = [from_json(found[0].load) for _, found in runs]
    hosts = [[tool.pop("h", None) for tool in tools.values()] for tools in texts]
    return texts, [next((host for host in one if host is not None), None) for one in hosts]


def _looks(
    name: str, runs: Sequence[Run], texts: Sequence[Any], hosts: Sequence[float | None]
) -> _Looks:
    tools: Any = [left(name, one) for one in texts]
    measured = [tool.pop("f", _NOTHING) for tool in tools]
    repeats = [_repeats(name, found) if len(found) > 1 else () for _, found in runs]
    return _Looks(name.partition("/")[0], runs, tools, measured, hosts, repeats)


def _repeats(name: str, found: Sequence[AppFigures]) -> list[Mapping[str, Any]]:
    """Of the same source alone: a repeat that was changed meanwhile is another app."""
    first = found[0]
    alike = (one for one in found[1:] if first.source and one.source == first.source)
    tools = [from_json(one.load).get(name, {}) for one in alike]
    return [tool for tool in tools if not (unusable(tool) or tool.get("c"))]


def _reasons(looks: _Looks) -> list[str]:
    """Why no figure of each counts; empty: they may."""
    newest = looks.tools[-1]
    own = _unlike(newest, newest)
    reasons = [own if tool == newest else _unlike(tool, newest) for tool in looks.tools]
    if not _is_one_place(looks):
        reasons = [why or _elsewhere(looks, at) for at, why in enumerate(reasons)]
    return reasons


def _unlike(tool: Mapping[str, Any], newest: Mapping[str, Any]) -> str:
    return unusable(tool) or unlike(tool, newest) or ("the host was busy" if tool.get("c") else "")


def _is_one_place(looks: _Looks) -> bool:
    """Whether `_elsewhere` would say nothing of any of them."""
    at, (first, *_) = looks.runs[-1]
    hosts = [host for host in looks.hosts if host]
    return (not hosts or max(hosts) <= _OTHER_HOST * min(hosts)) and all(
        one.conditions == at.conditions and found[0].engine == first.engine
        for one, found in looks.runs
    )


def _elsewhere(looks: _Looks, place: int) -> str:
    """Why the place where it was measured is another one."""
    at, (figures, *_) = looks.runs[place]
    newest, (last, *_) = looks.runs[-1]
    if why := moved(looks.kind, at, figures, newest, last):
        return why
    here, there = looks.hosts[place], looks.hosts[-1]
    if here and there and max(here, there) > _OTHER_HOST * min(here, there):
        return f"this host sent {here / there:.2g} times as much by itself"
    return ""


def _points_again(figure: str, name: str, runs: Sequence[Run]) -> list[Point]:
    looks = _looks(name, runs, *_texts(runs))
    return _points(figure, looks, _reasons(looks))


def _points(figure: str, looks: _Looks, reasons: Sequence[str]) -> list[Point]:
    usable = [
        {} if why else _usable(figure, measured, tool)
        for why, measured, tool in zip(reasons, looks.measured, looks.tools, strict=True)
    ]
    operations = _operations([found for found in usable if found][-WINDOW:], usable[-1])
    points: list[Point] = []
    for place, (found, reason) in enumerate(zip(usable, reasons, strict=True)):
        at, (figures, *_) = looks.runs[place]
        value = _value(figure, found, looks.repeats[place], operations) if found else None
        raw = looks.measured[place].get(figure)
        why = reason or absent(raw)
        if not why and value is None:
            why = "only a lower bound" if not found else "other operations were loaded"
        if value is None and raw:
            value = fmean(raw.values())
        code = str(looks.tools[place].get("k", ""))
        points.append(Point(at, value, why, figures.source, code, looks.hosts[place]))
    return points


def _alike(looks: _Looks, reasons: Sequence[str]) -> list[Mapping[str, Mapping[str, float]]]:
    """The figures of those that count, if the newest one does and all had the same load.

    It is the usual case, and needs no look at each operation.
    """
    if reasons[-1] or any(looks.repeats):
        return []
    rates = looks.tools[-1].get("r")
    usable = [place for place, why in enumerate(reasons) if not why][-WINDOW:]
    if any("x" in (tool := looks.tools[at]) or tool.get("r") != rates for at in usable):
        return []
    return [looks.measured[at] for at in usable]


def _values(figure: str, usable: Sequence[Mapping[str, Mapping[str, float]]]) -> Values | None:
    """The figure by pipeline and operation, if all have the same operations."""
    found = [measured.get(figure) or _NOTHING for measured in usable]
    names = list(found[-1])
    if not names or {*map(len, found)} != {len(names)}:
        return None
    if [*chain.from_iterable(found)] != names * len(found):
        return None
    return Values(len(found), array("d", chain.from_iterable([one.values() for one in found])))


def _usable(
    figure: str, measured: Mapping[str, Mapping[str, float]], tool: Mapping[str, Any]
) -> _Usable:
    found = measured.get(figure, {})
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
    found: _Usable,
    repeats: Sequence[Mapping[str, Any]],
    operations: Mapping[str, float | None],
) -> float | None:
    """The mean over the operations, and over repeats; None: it lacks one of the operations."""
    if not _has(found, operations):
        return None
    scale = SCALES[figure]
    values = [scale.to(found[name][1]) for name in operations]
    for tool in repeats:
        again = _usable(figure, tool.get("f", _NOTHING), tool)
        if _has(again, operations):
            values += [scale.to(again[name][1]) for name in operations]
    mean = sum(values) / len(values)
    return scale.back(mean) if mean == mean else None


def _has(found: _Usable, operations: Mapping[str, float | None]) -> bool:
    if not operations:
        return False
    return all(name in found and found[name][0] == rate for name, rate in operations.items())
