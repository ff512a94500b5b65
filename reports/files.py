"""The files of one report, ready to be written."""

import hashlib
import json
from collections import defaultdict

from contract.ids import safe_model
from reports.export import render_csv, render_json
from reports.html import render_html
from reports.model import CellReport, FleetReport
from reports.sarif import to_sarif

JSON_NAME = "report.json"
HTML_NAME = "report.html"
CSV_NAME = "cells.csv"
_MODEL_CHARS = 100


def render_files(report: FleetReport) -> dict[str, bytes]:
    """Content by file name. Takes seconds for a fleet of 1,000 apps: not for an event loop."""
    return {
        JSON_NAME: render_json(report).encode(),
        HTML_NAME: render_html(report, JSON_NAME).encode(),
        CSV_NAME: render_csv(report).encode(),
        **_sarif_files(report),
    }


def _sarif_files(report: FleetReport) -> dict[str, bytes]:
    """A log for each app that has cells; each is made from the cells of its app alone."""
    cells: dict[tuple[str, int], list[CellReport]] = defaultdict(list)
    for cell in report.cells:
        cells[cell.model, cell.app_number].append(cell)
    return {
        sarif_name(*app): json.dumps(
            to_sarif(report.model_copy(update={"cells": tuple(own)}), *app), indent=1
        ).encode()
        for app, own in cells.items()
    }


def sarif_name(model: str, app_number: int) -> str:
    """File of one app's SARIF log; a long model name is cut and told apart by its digest."""
    name = safe_model(model)
    if len(name) > _MODEL_CHARS:
        name = f"{name[:_MODEL_CHARS]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return f"{name}-app{app_number}.sarif"
