"""What a tool measured that the controls showed to be blind is in no form of the report."""

from contract.analysis import Confidence, Finding, Location, Severity, ToolReport
from contract.roles import control_ref
from reports.build import app_reports
from reports.known import Known
from reports.rates import is_sure
from reports.voiding import voided
from tests.support.control_records import (
    FLAWED,
    INFRA,
    MEASURED,
    STATIC,
    SUBJECT,
    Cells,
    finding,
    record,
    report,
    seen,
)
from tests.support.whole_report import facts_of
from tests.unit.test_reports_controls import NOW, scores_of


def test_a_blind_tools_column_is_void_on_every_app_but_the_controls():
    both = finding("bandit", 78).model_copy(update={"witnesses": ("bandit:a", "opengrep:b")})
    cells: Cells = {
        FLAWED: [report("bandit"), report("opengrep", findings=seen("opengrep", FLAWED))],
        SUBJECT: [report("bandit", findings=[finding("bandit", 89), both]), report("opengrep")],
    }
    pipeline = record(cells)
    void = scores_of(pipeline).void()
    after = voided(pipeline, void)
    of = {(cell.ref.label, cell.tool): cell.report for cell in after.cells}

    assert set(void) == {(STATIC, "bandit")}
    lost = of["m/app1", "bandit"]
    assert (lost.state, lost.findings, lost.coverage) == (INFRA, (), None)
    assert "not trusted" in lost.reason
    assert of[control_ref(*FLAWED).label, "bandit"].state is MEASURED, "it is the proof"
    fused = next(one for one in after.fused if one.ref.label == "m/app1")
    assert [(f.cwe, f.witnesses) for f in fused.findings] == [((78,), ("opengrep:b",))]


def test_what_a_blind_tool_saw_is_in_no_report_of_an_app():
    cells: Cells = {
        FLAWED: [report("bandit")],
        SUBJECT: [report("bandit", findings=[finding("bandit", 89)])],
    }
    pipeline = record(cells)
    facts = facts_of(pipeline, NOW)
    trusted = list(app_reports(pipeline, facts, Known()))
    void = scores_of(pipeline).void()
    doubted = list(app_reports(voided(pipeline, void), facts, Known()))

    assert [len(app.weaknesses) for app in trusted] == [0, 1]
    assert [len(app.weaknesses) for app in doubted] == [0, 0]
    (tally,) = doubted[1].findings
    assert (tally.total, tally.cells.infra_failed) == (None, 1), "unknown, not zero"


def test_without_a_blind_tool_the_record_is_left_as_it_is():
    pipeline = record({SUBJECT: [report("bandit")]})

    assert voided(pipeline, {}) is pipeline


def test_a_cell_that_failed_already_keeps_its_own_reason():
    pipeline = record({SUBJECT: [report("bandit", INFRA)]})

    (cell,) = voided(pipeline, {(STATIC, "bandit"): "not trusted"}).cells

    assert cell.report.reason == "bandit infra_failed"


def together(*findings: Finding) -> Finding:
    """What fusion makes of the sightings of several tools; the first tells it."""
    first, *others = findings
    return first.model_copy(
        update={
            "tool": "fused",
            "confidence": Confidence.HIGH,
            "witnesses": tuple(one.witnesses[0] for one in findings),
            "aliases": tuple(one.fingerprint for one in others),
            "cwe": tuple(number for one in findings for number in one.cwe),
        }
    )


BLIND = finding("bandit", 78, severity=Severity.CRITICAL, evidence="system(x)")


def left_of(found: Finding, *reports: ToolReport) -> Finding:
    """What is left of a fused finding when bandit is not trusted."""
    pipeline = record({SUBJECT: [report("bandit", findings=[BLIND]), *reports]})
    (fused,) = pipeline.fused
    fused = fused.model_copy(update={"findings": (found,)})
    pipeline = pipeline.model_copy(update={"fused": (fused,)})
    (after,) = voided(pipeline, {(STATIC, "bandit"): "not trusted"}).fused
    return after.findings[0]


def test_what_others_saw_too_is_told_as_they_saw_it():
    seen_too = finding("opengrep", 77, line=2, severity=Severity.LOW, evidence="system(y)")
    again = seen_too.model_copy(update={"location": Location(path="app.py", line=90)})
    merged = together(BLIND, seen_too)

    left = left_of(merged, report("opengrep", findings=[again, seen_too]))

    assert (left.rule_id, left.severity, left.evidence) == ("opengrep-77", "low", "system(y)")
    assert (left.confidence, left.cwe) == (Confidence.MEDIUM, (77,))
    assert left.location.line == 2
    assert left.witnesses == ("opengrep:opengrep-77",)
    assert (left.fingerprint, left.aliases) == (merged.fingerprint, merged.aliases)


def test_a_guess_of_others_does_not_become_sure_by_a_blind_witness():
    guess = finding("opengrep", 77, confidence=Confidence.LOW)

    assert not is_sure(left_of(together(BLIND, guess), report("opengrep", findings=[guess])))


def test_what_nobody_is_left_to_tell_is_a_guess():
    cut = finding("opengrep", 77)

    left = left_of(together(BLIND, cut), report("opengrep"))

    assert (left.witnesses, left.confidence) == (("opengrep:opengrep-77",), Confidence.LOW)
    assert not is_sure(left)
