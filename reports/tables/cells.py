"""The table `cells`: what became of each tool on each app."""

from collections.abc import Callable

from contract.analysis import Coverage
from reports.formats import unseen
from reports.model import CellReport
from reports.tables.schema import Column, OneApp, Table
from reports.tables.shared import OF_APP, of_app

_Value = Callable[[OneApp, CellReport], object]


def _coverage(read: Callable[[Coverage], object]) -> _Value:
    def value(of: OneApp, cell: CellReport) -> object:
        return read(cell.report.coverage) if cell.report.coverage else None

    return value


def _recorded(read: Callable[[CellReport], object]) -> _Value:
    """A figure of a cell that came; a cell that never came has none."""
    return lambda of, cell: read(cell) if cell.recorded else None


CELLS: Table[OneApp, CellReport] = Table(
    name="cells",
    meaning="one row per app and tool, complete: what was not measured says why",
    key=(*OF_APP, "analyzer", "tool"),
    columns=(
        *of_app(),
        Column("analyzer", "VARCHAR", "analyzer of the tool", lambda of, cell: cell.analyzer),
        Column(
            "tool",
            "VARCHAR",
            "the tool; `*` stands for all tools of an analyzer that never named them",
            lambda of, cell: cell.tool,
        ),
        Column("version", "VARCHAR", "version of the tool", lambda of, cell: cell.report.version),
        Column(
            "state",
            "VARCHAR",
            "`measured`, `app_failed`, `infra_failed` (missing, never zero) or `not_applicable`",
            lambda of, cell: cell.state,
        ),
        Column("reason", "VARCHAR", "why it was not measured", lambda of, cell: cell.report.reason),
        Column(
            "coverage_unit",
            "VARCHAR",
            "what its coverage counts",
            _coverage(lambda coverage: coverage.unit),
        ),
        Column(
            "coverage_reached",
            "BIGINT",
            "how many the tool looked at",
            _coverage(lambda coverage: coverage.reached),
        ),
        Column(
            "coverage_given",
            "BIGINT",
            "how many there were; NULL where nobody can know",
            _coverage(lambda coverage: coverage.given),
        ),
        Column(
            "findings",
            "BIGINT",
            "what the tool found; NULL where it did not measure or looks for no findings",
            lambda of, cell: cell.finding_count,
        ),
        Column(
            "duration_s",
            "DOUBLE",
            "how long its report took when it was made",
            _recorded(lambda cell: cell.report.provenance.duration_s),
        ),
        Column(
            "cached",
            "BOOLEAN",
            "the report of an earlier, identical run was used",
            lambda of, cell: cell.cached,
        ),
        Column(
            "not_looked_at",
            "VARCHAR",
            "what it was given and did not look at, by reason",
            lambda of, cell: unseen(cell.not_looked_at),
        ),
        Column(
            "tool_seconds",
            "DOUBLE",
            "tool time that counted",
            _recorded(lambda cell: cell.record.tool_seconds),
        ),
        Column(
            "wasted_seconds",
            "DOUBLE",
            "tool time thrown away",
            _recorded(lambda cell: cell.record.wasted_seconds),
        ),
        Column(
            "saved_seconds",
            "DOUBLE",
            "tool time that a reused report took when it was made",
            _recorded(lambda cell: cell.record.saved_seconds),
        ),
        Column(
            "notes",
            "VARCHAR[]",
            "what is to be read beside its figures",
            lambda of, cell: cell.report.provenance.remarks,
        ),
        Column("app_state", "VARCHAR", "how its app ended", lambda of, _: of.app.state),
        Column("app_reason", "VARCHAR", "why, likewise", lambda of, _: of.app.reason),
        Column(
            "app_notes",
            "VARCHAR[]",
            "what of the app's files was not honoured",
            lambda of, _: of.app.facts.notes,
        ),
        Column(
            "rules_digest",
            "VARCHAR",
            "sha256 of its rules and configuration",
            lambda of, cell: cell.report.provenance.rules_digest,
        ),
        Column(
            "imported",
            "BOOLEAN",
            "read from a log of somebody else: state and coverage are as told there",
            lambda of, cell: cell.report.imported,
        ),
        Column(
            "attempts",
            "BIGINT",
            "how many attempts its analyzer took",
            _recorded(lambda cell: cell.record.attempts),
        ),
        Column(
            "started_at",
            "TIMESTAMPTZ",
            "when its report was begun",
            lambda of, cell: cell.report.provenance.started_at,
        ),
        Column(
            "artifact_sha256",
            "VARCHAR",
            "sha256 of the result archive that holds its raw output",
            lambda of, cell: cell.record.artifact.sha256 if cell.record.artifact else None,
        ),
    ),
    items=lambda of: of.app.cells,
)
