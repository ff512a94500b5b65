"""One weakness that several dynamic tools met is counted once, and names all of them."""

import json
from pathlib import Path

from analyzers.dynamic.findings import make_finding
from analyzers.dynamic.fusion import fuse
from analyzers.dynamic.surface import ServiceSurface
from analyzers.dynamic.wapiti_report import parse_report
from contract.analysis import Confidence, Coverage, Finding, MeasurementState, Target, ToolReport

RECORDED = Path(__file__).parents[1] / "fixtures" / "wapiti" / "sql.json"


def report(tool: str, *findings: Finding, services: tuple[str, ...] = ("app",)) -> ToolReport:
    items = tuple(f"{name} GET /" for name in services)
    return ToolReport(
        tool=tool,
        state=MeasurementState.MEASURED,
        coverage=Coverage(unit="urls", reached=1, items=items),
        findings=findings,
    )


def ours(rule: str, path: str = "/", service: str = "app", **more: str) -> Finding:
    tool = "injection" if rule.endswith(("xss", "injection", "bypass")) else "http-headers"
    return make_finding(tool, rule, rule, service=service, path=path, **more)


def wapiti(
    category: str, path: str = "/", parameter: str = "", service: str = "app", method: str = "GET"
) -> Finding:
    document = json.loads(RECORDED.read_bytes())
    row = {"method": method, "path": path, "parameter": parameter, "module": "m", "info": "i"}
    document |= {"vulnerabilities": {category: [row]}, "anomalies": {}}
    target = Target(service=service, base_url="http://h:1")
    surface = ServiceSurface(service=service, role="backend")
    (found,), _ = parse_report(json.dumps(document).encode(), target, surface)
    return found


def test_a_missing_policy_is_one_weakness_whichever_page_showed_it():
    fused = fuse(
        (
            report("http-headers", ours("missing-csp"), ours("missing-nosniff")),
            report("wapiti", wapiti("Content Security Policy Configuration", "/a")),
        )
    )

    assert [one.rule_id for one in fused] == ["missing-csp", "missing-nosniff"]
    assert fused[0].witnesses == ("http-headers:missing-csp", "wapiti:m")
    assert {one.tool for one in fused} == {"fused"}


def test_the_same_input_of_the_same_operation_is_one_weakness_and_another_is_not():
    mine = [ours("sql-injection", "/search", parameter=name) for name in ("q", "page")]
    theirs = [
        wapiti("SQL Injection", "/search", "q"),
        wapiti("SQL Injection", "/list", "q"),
        wapiti("Reflected Cross Site Scripting", "/search", "q"),
    ]

    fused = fuse((report("injection", *mine), report("wapiti", *theirs)))

    places = {(one.cwe[0], one.location.url, one.location.parameter): one for one in fused}
    assert len(fused) == len(places) == 4
    assert len(places[89, "/search", "q"].witnesses) == 2


def test_a_login_that_a_query_lets_pass_is_that_query():
    mine = [
        ours(rule, "/login", parameter="name")
        for rule in ("sql-injection", "sql-injection-login-bypass")
    ]

    (fused,) = fuse((report("injection", *mine),))

    assert len(fused.witnesses) == 2
    assert fused.cwe == (89, 287)


def test_what_a_page_echoes_is_not_what_it_keeps():
    mine = [ours(rule, "/notes", parameter="body") for rule in ("reflected-xss", "stored-xss")]

    assert len(fuse((report("injection", *mine),))) == 2


def test_one_debugger_is_one_whichever_page_shows_it_and_the_handler_is_named():
    pages = [
        make_finding("exposed-files", "interactive-debugger", "x", service="app", path="/console"),
        make_finding(
            "error-pages", "interactive-debugger", "x", service="app", path="/a", source=("a.py", 3)
        ),
    ]

    (fused,) = fuse([report(one.tool, one) for one in pages])

    assert (fused.location.path, fused.location.url) == ("a.py", "/a")
    assert len(fused.witnesses) == 2


def test_two_rules_of_one_tool_are_two_weaknesses():
    assert len(fuse((report("http-headers", ours("missing-csp"), ours("csp-unsafe", "/a")),))) == 2


def test_two_services_have_two_weaknesses():
    both = ("front", "back")

    fused = fuse(
        (
            report("http-headers", ours("missing-csp", service="front"), services=both),
            report("wapiti", wapiti("Content Security Policy Configuration", service="back")),
        )
    )

    assert len(fused) == 2


def test_agreement_raises_confidence_and_the_worst_comes_first():
    blind = wapiti("Blind SQL Injection", "/search", "q")
    assert blind.confidence is Confidence.MEDIUM
    agreeing = ours("sql-injection", "/search", parameter="q")
    agreeing = agreeing.model_copy(update={"confidence": Confidence.MEDIUM})

    fused = fuse((report("wapiti", blind, wapiti("Open Redirect")), report("injection", agreeing)))

    assert [one.severity for one in fused] == ["critical", "medium"]
    assert fused[0].confidence is Confidence.HIGH


def test_a_tool_that_did_not_measure_is_no_witness():
    failed = ToolReport(tool="wapiti", state=MeasurementState.INFRA_FAILED, reason="killed")

    assert fuse((failed,)) == ()
