"""The way of data through a file in its own order, out of a trace of the taint engine."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analyzers.static.lines import Lines

_MOST_STEPS, _MOST_FLOWS, _TEXT_CHARS = 60, 2_000, 300
Step = dict[str, Any]


def steps_of(trace: Mapping[str, Any], path: str, lines: Lines) -> list[Step]:
    """From where data enters to where it does harm; a place that is not understood is left out.

    Args:
        trace: `dataflow_trace` of one result.
        path: of the file; the engine follows data within one file.
        lines: reads a line of it.
    """
    places = [
        *(("source", place) for place in _places(trace.get("taint_source"), inwards=True)),
        *(("step", place) for place in _variables(trace.get("intermediate_vars"))),
        *(("sink", place) for place in _places(trace.get("taint_sink"), inwards=False)),
    ]
    steps: list[Step] = []
    for role, place in places:
        start = place.get("start")
        line = start.get("line") if isinstance(start, dict) else None
        if isinstance(line, int) and (not steps or steps[-1]["line"] != line):
            text = lines(path, line).strip()[:_TEXT_CHARS]
            steps.append({"role": role, "path": path, "line": line, "text": text})
    return _told(steps[:_MOST_STEPS])


def _told(steps: list[Step]) -> list[Step]:
    """Only the first one is where it enters, only the last one where it does harm."""
    for at, step in enumerate(steps):
        step["role"] = "sink" if at == len(steps) - 1 else "source" if at == 0 else "step"
    return steps


def document(flows: Mapping[str, Sequence[Step]]) -> bytes:
    """The attachment: the steps of each finding by its `path_key`."""
    kept = dict(list(flows.items())[:_MOST_FLOWS])
    return json.dumps(kept, ensure_ascii=False).encode("utf-8", "replace")


def _places(place: Any, *, inwards: bool) -> Iterator[Mapping[str, Any]]:
    """What a called function does comes before the call of a source, and after that of a sink."""
    call = _call(place)
    if call is None:
        yield from _location(place)
        return
    at, variables, inner = call
    parts = (_places(inner, inwards=inwards), _variables(variables), _own(at))
    for part in parts if inwards else reversed(parts):
        yield from part


def _call(place: Any) -> Sequence[Any] | None:
    named = isinstance(place, list) and len(place) == 2 and place[0] == "CliCall"
    return place[1] if named and isinstance(place[1], list) and len(place[1]) == 3 else None


def _location(place: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(place, list) and len(place) == 2 and place[0] == "CliLoc":
        yield from _own(place[1])


def _own(pair: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(pair, list) and pair and isinstance(pair[0], dict):
        yield pair[0]


def _variables(rows: Any) -> Iterator[Mapping[str, Any]]:
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and isinstance(row.get("location"), dict):
            yield row["location"]
