"""Controls of a pipeline: what tools see, who was blind, and what then no longer counts."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from contract.analysis import (
    Confidence,
    Location,
)
from contract.analyzers import AnalyzerKind, Category
from contract.control import AnswerSheet
from contract.record import PipelineRecord
from control.added import answer_sheet
from reports.build import app_reports
from reports.control_results import ControlsReport, ToolScore
from reports.control_words import control_lines
from reports.controls import ControlScores
from reports.facts import FleetFacts
from reports.forms.latex_controls import control_tables
from reports.known import Known
from reports.labels import met
from tests.support.control_records import (
    CLEAN,
    DYNAMIC,
    FLAWED,
    INFRA,
    NOT_APPLICABLE,
    STATIC,
    SUBJECT,
    Cells,
    finding,
    record,
    report,
    seen,
    with_cells,
)
from tests.support.whole_report import facts_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


DYNAMIC_TOOLS = {
    name.removeprefix("dynamic/")
    for name in answer_sheet(*FLAWED).must_see
    if name.startswith("dynamic/")
}


def scores_of(
    pipeline: PipelineRecord, columns: Mapping[AnalyzerKind, Sequence[str]] | None = None
) -> ControlScores:
    scores = ControlScores(columns=columns or {})
    facts: FleetFacts = facts_of(pipeline, NOW)
    for app in app_reports(pipeline, facts, Known()):
        scores.add(app)
    return scores


def controls_of(cells: Cells) -> ControlsReport:
    return scores_of(record(cells)).result()


def tool(result: ControlsReport, name: str) -> ToolScore:
    return next(score for score in result.tools if score.tool == name)


def test_recall_is_what_a_tool_saw_of_what_its_analyzer_could_see():
    result = controls_of({FLAWED: [report("bandit", findings=seen("bandit", FLAWED))]})
    bandit = tool(result, "bandit")

    assert (bandit.labels, bandit.found, bandit.unknown) == (17, 8, 0)
    assert bandit.recall == pytest.approx(8 / 17, abs=1e-4)
    assert bandit.interval == pytest.approx((0.2617, 0.6904), abs=1e-3)  # Wilson, by hand
    assert "careless-1/app1/csrf-create-note" in bandit.missed
    assert (bandit.false_alarms, bandit.void) == (None, ""), "no clean control was looked at"


def test_every_security_finding_on_a_clean_control_is_false():
    alarms = [finding("bandit", 89), finding("bandit", 78, confidence=Confidence.LOW)]
    result = controls_of({CLEAN: [report("bandit", findings=alarms)]})
    bandit = tool(result, "bandit")

    assert (bandit.clean, bandit.false_alarms, bandit.believed) == (1, 2, 1)
    assert [alarm.rule_id for alarm in result.controls[0].false_alarms] == [
        "bandit-89",
        "bandit-78",
    ]


def test_a_control_that_was_not_measured_leaves_the_score_unknown_and_voids_nothing():
    result = controls_of({FLAWED: [report("bandit", INFRA)], CLEAN: [report("bandit", INFRA)]})
    bandit = tool(result, "bandit")

    assert (bandit.labels, bandit.recall, bandit.false_alarms) == (0, None, None)
    assert bandit.unknown == 17
    assert bandit.not_measured == (
        "careless-1/app1: bandit infra_failed",
        "careful-1/app1: bandit infra_failed",
    )
    assert result.void == ()


def test_a_tool_that_misses_what_it_must_see_is_void_by_name():
    found = seen("bandit", FLAWED)[1:]
    result = controls_of({FLAWED: [report("bandit", findings=found)]})
    (void,) = result.void

    assert (void.analyzer, void.tool) == (STATIC, "bandit")
    assert "sqli-login (CWE-89) in careless-1/app1" in void.reason
    assert tool(result, "bandit").void == void.reason
    sqli = next(label for label in result.controls[0].labels if label.id == "sqli-login")
    assert (sqli.seen_by, sqli.missed_by) == ((), ("static/bandit",))


def test_a_tool_with_nothing_to_look_at_is_neither_blind_nor_unknown():
    result = controls_of({FLAWED: [report("eslint", NOT_APPLICABLE)]})

    assert result.void == ()
    assert (tool(result, "eslint").unknown, tool(result, "eslint").not_measured) == (0, ())


def test_a_tool_for_which_there_is_no_label_has_no_recall():
    score = tool(controls_of({FLAWED: [report("hadolint")]}), "hadolint")

    assert (score.labels, score.recall) == (0, None)


def test_after_fusion_one_witness_is_enough_and_a_lost_tool_leaves_doubt():
    opengrep, bandit = report("opengrep", INFRA), report("bandit", findings=seen("bandit", FLAWED))
    result = controls_of({FLAWED: [opengrep, bandit], CLEAN: [opengrep, report("bandit")]})
    static = next(score for score in result.fused if score.analyzer is STATIC)

    assert static.found == 8
    assert static.missed == ("careless-1/app1/csrf-create-note",), "no tool is known to see it"
    assert static.unknown == 8, "opengrep sees them, and had no look"
    assert (static.clean, static.false_alarms) == (1, 0)


def test_an_analyzer_that_left_nothing_leaves_its_score_unknown():
    lost = report("*", INFRA)
    result = controls_of({FLAWED: [lost], CLEAN: [lost]})
    static = next(score for score in result.fused if score.analyzer is STATIC)

    assert {(one.tool, one.labels, one.unknown) for one in result.tools} == {
        (name, 0, 17) for name in ("bandit", "detect-secrets", "opengrep", "ruff")
    }, "all that must see something"
    assert result.void == ()
    assert (static.labels, static.unknown, static.recall, static.false_alarms) == (
        0,
        17,
        None,
        None,
    )
    assert static.not_measured == (
        "careless-1/app1: * infra_failed",
        "careful-1/app1: * infra_failed",
    )


def test_a_control_that_an_analyzer_left_as_a_whole_is_unknown_for_each_of_its_tools():
    lost, whole = report("*", INFRA), report("bandit", findings=seen("bandit", FLAWED))
    first = tool(controls_of({FLAWED: [whole], CLEAN: [lost]}), "bandit")
    second = tool(controls_of({FLAWED: [lost], CLEAN: [report("bandit")]}), "bandit")

    assert (first.labels, first.unknown, first.false_alarms) == (17, 0, None)
    assert first.not_measured == ("careful-1/app1: * infra_failed",)
    assert (second.labels, second.unknown, second.recall, second.clean) == (0, 17, None, 1)
    assert second.not_measured == ("careless-1/app1: * infra_failed",)


def test_a_tool_that_the_fleet_does_not_have_is_no_look_that_was_lost():
    pipeline = record({FLAWED: [report("*", INFRA)], SUBJECT: [report("bandit")]})

    result = scores_of(pipeline, columns={STATIC: ("bandit", "eslint")}).result()

    assert [score.tool for score in result.tools] == ["bandit"]


@pytest.mark.parametrize("names", [["*"], sorted(DYNAMIC_TOOLS)])
def test_what_an_analyzer_did_not_look_for_was_not_missed_by_all_together(names: list[str]):
    static = [report(name, findings=seen(name, FLAWED)) for name in ("bandit", "opengrep")]
    pipeline = with_cells(record({FLAWED: static}), DYNAMIC, [report(n, INFRA) for n in names])
    result = scores_of(pipeline).result()
    together = next(score for score in result.fused if score.analyzer is None)

    assert (together.labels, together.found, together.unknown) == (17, 16, 2)
    assert together.missed == ("careless-1/app1/csrf-create-note",)


def test_a_scan_is_compared_by_operation():
    sheet = answer_sheet(*FLAWED)
    at = Location(method="POST", url="/login", parameter="username")
    elsewhere = Location(method="POST", url="/register")

    assert met(sheet, [finding("injection", 89, location=at)]) == {"sqli-login"}
    assert met(sheet, [finding("injection", 89, location=elsewhere)]) == set()
    wide = Location(method="GET", url="/nowhere")
    assert met(sheet, [finding("error-pages", 489, location=wide)]) == {"debug-mode"}
    quality = finding("x", 89, location=at).model_copy(update={"category": Category.QUALITY})
    assert met(sheet, [quality]) == set()


def test_cells_of_another_version_are_told_because_the_score_does_not_speak_for_them():
    good = seen("bandit", FLAWED)
    cells: Cells = {
        FLAWED: [report("bandit", findings=good)],
        SUBJECT: [report("bandit", version="2")],
        ("m", 2): [report("bandit")],
    }

    score = tool(controls_of(cells), "bandit")

    assert (score.versions, score.other_versions) == (("1",), 1)


def test_a_pipeline_without_controls_says_so():
    pipeline = record({SUBJECT: [report("bandit")]})
    reasons = [ControlScores({"controls": how}).result().why_none for how in ("off", "auto")]

    assert scores_of(pipeline).result() == ControlsReport(why_none=reasons[1])
    assert reasons[0] == "its spec says controls: off"
    assert reasons[1].startswith("fleets of fewer than 10 apps")


def test_an_answer_sheet_with_a_wrong_name_is_refused():
    sheet = answer_sheet(*FLAWED).model_dump()

    with pytest.raises(ValueError, match="no weakness sqli"):
        AnswerSheet.model_validate({**sheet, "must_see": {"static/bandit": ["sqli"]}})


def test_the_lines_for_people_tell_what_was_seen_what_is_unknown_and_who_is_not_trusted():
    opengrep = report("opengrep", findings=seen("opengrep", FLAWED))
    cells: Cells = {FLAWED: [report("bandit"), opengrep], CLEAN: [report("bandit", INFRA)]}

    first, second = control_lines(controls_of(cells))

    assert first == (
        "on 2 control apps, 16 of 17 known weaknesses seen, "
        "false alarms unknown, as no clean one was looked at"
    )
    assert second.startswith("static/bandit counts as not measured, not trusted: ")
    assert list(control_lines(ControlsReport(why_none="none"))) == []


def test_the_table_for_papers_has_a_row_of_each_tool_and_shows_what_is_not_known():
    opengrep = report("opengrep", findings=seen("opengrep", FLAWED))
    (table,) = control_tables(controls_of({FLAWED: [report("bandit"), opengrep]}))
    rows = {row[0]: row[1:] for row in table.rows}

    assert rows["static/opengrep"] == ("17", "16", "94 [73, 99]", "0", "n/a", "")
    assert rows["static/bandit"] == ("17", "0", "0 [0, 18]", "0", "n/a", "void")
    assert list(rows)[:2] == ["static, fused", "all analyzers together"]
    assert r"95\,\% Wilson" in table.source("p")
    assert list(control_tables(ControlsReport(why_none="none"))) == []
