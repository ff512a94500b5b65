"""What a load test measured of one app. Its data is free-form: a row that is wrong is none."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from contract.analysis import MeasurementState
from contract.attached import USAGE
from control.app_attached import attached_json
from control.app_kept_documents import AppLoad, LoadCurve, LoadStep, UsageSeries
from control.app_reading import ReadApp
from reports.figures import is_load_test
from reports.model import CellReport

_LATENCIES = ("p50", "p95", "p99")
_USAGE = TypeAdapter(tuple[UsageSeries, ...])
_MOST_CURVES, _MOST_STEPS = 100, 200


async def app_load(data_dir: Path, app: ReadApp) -> AppLoad:
    """The curves of an app's load tests."""
    return await asyncio.to_thread(_load, data_dir, app)


def _load(data_dir: Path, app: ReadApp) -> AppLoad:
    curves: list[LoadCurve] = []
    usage: tuple[UsageSeries, ...] = ()
    notes: list[str] = []
    for cell in app.report.cells:
        if not is_load_test(cell):
            continue
        if cell.state is not MeasurementState.MEASURED:
            notes.append(f"{cell.tool}: {cell.report.reason}")
            continue
        curves += _curves(cell)
        usage, why = (usage, "") if usage else _usage(data_dir, cell)
        notes += [f"processor and memory over time: {why}"] if why else []
    notes += _left_out(curves)
    return AppLoad(
        pipeline_id=app.pipeline_id,
        app=app.ref.label,
        curves=tuple(
            one.model_copy(update={"steps": one.steps[:_MOST_STEPS]})
            for one in curves[:_MOST_CURVES]
        ),
        usage=usage,
        notes=tuple(notes),
    )


def _left_out(curves: Sequence[LoadCurve]) -> Iterator[str]:
    """What of the measured curves is not told."""
    if (more := len(curves) - _MOST_CURVES) > 0:
        yield f"{more} more curves are left out: the first {_MOST_CURVES} are told"
    for one in curves[:_MOST_CURVES]:
        if (more := len(one.steps) - _MOST_STEPS) > 0:
            yield f"{one.tool} {one.operation}: {more} more steps of higher rates are left out"


def _curves(cell: CellReport) -> Iterator[LoadCurve]:
    data = cell.report.data
    steps, objective = data.get("steps"), _mapping(data.get("objective"))
    contention = _mapping(data.get("contention"))
    for name, rows in _mapping(steps).items():
        found = sorted(filter(None, map(_step, _list(rows))), key=lambda step: step.rate)
        if found:
            yield LoadCurve(
                tool=cell.tool,
                operation=str(name),
                steps=tuple(found),
                objective_p95_ms=_number(objective.get("p95_ms")),
                contended=tuple(map(str, _list(contention.get(name)))),
            )


def _step(row: object) -> LoadStep | None:
    told = _mapping(row)
    latency = _mapping(told.get("latency"))
    rate, throughput = _number(told.get("rate")), _number(told.get("throughput"))
    if rate is None or throughput is None:
        return None
    return LoadStep(
        rate=rate,
        throughput=throughput,
        error_ratio=_number(told.get("error_ratio")),
        broke=str(told["broke"] or "") if "broke" in told else None,
        **{name: _number(latency.get(name)) for name in _LATENCIES},
    )


def _usage(data_dir: Path, cell: CellReport) -> tuple[tuple[UsageSeries, ...], str]:
    """The series that the tool attached; a tool that does not watch the app has no note."""
    if "steps" not in cell.report.data:
        return (), ""
    rows, why = attached_json(data_dir, cell, USAGE)
    try:
        return _USAGE.validate_python(rows or ()), why
    except ValidationError:
        return (), f"{cell.tool}/{USAGE} is not understood"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and value == value else None
