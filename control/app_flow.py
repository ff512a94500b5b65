"""The way of data to where it does harm, step by step, as a taint engine followed it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from contract.analysis import Finding
from contract.attached import FLOWS
from contract.families import path_key
from control.app_attached import attached_json
from control.app_documents import FlowStep, Sighting
from reports.model import AppReport, CellReport
from reports.reach import reach_of

_MOST_STEPS = 100
_STEPS = TypeAdapter(tuple[FlowStep, ...])
NO_PATH = "no tool followed data to this place: it was found by a pattern or by a request"
NO_ORDER = "only the lines of the way are known, not their order"


def flow_of(
    data_dir: Path, app: AppReport, sightings: Iterable[tuple[Sighting, Finding]]
) -> tuple[tuple[FlowStep, ...], str]:
    """The steps of the first sighting that has any, and what to know of them. Blocking."""
    reach = reach_of(app.cells)
    for told, found in sightings:
        lines = reach.steps_of(found)
        if not lines or not found.location.path:
            continue
        cell = next(cell for cell in app.cells if cell.tool == told.tool)
        steps, why = _in_order(data_dir, cell, found)
        return (steps, "") if steps else (_by_line(found.location.path, lines), why)
    return (), NO_PATH


def _in_order(data_dir: Path, cell: CellReport, found: Finding) -> tuple[tuple[FlowStep, ...], str]:
    flows, why = attached_json(data_dir, cell, FLOWS)
    rows = flows.get(path_key(found)) if isinstance(flows, dict) else None
    try:
        steps = _STEPS.validate_python(rows or ())[:_MOST_STEPS]
    except ValidationError:
        steps = ()
    return steps, f"{NO_ORDER}: {why}" if why else NO_ORDER


def _by_line(path: str, lines: Sequence[int]) -> tuple[FlowStep, ...]:
    return tuple(FlowStep(role="line", path=path, line=line) for line in lines[:_MOST_STEPS])
