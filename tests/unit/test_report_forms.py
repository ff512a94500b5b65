"""The report in the forms of other programs: each says what the report says, and nothing more."""

import json
import re
from datetime import date
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from contract.analysis import Category, Location, Severity
from contract.spec import AppRole
from contract.weakness import BaselineState, Origin, Suppression, Weakness
from reports.family_results import BugFamily, Families
from reports.forms.defectdojo import defectdojo
from reports.forms.figures import difference, number, p_value, shown
from reports.forms.junit import junit
from reports.forms.latex import latex_files
from reports.forms.markdown import markdown
from reports.forms.methods import methods_markdown, methods_tex, sentences
from reports.model import AppReport, FleetReport
from reports.study.compared import Ordering
from reports.study.figures import Agreement, Design, Figure, Group, Measure
from reports.study.model import Study
from tests.support.whole_report import Whole, whole
from tests.unit import report_samples as samples
from tests.unit.report_samples import HAIKU, NOW

ASSAY = "assay 0.1.0"
EVIL = "]]>&</testcase>\x00\x1b[31m\ufffe<b>"


@pytest.fixture(scope="module")
def made() -> Whole:
    return whole(samples.fleet(), NOW)


def with_weaknesses(app: AppReport, *mine: Weakness, **more: Any) -> AppReport:
    return app.model_copy(update={"weaknesses": mine, **more})


def weak(rule: str = "B1", severity: Severity = Severity.HIGH, **more: Any) -> Weakness:
    found = samples.finding("bandit", rule, severity, 89, Location(path="app.py", line=3))
    return Weakness(finding=found, family="sql-injection", **more)


def suites(report: FleetReport, *apps: AppReport) -> list[ET.Element]:
    root = ET.fromstring(b"".join(junit(report, apps)))
    assert root.tag == "testsuites"
    return list(root)


def case_of(suite: ET.Element, name: str) -> list[str]:
    (case,) = [one for one in suite if one.get("name") == name]
    return [child.tag for child in case]


def test_junit_missing_data_is_an_error_and_never_a_pass(made: Whole):
    by_name = {suite.get("name"): suite for suite in suites(made.fleet, *made.apps)}
    gpt = by_name["openai/gpt-4.1/app1"]

    assert case_of(gpt, "static/bandit") == []
    assert case_of(gpt, "static/eslint") == ["failure"]
    assert case_of(gpt, "static/opengrep") == ["error"]
    assert case_of(gpt, "static/hadolint") == ["skipped"]
    never = by_name["openai/gpt-4.1/app2"]
    assert {child.tag for case in never for child in case} == {"error"}


def test_junit_counts_are_those_of_its_cases(made: Whole):
    for suite in suites(made.fleet, *made.apps):
        assert int(suite.get("tests") or "") == len(suite)
        for kind, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert int(suite.get(name) or "") == len(suite.findall(f"testcase/{kind}"))
        # The words of jenkinsci/xunit-plugin's junit-10.xsd.
        assert set(suite.keys()) <= {"name", "tests", "failures", "errors", "skipped", "time"}
        for case in suite:
            assert set(case.keys()) == {"name", "classname", "time"}
            assert {child.tag for child in case} <= {"failure", "error", "skipped"}


def test_junit_is_xml_whatever_an_app_says(made: Whole):
    app = made.app(samples.HAIKU_1)
    evil = weak().finding.model_copy(update={"message": EVIL})
    (suite,) = suites(made.fleet, with_weaknesses(app, Weakness(finding=evil)))

    (failure,) = suite.findall("testcase/failure")
    assert "</testcase>" in (failure.text or "")
    assert "\x1b" not in (failure.text or "")


def test_junit_is_xml_whatever_a_tool_is_called(made: Whole):
    app = made.app(samples.HAIKU_1)
    for name in ("CLASS", "{0} classname=", EVIL):
        odd = [
            cell.model_copy(update={"record": samples.changed(cell.record, tool=name)})
            for cell in app.cells
        ]
        (suite,) = suites(made.fleet, app.model_copy(update={"cells": tuple(odd)}))

        assert len(suite) >= len(odd)
        assert {case.get("classname") for case in suite} == {samples.HAIKU_1.label}
        assert all(
            (case.get("name") or "").startswith(("static/", "dynamic/")) for case in suite[:5]
        )


def test_junit_what_does_not_count_fails_nothing(made: Whole):
    app = made.app(samples.HAIKU_1)
    decision = Suppression(fingerprint="x", who="ann", why="test")
    aside = (weak(suppression=decision), weak("B2", origin=Origin.SCAFFOLD))
    (suite,) = suites(made.fleet, with_weaknesses(app, *aside))

    assert suite.get("failures") == "0"
    stray = Weakness(finding=weak().finding.model_copy(update={"tool": "gone"}))
    (other,) = suites(made.fleet, with_weaknesses(app, stray))
    assert case_of(other, "weaknesses/others") == ["failure"]


def test_junit_has_no_controls(made: Whole):
    control = made.app(samples.HAIKU_1).model_copy(update={"role": AppRole.CONTROL})

    assert suites(made.fleet, control) == []


