"""JSON for machines."""

from reports.model import AppReport, FleetReport


def render_json(report: FleetReport | AppReport) -> bytes:
    """A document as a file, readable, UTF-8."""
    return report.model_dump_json(indent=2).encode() + b"\n"
