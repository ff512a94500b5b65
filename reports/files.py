"""The files of one report, ready to be written."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator

from contract.ids import safe_model
from reports.export import render_csv, render_json
from reports.html import render_html
from reports.model import CellReport, FleetReport
from reports.sarif import to_sarif, written
from reports.sarif_github import github_sarif

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
        **dict(sarif_files(report)),
    }


def sarif_files(report: FleetReport) -> Iterator[tuple[str, bytes]]:
    """Two logs for each app that has cells, one where nothing was measured."""
    cells: dict[tuple[str, int], list[CellReport]] = defaultdict(list)
    for cell in report.cells:
        cells[cell.model, cell.app_number].append(cell)
    apps = {(app.model, app.app_number): app for app in report.apps}
    finders = frozenset(cell.tool for cell in report.cells if cell.findings)
    for key, own in cells.items():
        mine = (apps[key],) if key in apps else ()
        part = report.model_copy(update={"cells": tuple(own), "apps": mine})
        yield sarif_name(*key), written(to_sarif(part, *key))
        if (upload := github_sarif(part, *key, finders)) is not None:
            yield github_sarif_name(*key), upload


def sarif_name(model: str, app_number: int) -> str:
    """File of one app's full SARIF log."""
    return f"{_stem(model, app_number)}.sarif"


def github_sarif_name(model: str, app_number: int) -> str:
    """File of one app's log for GitHub code scanning; there is none where nothing was measured."""
    return f"{_stem(model, app_number)}.github.sarif"


def _stem(model: str, app_number: int) -> str:
    """A long model name is cut and told apart by its digest."""
    name = safe_model(model)
    if len(name) > _MODEL_CHARS:
        name = f"{name[:_MODEL_CHARS]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return f"{name}-app{app_number}"
