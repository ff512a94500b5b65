"""Weaknesses that the scaffold brought are told apart from what a model wrote."""

from datetime import UTC, datetime
from typing import Any

import pytest

from contract.analysis import (
    Coverage,
    Finding,
    Location,
    MeasurementState,
    Severity,
    Skipped,
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
from reports.listed import weaknesses_by_app
from reports.scaffold import ScaffoldFindings, Scaffolds
from tests.support.whole_report import facts_of

MEASURED, INFRA, NOT_APPLICABLE = (
    MeasurementState.MEASURED,
    MeasurementState.INFRA_FAILED,
    MeasurementState.NOT_APPLICABLE,
)
STATIC, DYNAMIC = AnalyzerKind.STATIC, AnalyzerKind.DYNAMIC
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


def look(
    *findings: Finding, tool: str = "bandit", state: MeasurementState = MEASURED, **more: Any
) -> ToolReport:
    """What a tool reports of a scaffold."""
    measured = state is MEASURED
    return ToolReport(
        tool=tool,
        state=state,
        reason="" if measured else "it failed",
        looks_for=(Category.SECURITY,),
        coverage=more.pop("coverage", Coverage(unit="files", reached=1) if measured else None),
        findings=findings,
        **more,
    )


def scaffolds(
    *findings: Finding, state: MeasurementState = MEASURED, template: str | None = None
) -> Scaffolds:
    return seen_by(look(*findings, state=state), template=template)


def seen_by(*reports: ToolReport, template: str | None = None) -> Scaffolds:
    ref = scaffold_ref(1)
    record = PipelineRecord(
        pipeline_id="p",
        state="completed",
        spec={"analyzers": ["static"]},
        apps=(AppRecord(ref=ref, role=AppRole.SCAFFOLD, template=template, state=MEASURED),),
        cells=tuple(
            CellRecord(ref=ref, analyzer=DYNAMIC if report.tool == "*" else STATIC, report=report)
            for report in reports
        ),
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


def fused(evidence: str = KEY, **more: Any) -> Finding:
    """What opengrep and bandit saw together; opengrep tells it."""
    names = ("opengrep:key", "bandit:B105")
    told = {"tool": "fused", "witnesses": names, "fingerprint": "o1", "aliases": ("f1",)}
    return finding(evidence, **{**told, **more})


def test_what_another_tool_tells_first_is_known_again_by_each_of_its_names() -> None:
    lost = look(tool="opengrep", state=INFRA)

    known = seen_by(look(finding()), lost)
    assert known.origins(None, [fused(), fused()]) == [Origin.SCAFFOLD, Origin.UNKNOWN]
    assert known.origins(None, [fused('key = "dev"')]) == [Origin.UNKNOWN], "opengrep's own words"
    assert known.origins(None, [fused(aliases=("f2",))]) == [Origin.MODEL], "bandit would have seen"
    both = seen_by(look(finding()), look(finding(tool="opengrep"), tool="opengrep"))
    assert both.origins(None, [fused('key = "mine"')]) == [Origin.MODEL]


def test_the_same_fingerprint_comes_before_an_alias() -> None:
    known = seen_by(look(finding()))

    assert known.origins(None, [fused(), finding()]) == [Origin.MODEL, Origin.SCAFFOLD]


CUT = [{"category": "security", "severity": "high", "cwe": 798, "count": 3}]


@pytest.mark.parametrize(
    "partial",
    [
        {"data": {"findings_left_out": CUT}},
        {"data": {"fused_left_out": CUT}},
        {
            "coverage": Coverage(
                unit="files",
                reached=1,
                skipped=(Skipped(what="app.py", reason="cannot be parsed"),),
                skipped_total=1,
            )
        },
        {"coverage": Coverage(unit="files", reached=1, skipped_total=1)},
        {
            "state": NOT_APPLICABLE,
            "coverage": Coverage(unit="files", reached=0, skipped_total=1),
        },
    ],
)
def test_a_tool_that_may_have_missed_it_in_the_scaffold_proves_nothing(
    partial: dict[str, Any],
) -> None:
    known = seen_by(look(**partial))

    assert known.origins(None, [finding()]) == [Origin.UNKNOWN]
    assert known.origins(None, [fused()]) == [Origin.UNKNOWN]


def test_what_a_tool_left_out_elsewhere_changes_nothing() -> None:
    skipped = (Skipped(what="other.py", reason="cannot be parsed"),)
    part = Coverage(unit="files", reached=1, skipped=skipped, skipped_total=1)
    rows = [{**CUT[0], "category": "quality"}]

    known = seen_by(look(coverage=part, data={"findings_left_out": rows}))

    assert known.origins(None, [finding(), fused()]) == [Origin.MODEL, Origin.MODEL]


def test_an_analyzer_that_left_nothing_leaves_doubt_where_the_scaffold_has_the_like() -> None:
    whole, part = seen_by(look(finding())), seen_by(look(finding()), look(tool="*", state=INFRA))
    scan = fused("mine", witnesses=("bandit:B105", "injection:sql"))

    assert whole.origins(None, [scan]) == [Origin.MODEL]
    assert part.origins(None, [scan]) == [Origin.UNKNOWN]
    assert part.origins(None, [finding("mine")]) == [Origin.MODEL], "bandit alone saw it"


def test_a_weakness_without_a_name_cannot_be_compared() -> None:
    assert scaffolds().origins(None, [finding(fingerprint="")]) == [Origin.UNKNOWN]


def test_words_without_code_are_known_again_when_a_request_has_shown_them() -> None:
    known = scaffolds(finding("", message="Debug mode is on."))
    shown = finding(
        "GET /\ntraceback",
        message="Debug mode is on. Shown: a traceback. Also at GET /b",
        tool="fused",
        witnesses=("bandit:B105", "error-pages:x"),
        location=Location(path="app.py", line=3, method="GET", url="/"),
    )

    assert known.origins(None, [shown]) == [Origin.SCAFFOLD]
    proof = shown.model_copy(update={"message": "a traceback"})
    assert known.origins(None, [proof]) == [Origin.UNKNOWN], "the request alone tells it"


def test_a_finding_without_code_is_compared_by_its_words():
    known = scaffolds(finding("", message="flask 2.0 has CVE-1"))

    words = [finding("", message=text) for text in ("flask 2.0 has CVE-1", "flask 2.1 has CVE-1")]
    assert known.origins(None, words) == [Origin.SCAFFOLD, Origin.MODEL]


def test_a_scaffold_of_one_template_says_nothing_of_the_others():
    known = scaffolds(finding(), template="notes")

    assert known.origins("notes", [finding()]) == [Origin.SCAFFOLD]
    assert known.origins("shop", [finding()]) == [Origin.MODEL]


@pytest.mark.parametrize(
    ("asked", "origin"),
    [
        ("begin", Origin.UNKNOWN),
        ({"notes": "begin/notes"}, Origin.UNKNOWN),
        ({"shop": "begin/shop"}, Origin.MODEL),
        (None, Origin.MODEL),
    ],
)
def test_before_its_scaffold_was_read_nobody_knows_what_it_brought(
    asked: Any, origin: Origin
) -> None:
    ref = AppRef(model="m", app_number=1)
    record = PipelineRecord(
        pipeline_id="p",
        state="running",
        spec={"analyzers": ["static"], "scaffold": asked},
        apps=(AppRecord(ref=ref, template="notes", state=MEASURED),),
        cells=(CellRecord(ref=ref, analyzer=STATIC, report=look(finding())),),
    )

    ((_, (weakness,)),) = weaknesses_by_app(record)

    assert weakness.origin is origin


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
