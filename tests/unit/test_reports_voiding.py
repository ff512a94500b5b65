"""What a tool measured that the controls showed to be blind is in no form of the report."""

from contract.roles import control_ref
from reports.build import app_reports
from reports.known import Known
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
