"""Weaknesses that were searched, as CSV and as SARIF. Pure.

The columns are those of the table `findings`, and the results those of the reports' logs.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from contract.findings import FoundWeakness
from contract.ids import safe_model
from contract.weakness import BaselineState
from reports.counts import StateCounts
from reports.model import AppReport
from reports.sarif import PRODUCT, Notice, identified, invocation_of, log_of, run_of
from reports.sarif_results import Style, listed
from reports.tables.findings import FINDINGS
from reports.tables.schema import OneApp
from reports.tables.sheet import csv_head, csv_of

_NO_MOMENT = datetime.fromtimestamp(0, UTC)


def found_head() -> bytes:
    """The line of the columns."""
    return csv_head(FINDINGS)


def found_lines(pipeline_id: str, found: Iterable[FoundWeakness]) -> bytes:
    """A line for each weakness."""
    return csv_of(_row(pipeline_id, item) for item in found)


def found_sarif(
    pipeline_id: str, found: Sequence[FoundWeakness], notices: Sequence[Notice], whole: bool
) -> dict[str, Any]:
    """A log with one run of these weaknesses; paths are below the fleet's folder.

    It says of each result how it compares with the baseline, or of none (SARIF 2.1.0, 3.27.24).

    Args:
        pipeline_id: of the pipeline.
        found: its weaknesses.
        notices: what the reader must know: what is left out and what was not measured.
        whole: whether all that was to be measured was.
    """
    known = (BaselineState.NEW, BaselineState.UNCHANGED)
    compared = all(item.weakness.baseline in known for item in found)
    styles = [
        Style(
            every_tool=True,
            decided=True,
            compared=compared,
            folder=f"{safe_model(item.ref.model)}/app{item.ref.app_number}",
        )
        for item in found
    ]
    results = listed(list(zip((item.weakness for item in found), styles, strict=True)), [])
    name = identified("findings", pipeline_id)
    return log_of([run_of({"name": PRODUCT}, name, invocation_of(whole, notices), results)])


def _row(pipeline_id: str, item: FoundWeakness) -> dict[str, Any]:
    """Its row in the table of the report."""
    app = AppReport(
        pipeline_id=pipeline_id,
        generated_at=_NO_MOMENT,
        ref=item.ref,
        role=item.role,
        states=StateCounts(),
        weaknesses=(item.weakness,),
    )
    return next(FINDINGS.rows(OneApp(app))) | {"ordinal": item.ordinal}
