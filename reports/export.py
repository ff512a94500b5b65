"""JSON for machines, CSV for spreadsheets."""

import csv
import io
from collections.abc import Iterable

from reports.formats import unseen
from reports.model import AppReport, CellReport, FleetReport

CSV_COLUMNS = (
    "pipeline",
    "model",
    "app_number",
    "analyzer",
    "tool",
    "version",
    "state",
    "reason",
    "coverage_unit",
    "coverage_reached",
    "coverage_given",
    "findings",
    "duration_s",
    "cached",
    "not_looked_at",
    "tool_seconds",
    "wasted_seconds",
    "saved_seconds",
    "notes",
    "app_state",
    "app_reason",
    "app_notes",
)


_SECONDS = ("tool_seconds", "wasted_seconds", "saved_seconds")


def render_json(report: FleetReport | AppReport) -> bytes:
    """A document as a file, readable, UTF-8."""
    return report.model_dump_json(indent=2).encode() + b"\n"


def csv_head() -> bytes:
    """The first line of the table of cells."""
    return _lines([CSV_COLUMNS])


def csv_rows(app: AppReport) -> bytes:
    """One line per cell of an app. A cell that is not measured has empty figures, never a zero."""
    return _lines(_row(app, cell) for cell in app.cells)


def _row(app: AppReport, cell: CellReport) -> tuple[object, ...]:
    coverage = cell.report.coverage
    return (
        app.pipeline_id,
        cell.ref.model,
        cell.ref.app_number,
        cell.analyzer.value,
        cell.tool,
        cell.report.version,
        cell.state.value,
        cell.report.reason,
        coverage.unit if coverage else "",
        coverage.reached if coverage else "",
        coverage.given if coverage and coverage.given is not None else "",
        "" if cell.finding_count is None else cell.finding_count,
        cell.report.provenance.duration_s if cell.recorded else "",
        "yes" if cell.cached else "no",
        unseen(cell.not_looked_at),
        *(getattr(cell.record, name) if cell.recorded else "" for name in _SECONDS),
        "; ".join(cell.report.provenance.remarks),
        app.state.value if app.state else "",
        app.reason,
        "; ".join(app.facts.notes),
    )


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_inert(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _inert(value: object) -> object:
    """A text that a spreadsheet cannot take for a formula; apps under test choose some of them."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
