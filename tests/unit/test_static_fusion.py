"""Fusion: several sightings of one weakness are one finding; noise does not outvote a path."""

from typing import Any

from analyzers.static.fusion import fuse
from contract.analysis import (
    Category,
    Confidence,
    Coverage,
    Finding,
    Location,
    MeasurementState,
    Severity,
    ToolReport,
)


def found(tool: str, rule: str, line: int, cwe: int, **more: Any) -> Finding:
    return Finding(
        tool=tool,
        rule_id=rule,
        message=rule,
        severity=more.pop("severity", Severity.MEDIUM),
        cwe=(cwe,),
        location=Location(path=more.pop("path", "app.py"), line=line),
        fingerprint=f"{tool}{rule}{line}",
        witnesses=(f"{tool}:{rule}",),
        **more,
    )


def report(tool: str, *findings: Finding, paths: dict[str, list[int]] | None = None) -> ToolReport:
    return ToolReport(
        tool=tool,
        state=MeasurementState.MEASURED,
        coverage=Coverage(unit="files", reached=1, given=1),
        findings=findings,
        data={"paths": paths} if paths else {},
    )


def test_a_path_and_the_patterns_along_it_are_one_finding_of_high_confidence():
    path = found("opengrep", "python-sql-injection", 20, 89, confidence=Confidence.HIGH)
    reports = [
        report("bandit", found("bandit", "B608", 12, 89)),
        report("ruff", found("ruff", "S608", 12, 89)),
        report("opengrep", path, paths={path.fingerprint: [10, 12, 20]}),
    ]

    (fused,) = fuse(reports)

    assert fused.witnesses == ("opengrep:python-sql-injection", "bandit:B608", "ruff:S608")
    assert (fused.confidence, fused.location.line) == (Confidence.HIGH, 20)


def test_patterns_of_one_school_do_not_add_up():
    reports = [
        report("bandit", found("bandit", "B608", 12, 89, confidence=Confidence.HIGH)),
        report("ruff", found("ruff", "S608", 12, 89, confidence=Confidence.HIGH)),
    ]

    (fused,) = fuse(reports)

    assert fused.confidence is Confidence.LOW


def test_two_places_of_one_tool_stay_two_weaknesses():
    first, second = (found("opengrep", "python-ssrf", line, 918) for line in (10, 11))

    assert len(fuse([report("opengrep", first, second)])) == 2


def test_neighbours_of_different_kinds_or_files_stay_apart():
    reports = [
        report("opengrep", found("opengrep", "python-ssrf", 10, 918)),
        report("bandit", found("bandit", "B201", 10, 489)),
        report("eslint", found("eslint", "no-eval", 10, 918, path="app.js")),
    ]

    assert len(fuse(reports)) == 3


def test_related_numbers_meet_in_their_family():
    reports = [
        report("opengrep", found("opengrep", "python-hard-coded-secret", 8, 798)),
        report("bandit", found("bandit", "B105", 8, 259)),
    ]

    (fused,) = fuse(reports)

    assert fused.cwe == (798, 259)


def test_independent_tools_raise_a_medium_confidence():
    reports = [
        report("opengrep", found("opengrep", "react-dangerous-html", 8, 79)),
        report("eslint", found("eslint", "react/no-danger", 9, 79)),
    ]

    (fused,) = fuse(reports)

    assert fused.confidence is Confidence.HIGH


def test_quality_advice_and_what_was_not_measured_are_no_weaknesses():
    broken = ToolReport(tool="ruff", state=MeasurementState.INFRA_FAILED, reason="killed")
    reports = [
        report("bandit", found("bandit", "B404", 1, 78)),
        report("pylint", found("pylint", "unused-import", 1, 0, category=Category.QUALITY)),
        broken,
    ]

    assert fuse(reports) == ()


def test_the_worst_comes_first():
    low = found("opengrep", "python-weak-hash", 1, 328, severity=Severity.LOW)
    high = found("opengrep", "python-ssrf", 50, 918, severity=Severity.HIGH)

    assert [item.severity for item in fuse([report("opengrep", low, high)])] == [
        Severity.HIGH,
        Severity.LOW,
    ]
