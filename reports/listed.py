"""The weaknesses of apps by themselves, as soon as an app has ended: pure.

What only the whole fleet tells (its baseline, its scaffold, tools that are void) is added by the
report of the fleet, which lists them anew. Until then nobody knows it: with a baseline no weakness
has a state, and with a scaffold none is known to be the model's.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from contract.record import CellState, PipelineRecord, by_app
from contract.role import AppRole
from contract.spec import AppRef
from contract.weakness import Origin, Weakness
from reports.build import app_reports
from reports.facts import Overview
from reports.known import Known
from reports.model import AppReport

_FROM_SCAFFOLDS = (AppRole.SUBJECT, AppRole.REPEAT)


def weaknesses_by_app(record: PipelineRecord) -> Iterator[tuple[AppRef, tuple[Weakness, ...]]]:
    """Each app of a record with its weaknesses, gravest first."""
    overview = Overview(record, datetime.now(UTC))
    cells = by_app(record.cells)
    for app in record.apps:
        overview.add(app, map(CellState.of, cells.get(app.ref, ())))
    for report in app_reports(record, overview.facts(), Known()):
        yield report.ref, _as_known(report, record.spec.get("scaffold"))


def _as_known(app: AppReport, scaffold: object) -> tuple[Weakness, ...]:
    """Its weaknesses; who brought them is not known where its scaffold may have."""
    has_one = app.template in scaffold if isinstance(scaffold, dict) else bool(scaffold)
    if not has_one or app.role not in _FROM_SCAFFOLDS:
        return app.weaknesses
    unknown = {"origin": Origin.UNKNOWN}
    return tuple(weakness.model_copy(update=unknown) for weakness in app.weaknesses)
