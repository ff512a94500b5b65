"""What a reader must not overlook: substitutions, broken sources, what was not looked at, reuse."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest

from contract.analysis import Category, Coverage, Finding, Location, Provenance, Severity, Skipped
from contract.outcome import AppFacts
from contract.record import AppRecord, CellRecord, PipelineRecord
from reports.formats import unseen
from reports.model import NotLookedAt
from reports.unseen import not_looked_at
from tests.support.whole_report import Whole, whole
from tests.unit import report_samples as samples
from tests.unit.report_samples import (
    APP_FAILED,
    DYNAMIC,
    GPT,
    HOSTILE,
    INFRA_FAILED,
    MEASURED,
    NOT_APPLICABLE,
    NOW,
    STATIC,
)
from tests.unit.test_reports_html import Page

STAND_IN = "python:3.9-alpine is not here; built on assay/python (3.11)"
DROPPED = f"compose: web.privileged {HOSTILE} was dropped"
BROKEN = Finding(
    tool="syntax",
    rule_id="syntax-error",
    message="Python syntax error: unterminated string literal",
    severity=Severity.HIGH,
    category=Category.QUALITY,
    location=Location(path="backend/app.py", line=7),
)


def report_of(*cells: CellRecord, state=MEASURED, reason="", notes=()) -> Whole:
    """Report of one app with these cells."""
    app = AppRecord(ref=samples.GPT_1, state=state, reason=reason, facts=AppFacts(notes=notes))
    record = PipelineRecord(pipeline_id="p", state="completed", apps=(app,), cells=cells)
    return whole(record, generated_at=NOW)


def rows(report: Whole) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(report.csv)))


@pytest.fixture
def failed() -> Whole:
    why = "exited with 1: ImportError"
    cells = (
        samples.cell(GPT, 1, STATIC, "bandit"),
        samples.cell(GPT, 1, DYNAMIC, "*", APP_FAILED, why),
    )
    return report_of(*cells, state=APP_FAILED, reason=why, notes=(STAND_IN, DROPPED))


def test_what_was_replaced_or_dropped_stands_beside_the_reason_of_a_failure(failed):
    words, of_app = Page(failed.page).words(), Page(failed.app_page()).words()

    beside = f"{failed.apps[0].reason} {STAND_IN} {DROPPED}"
    assert words.count(beside) == 1, "where failures are listed"
    assert of_app.count(beside) == 1, "with the app"
    assert of_app.count(STAND_IN) == 1, "not once more among the notes"
    assert failed.missing[0].notes == (STAND_IN, DROPPED)


def test_json_and_csv_have_the_notes_with_the_reason(failed):
    document = json.loads(failed.fleet.model_dump_json())
    assert failed.apps[0].facts.notes == (STAND_IN, DROPPED)
    assert document["missing"][0]["notes"] == [STAND_IN, DROPPED]
    for row in rows(failed):
        assert (row["app_state"], row["app_reason"]) == ("app_failed", failed.apps[0].reason)
        assert row["app_notes"] == f"{STAND_IN}; {DROPPED}"


def test_notes_are_no_reason_why_the_platform_failed():
    lost = samples.cell(GPT, 1, STATIC, "bandit", INFRA_FAILED, "killed")

    report = report_of(lost, state=INFRA_FAILED, reason="killed", notes=(STAND_IN,))

    assert report.missing[0].notes == ()


def test_notes_of_a_tool_are_on_the_page_escaped_and_in_the_csv():
    notes = ("opened as http://localhost:3000", f"rate limit of 10/s {HOSTILE}")
    cell = samples.cell(GPT, 1, DYNAMIC, "probe", provenance=Provenance(notes=notes))
    report = report_of(cell)

    page = Page(report.app_page())

    assert all(note in page.words() for note in notes)
    assert not any(tag == "img" for tag, _ in page.elements)
    assert rows(report)[0]["notes"] == "; ".join(notes)


def skipped(count: int, reason: str) -> tuple[Skipped, ...]:
    return tuple(Skipped(what=f"GET /{n}", reason=reason) for n in range(count))


def test_what_was_not_looked_at_is_grouped_by_reason():
    coverage = Coverage(
        unit="urls",
        reached=4,
        given=20,
        skipped=(
            *skipped(12, "like the answer to a random path"),
            Skipped(what="GET /a", reason="led to a login: /login?next=/a"),
            Skipped(what="GET /b", reason="led to a login: /login?next=/b"),
        ),
        skipped_total=14,
    )

    groups = not_looked_at(coverage)

    assert unseen(groups) == "12 like the answer to a random path, 2 led to a login, 2 more"


@pytest.mark.parametrize(
    ("coverage", "told"),
    [
        (None, ""),
        (Coverage(unit="files", reached=3, given=3), ""),
        (Coverage(unit="files", reached=3), ""),
        (Coverage(unit="files", reached=3, given=5), "2 without a reason"),
        (Coverage(unit="files", reached=3, skipped_total=7), "7 without a reason"),
        (
            Coverage(unit="urls", reached=1, skipped=skipped(50, "answered 403"), skipped_total=90),
            "at least 50 answered 403, 40 more",
        ),
    ],
)
def test_what_has_no_name_is_counted_all_the_same(coverage, told):
    assert unseen(not_looked_at(coverage)) == told


def test_a_zero_of_a_part_is_told_from_a_zero_of_everything():
    part = Coverage(unit="files", reached=1, given=9, skipped=skipped(8, "syntax error: line 1"))
    whole = Coverage(unit="files", reached=9, given=9)
    report = report_of(
        samples.cell(GPT, 1, STATIC, "bandit", coverage=part),
        samples.cell(GPT, 1, STATIC, "ruff", coverage=whole),
    )

    page = Page(report.page)

    fields = {a["title"]: a["class"] for tag, a in page.elements if tag == "td" and "title" in a}
    assert fields == {
        "bandit: measured · 1 of 9 files · not looked at: 8 syntax error": "measured zero part",
        "ruff: measured · 9 of 9 files": "measured zero",
    }
    assert "not looked at: 8 syntax error" in Page(report.app_page()).words()
    assert [row["not_looked_at"] for row in rows(report)] == ["8 syntax error", ""]


def test_a_tool_that_had_nothing_it_could_read_says_what_it_left_out():
    none = Coverage(unit="files", reached=0, given=2, skipped=skipped(2, "syntax error: line 1"))
    cell = samples.cell(GPT, 1, STATIC, "bandit", NOT_APPLICABLE, "no Python file", coverage=none)

    report = report_of(cell)

    assert report.cells[0].finding_count is None
    assert report.cells[0].not_looked_at == (NotLookedAt(reason="syntax error", count=2),)


def test_a_broken_source_stands_near_the_top_and_is_no_security_finding():
    cell = samples.cell(GPT, 1, STATIC, "syntax", findings=(BROKEN,))
    report = report_of(cell, samples.cell(GPT, 1, STATIC, "bandit"))

    (app,) = report.apps
    words = Page(report.page).words()

    assert app.syntax_errors == (BROKEN,)
    assert [tally.total for tally in app.findings if tally.category is Category.SECURITY] == [0]
    assert (report.totals.rates[1].passed, report.totals.rates[1].failed) == (1, 0)
    of_app = Page(report.app_page()).words()
    assert words.index("By app") < words.index("backend/app.py:7 Python syntax error")
    assert of_app.index("backend/app.py:7 Python syntax error") < of_app.index("Looked at")


def test_a_security_finding_or_another_rule_is_no_broken_source():
    others = (
        BROKEN.model_copy(update={"category": Category.SECURITY}),
        BROKEN.model_copy(update={"rule_id": "line-too-long"}),
    )

    report = report_of(samples.cell(GPT, 1, STATIC, "syntax", findings=others))

    assert report.apps[0].syntax_errors == ()


def test_reused_work_is_shown_as_saved_and_not_as_spent():
    provenance = Provenance(duration_s=42.0, cached_from=datetime(2026, 3, 1, tzinfo=UTC))
    reused = samples.cell(GPT, 1, STATIC, "bandit", provenance=provenance)
    reused = reused.model_copy(update={"tool_seconds": 0.0, "saved_seconds": 42.0})
    made = samples.cell(GPT, 1, STATIC, "ruff").model_copy(update={"wasted_seconds": 1.7})

    report = report_of(reused, made)
    words = Page(report.page).words()

    effort = report.effort
    assert (effort.tool_seconds, effort.wasted_seconds, effort.saved_seconds) == (3.4, 1.7, 42.0)
    assert "42 s saved by reuse" in words
    assert "1 from the cache (42 s saved)" in words
    assert [row["saved_seconds"] for row in rows(report)] == ["42.0", "0.0"]
    assert [row["wasted_seconds"] for row in rows(report)] == ["0.0", "1.7"]
    assert [row["tool_seconds"] for row in rows(report)] == ["0.0", "3.4"]


def test_the_workflows_account_of_what_was_saved_is_used():
    record = PipelineRecord(
        pipeline_id="p",
        state="completed",
        detail={"tool_seconds": 5.0, "wasted_seconds": 1.0, "saved_seconds": 7.0},
    )

    assert whole(record, generated_at=NOW).effort.saved_seconds == 7.0


def test_a_run_without_live_analysis_has_no_column_that_says_runs():
    words = Page(report_of(samples.cell(GPT, 1, STATIC, "bandit")).page).words()

    assert "Runs" not in words
    assert "No high finding in the source" in words
