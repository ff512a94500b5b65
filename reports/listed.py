"""The weaknesses of apps by themselves, as soon as an app has ended: pure.

What only the whole fleet tells (its baseline, its scaffold, tools that are void) is added by the
report of the fleet, which lists them anew. Until then nobody knows what the scaffold brought.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from contract.record import PipelineRecord
from contract.spec import AppRef
from contract.weakness import Weakness
from reports.build import app_reports
from reports.facts import Overview
from reports.known import Known
from reports.scaffold import unread


def weaknesses_by_app(record: PipelineRecord) -> Iterator[tuple[AppRef, tuple[Weakness, ...]]]:
    """Each app of a record with its weaknesses, gravest first."""
    overview = Overview.of(record, datetime.now(UTC))
    known = Known(scaffolds=unread(record.spec.get("scaffold")))
    for report in app_reports(record, overview.facts(), known):
        yield report.ref, report.weaknesses
