"""From the figures of an app in several pipelines to series of comparable measurements."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from contract.figures import Figures, FiguresPart, PipelineAt
from contract.roles import repeated
from contract.spec import AppRef
from reports.trends.scales import FINDINGS, SCALES

# A host that sends this much more or less in its calibration is another host.
_OTHER_HOST = 1.5
_LATENCIES = frozenset({"latency_p50", "latency_p95", "error_ratio"})
_CEILED = "throughput_at_objective"
_SHARED = 0.8


class Point(NamedTuple):
    """One pipeline of a series; `value` on the figure's own scale of readers."""

    at: PipelineAt
    value: float | None
    reason: str
    source: str


class Series(NamedTuple):
    """One figure of one app over pipelines, the oldest first; the last one is what is asked for."""

    ref: AppRef
    cell: str
    figure: str
    points: Sequence[Point]

    @property
    def used(self) -> list[Point]:
        """The comparable ones."""
        return [point for point in self.points if not point.reason]


class _Looks(NamedTuple):
    """What a tool left of an app in one pipeline: of the app itself, and of its repeats."""

    at: PipelineAt
    source: str
    engine: str
    tools: Sequence[Mapping[str, Any]]


def series_of(part: FiguresPart) -> Iterator[Series]:
    """Every figure of every app that the newest pipeline of the part has."""
    if not part.pipelines:
        return
    by_app: defaultdict[AppRef, dict[str, list[str]]] = defaultdict(dict)
    for row in part.rows:
        of = repeated(row.ref)
        texts = by_app[of or row.ref].setdefault(row.pipeline_id, [])
        texts.insert(0 if of is None else len(texts), row.figures)
    newest = part.pipelines[-1].pipeline_id
    own = dict.fromkeys(row.ref for row in part.rows if row.pipeline_id == newest)
    for ref, texts in by_app.items():
        if ref in own:
            yield from _of_app(ref, part.pipelines, texts)


def is_constant(series: Series) -> bool:
    """Whether all that was measured is one value: most counts of findings are."""
    values = {point.value for point in series.points if not point.reason}
    return len(values) == 1


def _of_app(
    ref: AppRef, pipelines: Sequence[PipelineAt], texts: Mapping[str, Sequence[str]]
) -> Iterator[Series]:
    runs = {name: [json.loads(text) for text in found] for name, found in texts.items()}
    looked: defaultdict[str, list[_Looks]] = defaultdict(list)
    for at in pipelines:
        if not (found := runs.get(at.pipeline_id)):
            continue
        first: Figures = found[0]
        source, engine = first.get("d", ""), first.get("e", "")
        alike = [one for one in found if one is first or (source and one.get("d") == source)]
        for name in first.get("t", ()):
            tools = [one["t"][name] for one in alike if name in one["t"]]
            looked[name].append(_Looks(at, source, engine, tools))
    last = pipelines[-1].pipeline_id
    for name, looks in looked.items():
        if looks[-1].at.pipeline_id == last:
            yield from _of_cell(ref, name, looks)


def _of_cell(ref: AppRef, name: str, looks: Sequence[_Looks]) -> Iterator[Series]:
    if any("n" in look.tools[0] for look in looks):
        yield Series(ref, name, FINDINGS, _findings(looks))
    figures = dict.fromkeys(key for look in looks for key in look.tools[0].get("f", ()))
    for figure in SCALES:
        if figure in figures:
            yield Series(ref, name, figure, _loads(figure, looks))


def _findings(looks: Sequence[_Looks]) -> list[Point]:
    newest = looks[-1].tools[0]
    points: list[Point] = []
    for look in looks:
        tool = look.tools[0]
        value = tool.get("n")
        reason = _unusable(tool) or _unlike(tool, newest)
        if not reason and tool.get("p") != newest.get("p"):
            reason = "it looked at another part of the app"
        points.append(Point(look.at, value, reason or _absent(value), look.source))
    return points


def _loads(figure: str, looks: Sequence[_Looks]) -> list[Point]:
    """The mean over operations that the pipelines share, and over repeats within a pipeline."""
    reasons = [_load_reason(figure, look, looks[-1]) for look in looks]
    operations = _operations(
        figure, [look for look, why in zip(looks, reasons, strict=True) if not why]
    )
    points: list[Point] = []
    for look, why in zip(looks, reasons, strict=True):
        value = _value(figure, look, operations) if not why else _any(figure, look)
        if not why and value is None:
            why = "other operations were loaded"
            value = _any(figure, look)
        points.append(Point(look.at, value, why, look.source))
    return points


def _load_reason(figure: str, look: _Looks, newest: _Looks) -> str:
    tool, other = look.tools[0], newest.tools[0]
    why = _unusable(tool) or _unlike(tool, other)
    if why:
        return why
    if tool.get("c"):
        return "the host was busy"
    if look.at.conditions != newest.at.conditions:
        return "the spec asks for another load"
    if look.engine != newest.engine:
        return "the app ran in another way"
    here, there = tool.get("h"), other.get("h")
    if here and there and max(here, there) > _OTHER_HOST * min(here, there):
        return f"this host sent {here / there:.2g} times as much by itself"
    return _absent(tool.get("f", {}).get(figure))


def _unusable(tool: Mapping[str, Any]) -> str:
    if tool.get("s") != "measured":
        return f"not measured: {tool.get('s')}"
    return "an earlier report was used again" if tool.get("u") else ""


def _unlike(tool: Mapping[str, Any], newest: Mapping[str, Any]) -> str:
    same = tool.get("v") == newest.get("v")
    return "" if same else f"another version of the tool: {tool.get('v') or 'unknown'}"


def _absent(value: object) -> str:
    return "it was not measured there" if value in (None, {}) else ""


def _usable(figure: str, tool: Mapping[str, Any]) -> dict[str, tuple[float | None, float]]:
    """By operation: the arrival rate that the figure is of, and the figure. No lower bounds."""
    found: Mapping[str, float] = tool.get("f", {}).get(figure, {})
    rates: Mapping[str, float] = tool.get("r", {}) if figure in _LATENCIES else {}
    cut = tool.get("x", ()) if figure == _CEILED else ()
    return {name: (rates.get(name), value) for name, value in found.items() if name not in cut}


def _operations(figure: str, looks: Iterable[_Looks]) -> dict[str, float | None]:
    """Operations of the newest run, with their rates, that nearly all have, or the commonest."""
    runs = [_usable(figure, look.tools[0]) for look in looks]
    if not runs or not runs[-1]:
        return {}
    newest = runs[-1]
    often = Counter(
        name for run in runs for name in run if name in newest and run[name][0] == newest[name][0]
    )
    most = max(often.values())
    least = min(most, _SHARED * len(runs))
    return {name: newest[name][0] for name in newest if often[name] >= least}


def _value(figure: str, look: _Looks, operations: Mapping[str, float | None]) -> float | None:
    if not operations:
        return None
    scale = SCALES[figure]
    values: list[float] = []
    for tool in look.tools:
        if tool is not look.tools[0] and (_unusable(tool) or tool.get("c")):
            continue
        found = _usable(figure, tool)
        if any(name not in found or found[name][0] != rate for name, rate in operations.items()):
            if tool is look.tools[0]:
                return None
            continue
        values += [scale.to(found[name][1]) for name in operations]
    mean = fmean(values)
    return scale.back(mean) if mean == mean else None


def _any(figure: str, look: _Looks) -> float | None:
    """A value to show of a run that is not compared."""
    found = look.tools[0].get("f", {}).get(figure, {})
    return fmean(found.values()) if found else None