# What dojo/tools/generic/json_parser.py requires and allows.
REQUIRED = {"title", "severity", "description"}
ALLOWED = REQUIRED | {
    *("date", "cwe", "mitigation", "severity_justification", "active", "verified"),
    *("risk_accepted", "static_finding", "dynamic_finding", "unique_id_from_tool"),
    *("vuln_id_from_tool", "service", "tags", "file_path", "line", "param"),
}


def dojo(report: FleetReport, *apps: AppReport) -> list[dict[str, Any]]:
    document = json.loads(b"".join(defectdojo(report, apps, ASSAY)))
    assert document["name"] == document["type"] == "Assay"
    return document["findings"]


def test_defectdojo_takes_each_finding(made: Whole):
    findings = dojo(made.fleet, *made.apps)

    security = [
        one
        for app in made.apps
        for one in app.weaknesses
        if one.finding.category.value == "security"
    ]
    assert len(findings) == len(security)
    for finding in findings:
        assert REQUIRED <= set(finding) <= ALLOWED
        assert finding["severity"] in {"Critical", "High", "Medium", "Low", "Info"}
        date.fromisoformat(finding["date"])
    ids = [finding["unique_id_from_tool"] for finding in findings]
    assert len(set(ids)) == len(ids)


def test_defectdojo_closes_only_what_is_known_to_be_fixed(made: Whole):
    app = made.app(samples.HAIKU_1)
    gone = (
        weak("fixed", baseline=BaselineState.FIXED),
        weak("unseen", baseline=BaselineState.UNKNOWN),
    )
    rules = [
        one["vuln_id_from_tool"]
        for one in dojo(made.fleet, with_weaknesses(app, weak("now"), gone=gone))
    ]

    assert rules == ["bandit:now", "bandit:unseen"]


def test_defectdojo_a_decision_is_an_accepted_risk(made: Whole):
    decision = Suppression(fingerprint="x", who="ann", why="only in tests", until=date(2027, 1, 1))
    app = made.app(samples.HAIKU_1)
    (finding,) = dojo(made.fleet, with_weaknesses(app, weak(suppression=decision)))

    assert (finding["active"], finding["risk_accepted"]) == (False, True)
    assert finding["severity_justification"] == "ann: only in tests (until 2027-01-01)"


def test_defectdojo_without_findings_is_a_document(made: Whole):
    assert dojo(made.fleet) == []


SECURE = Measure(name="secure", label="Secure", kind="share", better="more", compared=True)
LATENCY = Measure(name="load/openloop/latency_p95", label="Latency", kind="median", unit="ms")


def studied(report: FleetReport) -> FleetReport:
    """A report with a study of one model that is known and one that is not."""
    known = Figure(value=0.625, low=0.401, high=0.802, n=16, missing=4)
    group = Group(model=HAIKU, apps=20, figures={"secure": known})
    lost = Figure(missing=20, reason="nothing was measured")
    other = Group(model="\\input{x}|<b>", apps=20, figures={"secure": lost})
    cell = Group(model=HAIKU, template="notes", apps=1, figures={"secure": known})
    study = Study(
        design=Design(models=(HAIKU, other.model or ""), templates=("notes",)),
        measures=(SECURE, LATENCY),
        models=(group, other),
        cells=(cell,),
        orderings=(Ordering(measure="secure", reason="what is missing could turn it"),),
        methods=("Intervals of shares are Wilson's.",),
    )
    return report.model_copy(update={"study": study})


def test_markdown_says_what_is_not_known(made: Whole):
    text = markdown(studied(made.fleet))

    assert "| anthropic/claude-haiku | 20 | 62.5 [40.1, 80.2] (4) |" in text
    assert r"| \\input{x}\|&#60;b&#62; | 20 | n/a (20) |" in text
    assert "Secure: no order: what is missing could turn it" in text
    assert "killed at its limit of 300 s | infra_failed | 1 |" in text


def test_markdown_tells_what_needs_no_action_apart(made: Whole):
    """A weakness that is suppressed or the scaffold's is in no count of a model."""

    def row(report: FleetReport) -> list[str]:
        table = markdown(report).partition("## Security findings")[2]
        (line,) = (line for line in table.splitlines() if line.startswith(f"| {HAIKU} "))
        return [cell.strip() for cell in line.strip("|").split("|")]

    app = next(app for app in made.fleet.apps if app.weaknesses and app.ref.model == HAIKU)
    group = next(one for one in app.weaknesses if one.category is Category.SECURITY)
    place = 1 + list(Severity).index(group.severity)
    others = tuple(one for one in app.weaknesses if one is not group)
    for aside in ({"suppressed": True}, {"origin": Origin.SCAFFOLD}):
        told = app.model_copy(update={"weaknesses": (*others, group.model_copy(update=aside))})
        apps = tuple(told if one is app else one for one in made.fleet.apps)
        before, after = row(made.fleet), row(made.fleet.model_copy(update={"apps": apps}))
        assert int(before[place]) - int(after[place]) == group.count
        assert int(after[6]) - int(before[6]) == group.count


