"""JSON for machines, CSV for spreadsheets."""

import csv
import io

from reports.model import FleetReport

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
)


def render_json(report: FleetReport) -> str:
    """`report.json`, readable, UTF-8."""
    return report.model_dump_json(indent=2) + "\n"


def render_csv(report: FleetReport) -> str:
    """One line per cell. A cell that is not measured has empty figures, never a zero."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for cell in report.cells:
        coverage = cell.coverage
        row = (
            report.pipeline.id,
            cell.model,
            cell.app_number,
            cell.analyzer.value,
            cell.tool,
            cell.version,
            cell.state.value,
            cell.reason,
            coverage.unit if coverage else "",
            coverage.reached if coverage else "",
            coverage.given if coverage and coverage.given is not None else "",
            "" if cell.finding_count is None else cell.finding_count,
            cell.provenance.duration_s if cell.recorded else "",
            "yes" if cell.cached else "no",
        )
        writer.writerow([_inert(value) for value in row])
    return text.getvalue()


def _inert(value: object) -> object:
    """A text that a spreadsheet cannot take for a formula; apps under test choose some of them."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
