"""How reports and outcomes become cells."""

from contract.analysis import MeasurementState
from contract.outcome import ToolSummary
from store.rows import reconcile, subtask_rows
from tests.store import samples

MEASURED = MeasurementState.MEASURED
APP_FAILED = MeasurementState.APP_FAILED
INFRA_FAILED = MeasurementState.INFRA_FAILED


def test_an_app_that_died_under_its_tool_takes_the_findings_back():
    died = ToolSummary(tool="wapiti", state=APP_FAILED, reason="exited with 137")

    (cell,) = reconcile([died], [samples.measured("wapiti")])

    assert (cell.state, cell.reason, cell.findings) == (APP_FAILED, "exited with 137", ())
    assert cell.provenance == samples.measured().provenance


def test_an_outcome_cannot_turn_a_failed_cell_into_a_measured_one():
    (cell,) = reconcile([ToolSummary(tool="zap", state=MEASURED)], [samples.failed("zap")])

    assert cell.state is INFRA_FAILED


def test_a_tool_that_only_the_outcome_knows_has_a_cell():
    cells = reconcile(
        [ToolSummary(tool="nmap", state=INFRA_FAILED, reason="killed")], [samples.measured()]
    )

    assert [(cell.tool, cell.state) for cell in cells] == [
        ("bandit", MEASURED),
        ("nmap", INFRA_FAILED),
    ]


def test_measured_without_its_report_is_missing_data():
    (cell,) = reconcile([ToolSummary(tool="nmap", state=MEASURED, findings=3)], [])

    assert (cell.state, cell.reason) == (
        INFRA_FAILED,
        "its report was lost before it was recorded",
    )


def test_a_fused_finding_goes_with_its_last_measured_witness():
    seen = samples.finding(1).model_copy(update={"witnesses": ("bandit:B1", "semgrep:sql")})
    gone = samples.finding(2).model_copy(update={"witnesses": ("semgrep:xss",)})
    report = samples.report(
        samples.measured("bandit"), samples.failed("semgrep"), fused=(seen, gone)
    )

    rows = subtask_rows(samples.app(), samples.outcome(report), report)

    assert [row["fingerprint"] for row in rows.fused] == [seen.fingerprint]


def test_cached_time_is_saved_and_not_spent():
    report = samples.report(samples.cached("bandit", 2.5))

    rows = subtask_rows(samples.app(), samples.outcome(report), report)

    assert (rows.cells[0]["tool_seconds"], rows.cells[0]["saved_seconds"]) == (0.0, 2.5)
