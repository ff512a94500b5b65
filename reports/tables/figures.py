"""The tables `metrics` and `requirements`: numbers of tools, and verdicts of judges."""

from collections.abc import Iterator

from contract.analysis import Metric
from reports.effort import is_contended
from reports.model import CellReport, RequirementVerdict
from reports.tables.schema import Column, OneApp, Table
from reports.tables.shared import OF_APP, of_app

_Measured = tuple[CellReport, Metric]


def _metrics(of: OneApp) -> Iterator[_Measured]:
    return ((cell, metric) for cell in of.app.cells for metric in cell.report.metrics)


METRICS: Table[OneApp, _Measured] = Table(
    name="metrics",
    meaning="one row per measured number",
    key=(*OF_APP, "analyzer", "tool", "name", "target"),
    columns=(
        *of_app(),
        Column("analyzer", "VARCHAR", "analyzer of the tool", lambda of, one: one[0].analyzer),
        Column("tool", "VARCHAR", "tool that measured it", lambda of, one: one[0].tool),
        Column("name", "VARCHAR", "what was measured", lambda of, one: one[1].name),
        Column("unit", "VARCHAR", "unit of the value", lambda of, one: one[1].unit),
        Column(
            "target",
            "VARCHAR",
            "of what: an operation, a file; empty for the whole app",
            lambda of, one: one[1].target,
        ),
        Column("value", "DOUBLE", "the number", lambda of, one: one[1].value),
        Column(
            "contended",
            "BOOLEAN",
            "its cell was measured on a busy host: compare it with nothing",
            lambda of, one: is_contended(one[0]),
        ),
    ),
    items=_metrics,
)

REQUIREMENTS: Table[OneApp, RequirementVerdict] = Table(
    name="requirements",
    meaning="one row per declared requirement that judges were asked about",
    key=(*OF_APP, "tool", "id"),
    columns=(
        *of_app(),
        Column("tool", "VARCHAR", "tool that asked", lambda of, one: one.tool),
        Column("id", "VARCHAR", "names the requirement", lambda of, one: one.id),
        Column("text", "VARCHAR", "what was required", lambda of, one: one.text),
        Column(
            "verdict", "VARCHAR", "`met`, `not_met` or `cannot_tell`", lambda of, one: one.verdict
        ),
        Column("judges", "VARCHAR[]", "who judged", lambda of, one: tuple(one.judges)),
        Column(
            "judge_verdicts",
            "VARCHAR[]",
            "the verdict of each judge, in the order of `judges`",
            lambda of, one: tuple(one.judges.values()),
        ),
        Column("reason", "VARCHAR", "of a judge who agrees", lambda of, one: one.reason),
    ),
    items=lambda of: of.app.requirements,
)
