"""Weaknesses that the scaffold brought are told apart from what a model wrote."""

from datetime import UTC, datetime
from typing import Any

from contract.analysis import (
    Coverage,
    Finding,
    Location,
    MeasurementState,
    Severity,
    ToolReport,
)
from contract.analyzers import AnalyzerKind, Category
from contract.record import AppRecord, CellRecord, PipelineRecord
from contract.role import AppRole
from contract.roles import scaffold_ref
from contract.spec import AppRef
from contract.weakness import Origin
from reports.build import app_reports
from reports.known import Known
from reports.scaffold import ScaffoldFindings, Scaffolds
from tests.support.whole_report import facts_of

MEASURED, INFRA, NOT_APPLICABLE = (
    MeasurementState.MEASURED,
    MeasurementState.INFRA_FAILED,
    MeasurementState.NOT_APPLICABLE,
)
STATIC = AnalyzerKind.STATIC
NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = 'app.secret_key = "dev"'


def finding(evidence: str = KEY, **more: Any) -> Finding:
    return Finding(
        tool=more.pop("tool", "bandit"),
        rule_id="B105",
        message=more.pop("message", "hard-coded"),
        severity=Severity.HIGH,
        cwe=(798,),
        location=more.pop("location", Location(path="app.py", line=3)),
        fingerprint=more.pop("fingerprint", "f1"),
        evidence=evidence,
        **more,
    )


def scaffolds(
    *findings: Finding, state: MeasurementState = MEASURED, template: str | None = None
) -> Scaffolds:
    measured = state is MEASURED
    report = ToolReport(
        tool="bandit",
        state=state,
        reason="" if measured else "it failed",
        looks_for=(Category.SECURITY,),
        coverage=Coverage(unit="files", reached=1) if measured else None,
        findings=findings,
    )
    ref = scaffold_ref(1)
    record = PipelineRecord(
        pipeline_id="p",
        state="completed",
        spec={"analyzers": ["static"]},
        apps=(AppRecord(ref=ref, role=AppRole.SCAFFOLD, template=template, state=MEASURED),),
        cells=(CellRecord(ref=ref, analyzer=STATIC, report=report),),
    )
    reducer = ScaffoldFindings()
    for app in app_reports(record, facts_of(record, NOW), Known()):
        reducer.add(app)
    return reducer.result()


def test_the_same_weakness_in_the_same_code_is_the_scaffolds():
    known = scaffolds(finding())

    moved = finding('app.secret_key  =  "dev"', location=Location(path="app.py", line=40))
    assert known.origins(None, [moved]) == [Origin.SCAFFOLD]


def test_where_the_model_wrote_other_code_it_is_the_models():
    known = scaffolds(finding())

    assert known.origins(None, [finding('app.secret_key = "mine"')]) == [Origin.MODEL]
    assert known.origins(None, [finding(fingerprint="f2")]) == [Origin.MODEL]


def test_what_the_model_wrote_once_more_is_the_models():
    assert scaffolds(finding()).origins(None, [finding(), finding()]) == [
        Origin.SCAFFOLD,
        Origin.MODEL,
    ]


def test_what_only_tools_saw_that_did_not_look_at_the_scaffold_has_no_known_origin():
    scan = finding("GET /", tool="headers", location=Location(method="GET", url="/"))

    assert scaffolds(finding()).origins(None, [scan]) == [Origin.UNKNOWN]
    assert scaffolds(state=INFRA).origins(None, [finding()]) == [Origin.UNKNOWN]


def test_a_tool_with_nothing_to_look_at_in_the_scaffold_had_its_look():
    assert scaffolds(state=NOT_APPLICABLE).origins(None, [finding()]) == [Origin.MODEL]


def test_a_weakness_that_a_request_has_shown_is_still_the_scaffolds():
    shown = finding(
        f"{KEY}\n\nGET /\nset-cookie: s=1",
        tool="fused",
        witnesses=("bandit:B105", "http-headers:x"),
        location=Location(path="app.py", line=3, method="GET", url="/"),
    )

    assert scaffolds(finding()).origins(None, [shown]) == [Origin.SCAFFOLD]


def test_a_finding_without_code_is_compared_by_its_words():
    known = scaffolds(finding("", message="flask 2.0 has CVE-1"))

    words = [finding("", message=text) for text in ("flask 2.0 has CVE-1", "flask 2.1 has CVE-1")]
    assert known.origins(None, words) == [Origin.SCAFFOLD, Origin.MODEL]


def test_a_scaffold_of_one_template_says_nothing_of_the_others():
    known = scaffolds(finding(), template="notes")

    assert known.origins("notes", [finding()]) == [Origin.SCAFFOLD]
    assert known.origins("shop", [finding()]) == [Origin.MODEL]


def test_without_a_scaffold_all_is_the_models():
    assert Scaffolds().origins(None, [finding()]) == [Origin.MODEL]


def test_an_apps_weaknesses_carry_their_origin_and_count_accordingly():
    ref = AppRef(model="m", app_number=1)
    report = ToolReport(
        tool="bandit",
        state=MEASURED,
        looks_for=(Category.SECURITY,),
        coverage=Coverage(unit="files", reached=1),
        findings=(finding(), finding(fingerprint="f2")),
    )
    record = PipelineRecord(
        pipeline_id="p",
        state="completed",
        spec={"analyzers": ["static"]},
        apps=(AppRecord(ref=ref, state=MEASURED),),
        cells=(CellRecord(ref=ref, analyzer=STATIC, report=report),),
    )

    known = Known(scaffolds=scaffolds(finding()))
    (app,) = app_reports(record, facts_of(record, NOW), known)

    assert [(one.origin, one.counts) for one in app.weaknesses] == [
        (Origin.SCAFFOLD, False),
        (Origin.MODEL, True),
    ]
