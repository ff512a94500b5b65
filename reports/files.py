"""The files of one report, ready to be written."""

import json
from collections import defaultdict
from collections.abc import Collection

from reports.export import render_csv, render_json
from reports.html import render_html
from reports.model import CellReport, FleetReport
from reports.names import CSV_NAME, HTML_NAME, JSON_NAME, sarif_name
from reports.sarif import to_sarif


def render_files(report: FleetReport, beside: Collection[str] = ()) -> dict[str, bytes]:
    """Content by file name. Takes seconds for a fleet of 1,000 apps: not for an event loop.

    Args:
        report: what the files say.
        beside: names of files that are there already, such as logs; the page links to them.
    """
    files = {
        JSON_NAME: render_json(report).encode(),
        CSV_NAME: render_csv(report).encode(),
        **_sarif_files(report),
    }
    return files | {HTML_NAME: render_html(report, JSON_NAME, {*files, *beside}).encode()}


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
