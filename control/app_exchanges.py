"""Requests that showed a weakness, with their answers, as the tools that sent them kept them."""

from collections.abc import Iterable
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from contract.analysis import Finding
from contract.attached import EXCHANGES, exchange_key
from control.app_attached import attached_json, cell_of
from control.app_documents import Exchange, Sighting
from reports.model import AppReport

_MOST = 10
_ROWS = TypeAdapter(tuple[Exchange, ...])


def exchanges_of(
    data_dir: Path, app: AppReport, sightings: Iterable[tuple[Sighting, Finding]]
) -> tuple[tuple[Exchange, ...], str]:
    """The exchanges that are kept, and why there are none, or not all. Blocking."""
    found: list[Exchange] = []
    whys: dict[str, None] = {}
    for told, finding in sightings:
        cell = cell_of(app, told.tool)
        if cell is None or not finding.location.url:
            continue
        rows, why = attached_json(data_dir, cell, EXCHANGES)
        kept = _read(rows.get(exchange_key(finding)) if isinstance(rows, dict) else None)
        found += kept
        if not kept:
            whys[why or f"{told.tool} kept no whole request for it"] = None
    if len(found) > _MOST:
        return tuple(found[:_MOST]), f"{len(found) - _MOST} more requests were kept"
    return tuple(found), "" if found else "; ".join(whys)


def _read(rows: object) -> tuple[Exchange, ...]:
    try:
        return _ROWS.validate_python(rows or ())
    except ValidationError:
        return ()
