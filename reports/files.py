"""The files of one report, ready to be written."""

from collections.abc import Collection, Iterator

from contract.record import by_app
from reports.export import render_csv, render_json
from reports.html import render_html
from reports.model import FleetReport
from reports.names import CSV_NAME, HTML_NAME, JSON_NAME, github_sarif_name, sarif_name
from reports.sarif import to_sarif, written
from reports.sarif_github import github_sarif


def render_files(report: FleetReport, beside: Collection[str] = ()) -> dict[str, bytes]:
    """Content by file name. Takes seconds for a fleet of 1,000 apps: not for an event loop.

    Args:
        report: content of the files.
        beside: names of files that are already in the folder, such as logs; the page links to them.
    """
    files = {
        JSON_NAME: render_json(report).encode(),
        CSV_NAME: render_csv(report).encode(),
        **dict(sarif_files(report)),
    }
    return files | {HTML_NAME: render_html(report, JSON_NAME, {*files, *beside}).encode()}


def sarif_files(report: FleetReport) -> Iterator[tuple[str, bytes]]:
    """Two logs for each app that has cells; one log if nothing was measured."""
    apps = {app.ref: app for app in report.apps}
    finders = frozenset(cell.tool for cell in report.cells if cell.report.findings)
    for ref, own in by_app(report.cells).items():
        mine = (apps[ref],) if ref in apps else ()
        part = report.model_copy(update={"cells": tuple(own), "apps": mine})
        yield sarif_name(ref), written(to_sarif(part, ref))
        if (upload := github_sarif(part, ref, finders)) is not None:
            yield github_sarif_name(ref), upload
