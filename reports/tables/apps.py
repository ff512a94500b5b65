"""The table `apps`: one row per app."""

from collections.abc import Callable

from contract.analysis import Category, Severity
from reports.counts import FindingTally
from reports.summary import AppSummary
from reports.tables.schema import Column, OneApp, Table
from reports.tables.shared import OF_APP, of_app

_Value = Callable[[OneApp, AppSummary], object]


def _security(of: AppSummary) -> FindingTally | None:
    return next((tally for tally in of.findings if tally.category is Category.SECURITY), None)


def _findings(of: OneApp, app: AppSummary) -> int | None:
    tally = _security(app)
    return tally.total if tally else None


def _of_severity(severity: Severity) -> Column[OneApp, AppSummary]:
    def value(of: OneApp, app: AppSummary) -> int | None:
        tally = _security(app)
        counts = tally.by_severity if tally else None
        return None if counts is None else counts.get(severity, 0)

    meaning = f"those of severity {severity}; NULL where nothing was measured"
    return Column(f"security_{severity}", "BIGINT", meaning, value)


def _verdict(verdict: str) -> _Value:
    def value(of: OneApp, app: AppSummary) -> int | None:
        return app.requirements.get(verdict, 0) if app.requirements else None

    return value


APPS: Table[OneApp, AppSummary] = Table(
    name="apps",
    meaning="one row per app, controls and repeats included",
    key=OF_APP,
    columns=(
        *of_app(),
        Column(
            "source_digest",
            "VARCHAR",
            "sha256 of its files: equal sources have equal ones",
            lambda of, app: app.source_digest,
        ),
        Column("state", "VARCHAR", "how it ended; NULL: it has not", lambda of, app: app.state),
        Column("reason", "VARCHAR", "why, if it was not measured", lambda of, app: app.reason),
        Column(
            "runs",
            "VARCHAR",
            "`pass`, `fail`, `missing` or `not applicable`: built, started, answered, stayed up",
            lambda of, app: app.runs,
        ),
        Column(
            "functional",
            "VARCHAR",
            "likewise: it runs, and its declared requirements or endpoints hold",
            lambda of, app: app.functional,
        ),
        Column(
            "secure",
            "VARCHAR",
            "likewise: every tool that looks for weaknesses had its look, and nothing high is left",
            lambda of, app: app.secure,
        ),
        Column(
            "known_insecure",
            "BOOLEAN",
            "a high or critical weakness is known, whether or not all tools had a look",
            lambda of, app: app.known_insecure,
        ),
        Column("kloc", "DOUBLE", "thousands of lines of its own code", lambda of, app: app.kloc),
        Column(
            "cells_measured", "BIGINT", "its cells by state", lambda of, app: app.cells.measured
        ),
        Column("cells_app_failed", "BIGINT", "likewise", lambda of, app: app.cells.app_failed),
        Column("cells_infra_failed", "BIGINT", "likewise", lambda of, app: app.cells.infra_failed),
        Column(
            "cells_not_applicable", "BIGINT", "likewise", lambda of, app: app.cells.not_applicable
        ),
        Column(
            "security_findings",
            "BIGINT",
            "its security weaknesses, each once, also those that no list shows; NULL where no tool "
            "that looks for them has measured",
            _findings,
        ),
        *(_of_severity(severity) for severity in Severity),
        Column(
            "requirements_met",
            "BIGINT",
            "declared requirements by verdict; NULL where nobody judged",
            _verdict("met"),
        ),
        Column("requirements_not_met", "BIGINT", "likewise", _verdict("not_met")),
        Column("requirements_cannot_tell", "BIGINT", "likewise", _verdict("cannot_tell")),
        Column(
            "cost_usd",
            "DOUBLE",
            "what asking the judges cost; NULL where nobody was asked or no price is known",
            lambda of, app: app.cost_usd,
        ),
        Column(
            "tool_seconds", "DOUBLE", "tool time that counted", lambda of, app: app.tool_seconds
        ),
        Column(
            "duration_s",
            "DOUBLE",
            "from its first to its last subtask, as far as recorded",
            lambda of, app: app.duration_s,
        ),
        Column("started_at", "TIMESTAMPTZ", "beginning of that", lambda of, app: app.started_at),
        Column("finished_at", "TIMESTAMPTZ", "end of that", lambda of, app: app.finished_at),
        Column(
            "notes",
            "VARCHAR[]",
            "what of its files was not honoured",
            lambda of, app: of.app.facts.notes,
        ),
    ),
    items=lambda of: (of.summary,) if of.summary else (),
)
