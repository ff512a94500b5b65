"""Reports: pure functions from what was recorded to what a person reads. No I/O."""

from reports.build import build_fleet_report
from reports.export import render_csv, render_json
from reports.files import render_files
from reports.html import render_html
from reports.sarif import to_sarif

__all__ = [
    "build_fleet_report",
    "render_csv",
    "render_files",
    "render_html",
    "render_json",
    "to_sarif",
]
