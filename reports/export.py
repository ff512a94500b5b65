"""JSON for machines."""

from reports.model import AppReport, FleetReport

_READABLE_APPS = 100


def render_json(report: FleetReport | AppReport) -> bytes:
    """A document as a file, UTF-8; on one line if it is large, or one of many."""
    readable = isinstance(report, FleetReport) and len(report.apps) <= _READABLE_APPS
    indent = 2 if readable else None
    return report.model_dump_json(indent=indent).encode() + b"\n"
