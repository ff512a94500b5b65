"""JSON for machines."""

from reports.model import AppReport, FleetReport


def render_json(report: FleetReport | AppReport) -> bytes:
    """A document as a file, UTF-8; those of apps are many and read by programs, so on one line."""
    indent = 2 if isinstance(report, FleetReport) else None
    return report.model_dump_json(indent=indent).encode() + b"\n"
