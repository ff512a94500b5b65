"""Fusion: several sightings of one weakness are one finding; noise does not outvote a path."""

from functools import partial
from typing import Any

import pytest

from analyzers.static import fusion
from analyzers.static.fusion import Weakness
from analyzers.static.spots import Spot
from analyzers.static.tools import REPUTATIONS
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
from contract.families import path_key

fuse = partial(fusion.fuse, reputations=REPUTATIONS)


def found(tool: str, rule: str, line: int, cwe: int, **more: Any) -> Finding:
    return Finding(
        tool=tool,
        rule_id=rule,
        message=rule,
        severity=more.pop("severity", Severity.MEDIUM),
        cwe=(cwe,),
        location=Location(path=more.pop("path", "app.py"), line=line),
        fingerprint=more.pop("fingerprint", f"{tool}{rule}{line}"),
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
        report("opengrep", path, paths={path_key(path): [10, 12, 20]}),
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


def test_two_sinks_fed_by_one_source_line_stay_two_weaknesses():
    first, second = (found("opengrep", "python-sql-injection", line, 89) for line in (12, 14))
    paths = {path_key(first): [10, 12], path_key(second): [10, 14]}

    assert len(fuse([report("opengrep", first, second, paths=paths)])) == 2


def test_equal_lines_of_one_file_keep_their_own_paths():
    first, second = (
        found("opengrep", "python-sql-injection", line, 89, fingerprint="same") for line in (12, 40)
    )
    paths = {path_key(first): [10, 12], path_key(second): [30, 40]}
    reports = [
        report("opengrep", first, second, paths=paths),
        report("bandit", found("bandit", "B608", 10, 89), found("bandit", "B608", 30, 89)),
    ]

    fused = fuse(reports)

    assert [(item.location.line, len(item.witnesses)) for item in fused] == [(12, 2), (40, 2)]


def test_two_rules_of_one_tool_on_one_line_see_one_weakness():
    path = found("opengrep", "browser-dom-xss", 8, 79, confidence=Confidence.HIGH)
    pattern = found("opengrep", "browser-inner-html", 8, 79)

    (fused,) = fuse([report("opengrep", path, pattern, paths={path_key(path): [7, 8]})])

    assert fused.witnesses == ("opengrep:browser-dom-xss", "opengrep:browser-inner-html")


def advisory(tool: str, rule: str, line: int, package: str, *more: int) -> Finding:
    one = found(tool, rule, line, 1395, path="package.json", fingerprint=f"{rule} {package}")
    return one.model_copy(update={"cwe": (1395, *more)})


def test_two_advisories_on_one_line_stay_two():
    first, second = (advisory("npm-audit", rule, 3, "lodash") for rule in ("GHSA-1", "GHSA-2"))

    assert len(fuse([report("npm-audit", first, second)])) == 2


def test_advisories_on_neighbouring_packages_stay_apart_whatever_their_weakness():
    reports = [
        report("retire", advisory("retire", "CVE-1", 3, "jquery", 79)),
        report("npm-audit", advisory("npm-audit", "GHSA-2", 4, "marked", 79)),
    ]

    assert len(fuse(reports)) == 2


def test_one_advisory_seen_by_two_tools_is_one():
    reports = [
        report("retire", advisory("retire", "GHSA-1", 3, "jquery", 79)),
        report("npm-audit", advisory("npm-audit", "GHSA-1", 3, "jquery", 79)),
    ]

    (fused,) = fuse(reports)

    assert len(fused.witnesses) == 2


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


def test_the_same_rule_on_one_line_is_one_weakness():
    findings = [found("eslint", "no-eval", 1, 95, fingerprint=f"f{n}") for n in range(5)]

    (fused,) = fuse([report("eslint", *findings)])

    assert fused.witnesses == ("eslint:no-eval",)


def test_one_line_of_two_families_is_two_weaknesses():
    reports = [report("eslint", found("eslint", "a", 1, 95), found("eslint", "b", 1, 79))]

    assert len(fuse(reports)) == 2


def test_what_is_said_of_a_file_as_a_whole_is_told_apart_by_its_fingerprint():
    whole = found("opengrep", "a", 1, 95)
    place = whole.location.model_copy(update={"line": None})
    first, second = (
        whole.model_copy(update={"location": place, "fingerprint": name}) for name in "ab"
    )

    assert len(fuse([report("opengrep", first, second)])) == 2


def test_an_injection_that_two_kinds_of_look_agree_on_is_not_low():
    low = Confidence.LOW
    reports = [
        report("bandit", found("bandit", "B608", 9, 89)),
        report("opengrep", found("opengrep", "python-sql", 9, 89, confidence=low)),
    ]
    hashes = [
        report("bandit", found("bandit", "B324", 9, 328)),
        report("opengrep", found("opengrep", "python-weak-hash", 9, 328, confidence=low)),
    ]

    assert [one.confidence for one in fuse(reports)] == [Confidence.MEDIUM]
    assert [one.confidence for one in fuse(hashes)] == [Confidence.LOW]


def test_a_long_statement_and_what_is_within_it_are_one():
    long = found("opengrep", "python-sql", 10, 89)
    place = long.location.model_copy(update={"end_line": 400})
    reports = [
        report("opengrep", long.model_copy(update={"location": place})),
        report("bandit", found("bandit", "B608", 200, 89), found("bandit", "B608", 403, 89)),
    ]

    assert [len(one.witnesses) for one in fuse(reports)] == [2, 1]


def test_thousands_of_findings_of_one_file_are_each_held_against_few():
    """Each was held against all others: 2,000 of one file took 20 s of CPU."""
    tools = ("opengrep", "bandit", "ruff", "eslint")
    reports = [
        report(
            tool, *(found(tool, "r", 1 + n * 7 % 3_000, (89, 78, 95)[n % 3]) for n in range(500))
        )
        for tool in tools
    ]
    compared = 0
    plain = Weakness.distance

    def counted(self: Weakness, other: Spot) -> int | None:
        nonlocal compared
        compared += 1
        return plain(self, other)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Weakness, "distance", counted)
        fused = fuse(reports)

    assert len(fused) == 500
    assert compared < 12_000
