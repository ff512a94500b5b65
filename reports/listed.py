"""The weaknesses of apps by themselves, as soon as an app has ended: pure.

What only the whole fleet tells (its baseline, its scaffold, tools that are void) is added by the
report of the fleet, which lists them anew.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from contract.record import CellState, PipelineRecord, by_app
from contract.spec import AppRef
from contract.weakness import Weakness
from reports.build import app_reports
from reports.facts import Overview
from reports.known import Known


def weaknesses_by_app(record: PipelineRecord) -> Iterator[tuple[AppRef, tuple[Weakness, ...]]]:
    """Each app of a record with its weaknesses, gravest first."""
    overview = Overview(record, datetime.now(UTC))
    cells = by_app(record.cells)
    for app in record.apps:
        overview.add(app, map(CellState.of, cells.get(app.ref, ())))
    for report in app_reports(record, overview.facts(), Known()):
        yield report.ref, report.weaknesses
