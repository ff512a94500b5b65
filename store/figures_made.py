"""From rows of cells to the figures of an app: pure."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from operator import itemgetter
from types import SimpleNamespace
from typing import Any, TypeGuard

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.figures import CENSORED, CONTENDED, HOST, LATENCIES, LOAD_FIGURES, RATE, SUMMED
from store.columns import dump_json
from store.rows import Row, SubtaskRows

NAMES = (*LOAD_FIGURES, CONTENDED, CENSORED, RATE, HOST)
"""Metrics that figures are made of."""
LOAD = tuple(kind.value for kind in AnalyzerKind if kind.row.figures == "load")
"""Analyzers that have load figures."""
KEPT = ("source", "engine", "load", "scanned", "scans")
"""Columns of `app_figures` beside those that name the app."""
_OPERATIONS = 6  # of a load test, those that it trusts most


def app_columns(body: Mapping[str, Any], tools: Mapping[str, Row]) -> Row:
    """The figures of an app, see `contract.figures.AppFigures`."""
    source = (body.get("planned") or {}).get("source") or {}
    images = (body.get("facts") or {}).get("images")
    load = {name: tool for name, tool in tools.items() if name.partition("/")[0] in LOAD}
    scans = {name: tool for name, tool in tools.items() if name not in load}
    same = {name: {**tool, "u": 0} for name, tool in scans.items()}
    return {
        "source": str(source.get("digest") or "")[:16],
        "engine": "container" if images else "process",
        "load": dump_json(load),
        "scanned": hashlib.sha256(dump_json(same).encode()).hexdigest()[:16],
        "scans": dump_json(scans),
    }


def written_tools(rows: SubtaskRows) -> dict[str, Row]:
    """The figures of the tools of a subtask, by `analyzer/tool`, before its rows are stored."""
    return {
        f"{cell['analyzer']}/{cell['tool']}": tool_figures(
            _as_stored(cell), len(rows.findings.get(place, ())), _measured(rows.metrics.get(place))
        )
        for place, cell in enumerate(rows.cells)
    }


def _as_stored(cell: Row) -> SimpleNamespace:
    """The row as a database gives it back; only of load tests the numbers matter."""
    body = json.loads(dump_json(cell["body"])) if cell["analyzer"] in LOAD else cell["body"]
    return SimpleNamespace(**{**cell, "body": body})


def _measured(rows: Iterable[Row] | None) -> list[SimpleNamespace]:
    return [SimpleNamespace(**row) for row in rows or () if row["name"] in NAMES]


def tool_figures(cell: Any, number: int, measured: Iterable[Any]) -> Row:
    """What one cell measured.

    Args:
        cell: its row.
        number: its findings.
        measured: its metrics, those of `NAMES`.
    """
    provenance = cell.body.get("provenance") or {}
    rules = str(provenance.get("rules_digest") or "")[:12]
    told: Row = {"v": f"{cell.version} {rules}".strip(), "s": cell.state}
    told |= {"k": str(code)[:8]} if (code := provenance.get("code_digest")) else {}
    if cell.state != MeasurementState.MEASURED:
        return told
    told |= {"p": 1} if cell.partial else {}
    told |= {"u": 1} if cell.saved_seconds > 0 else {}
    if cell.body.get("looks_for") or number:
        told["n"] = number
    return {**told, **_load(cell, measured)} if cell.analyzer in LOAD else told


def _load(cell: Any, measured: Iterable[Any]) -> Row:
    by_name: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for metric in measured:
        by_name[metric.name][metric.target] = metric.value
    data = cell.body.get("data") or {}
    rates, slow = _slowest(data.get("steps"))
    if not slow:
        rates = by_name[RATE] or dict.fromkeys(by_name[LATENCIES[0]], data.get("rate"))
    figures: Row = {}
    for name in LOAD_FIGURES:
        found = slow.get(name) if name in slow else by_name.get(name)
        if found and name == SUMMED:
            found = {"": sum(found.values())}
        if found:
            few = list(found.items())[:_OPERATIONS]
            figures[name] = {target: float(f"{value:.5g}") for target, value in few}
    cut = sorted(target for target, value in by_name[CENSORED].items() if value)
    host = next(iter(by_name[HOST].values()), None)
    told: Row = {"f": figures, "r": dict(list(rates.items())[:_OPERATIONS])}
    told |= {"x": cut} if cut else {}
    told |= {"c": 1} if any(by_name[CONTENDED].values()) else {}
    return told | ({"h": host} if host is not None else {})


def _slowest(steps: Any) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Of each operation, the lowest rate of its steps and the figures there: all runs have it."""
    rates: dict[str, float] = {}
    figures: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for target, rows in _mapping(steps).items():
        known: list[Any] = [row for row in _listed(rows) if _number(_mapping(row).get("rate"))]
        if not known:
            continue
        first = min(known, key=itemgetter("rate"))
        rates[target] = first["rate"]
        latency = _mapping(first.get("latency"))
        told = {name: latency.get(name.removeprefix("latency_")) for name in LATENCIES}
        for name, value in {**told, "error_ratio": first.get("error_ratio")}.items():
            if _number(value):
                figures[name][target] = value
    return rates, figures


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and value == value