def test_markdown_stays_below_what_github_takes(made: Whole):
    row = made.fleet.missing[0].model_copy(update={"reason": "x" * 5_000})
    many = made.fleet.model_copy(
        update={"missing": (row,) * 500, "models": made.fleet.models * 300}
    )
    text = markdown(many)

    assert len(text.encode()) < 1024**2
    assert "more cells for other reasons" in text
    assert "more models" in text


def test_markdown_says_which_flaw_apps_share(made: Whole):
    shared = BugFamily(
        key="k",
        family="sql-injection",
        message="SQL of | text",
        severity=Severity.HIGH,
        count=16,
        apps=("a/app1",),
        apps_total=14,
        models={"a": 9, "b": 5},
    )
    families = Families(families=(shared,) * 12, shared=30, weaknesses=16, of=20)
    told = made.fleet.model_copy(update={"families": families})
    text = markdown(told)

    assert r"| high sql-injection: SQL of \| text | 14 | 2 | 16 |" in text
    assert "and 20 more shared flaws" in text
    latex = dict(latex_files(told))["families.tex"].decode("ascii")
    flaw = r"high & sql{-}injection: SQL of \textbar{} text & none & 14 & 2 & 16 & 0 \\"
    assert latex.splitlines().count(flaw) == 12
    assert "The 12 of 30 shared flaws" in latex
    assert "16 of 20 weaknesses belong to one" in latex


def test_latex_has_the_same_figures_and_a_cell_for_what_is_not_known(made: Whole):
    files = {name: data.decode("ascii") for name, data in latex_files(studied(made.fleet))}

    rows = files["models-shares.tex"].splitlines()
    assert r"anthropic/claude{-}haiku & 20 & 62.5 {[}40.1, 80.2{]} (4) \\" in rows
    assert any(row.startswith(r"\textbackslash{}input\{x\}") and "n/a (20)" in row for row in rows)
    crossed = files["model-template-secure.tex"]
    assert "no app" in crossed  # the other model has none on this template
    assert "no order: what is missing could turn it" in files["tied-sets.tex"]
    assert set(re.findall(r"\\input{(.*)}", files["all.tex"])) == set(files) - {"all.tex"}


def test_latex_tables_are_whole(made: Whole):
    for name, data in latex_files(studied(made.fleet)):
        text = data.decode("ascii")
        columns = re.search(r"\\begin{tabular}{@{}(.*)@{}}", text)
        if name == "all.tex" or columns is None:
            continue
        letters = re.sub(r"p{[^{}]*}", "l", columns[1])
        for row in re.findall(r"^(.*) \\\\$", text, re.MULTILINE):
            assert len(re.findall(r"(?<!\\)&", row)) == len(letters) - 1, (name, row)


def test_latex_says_how_far_judges_agree(made: Whole):
    agreed = Agreement(name="requirements", alpha=-0.25, units=7, judges=3)
    unsure = Agreement(name="quality", reason="one judge")
    report = studied(made.fleet)
    study = (report.study or Study()).model_copy(
        update={"fleet": Group(agreement=(agreed, unsure))}
    )
    told = report.model_copy(update={"study": study})
    files = {name: data.decode() for name, data in latex_files(told)}

    assert r"all & requirements & $-$0.25 & 7 & 3 \\" in files["agreement.tex"]
    assert r"all & quality & n/a & 0 & 0 \\" in files["agreement.tex"]


def test_the_paragraph_on_methods_has_every_version_and_digest(made: Whole):
    report = studied(made.fleet)
    text = methods_markdown(report, ASSAY)

    for use in report.tools:
        assert use.version in text and use.rules_digest in text
    assert ASSAY in text and report.pipeline.id in text
    assert "Intervals of shares are Wilson's." in text
    assert "Of 26 measurements" in text and "18 stand" in text
    assert len(re.findall(r"\b[0-9a-f]{64}\b", sentences(report, ASSAY)[2])) == 1
    assert methods_tex(report, ASSAY).isascii()


def test_methods_say_that_a_tool_was_blind(made: Whole):
    void = made.fleet.model_copy(update={"void": {"static/bandit": "missed sqli-login"}})

    text = " ".join(sentences(void, ASSAY))
    assert "static/bandit counts as not measured on every app: missed sqli-login." in text
    assert "counts as not measured on every app" in markdown(void)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-3.14159, "−3.14"),
        (0.0123, "0.012"),
        (0.00004, "4e-05"),
        (99.96, "100"),
        (5_400.4, "5,400"),
        (10.0, "10"),
    ],
)
def test_figures_have_three_digits_that_count(value: float, text: str):
    assert number(value) == text


def test_a_lower_bound_and_a_difference_say_what_they_are():
    figure = Figure(value=182.0, low=170.0, high=190.0, n=4, at_least=True)

    assert shown(LATENCY, figure) == "≥182 [170, 190]"
    assert difference(SECURE, Figure(value=0.12, low=-0.03, high=0.25)) == "+12 [−3, 25]"
    assert p_value(0.0004) == "< 0.001"
    assert p_value(None) == "n/a"
