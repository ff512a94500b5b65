"""One scale of severities and known weaknesses for everything that a tool can report."""

import importlib
from typing import Any

import pytest
import yaml

from analyzers.dynamic.browser_report import IMPACTS
from analyzers.dynamic.rules import RULES as PROBE_RULES
from analyzers.dynamic.tools.schemathesis import FAILURES
from analyzers.dynamic.wapiti_report import CATEGORIES as WAPITI
from analyzers.runtime.grades import Grades
from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import ToolFault
from analyzers.static.adapter import line_reader
from analyzers.static.tools import TOOLS as STATIC
from analyzers.static.tools.container_files import ContainerFiles
from analyzers.static.tools.hadolint import SECURITY as HADOLINT
from analyzers.static.tools.opengrep import RULES as OPENGREP
from analyzers.static.weaknesses import BANDIT_CWE, ESLINT_SECURITY, RUFF_SECURITY
from contract.analysis import Severity
from contract.analyzers import AnalyzerKind, Category
from contract.families import FAMILIES
from contract.owasp import CATEGORIES, NONE, category_of, owasp_of
from tests.support.static_run import FIXTURES

TOOLS: list[Any] = [
    tool
    for kind in AnalyzerKind
    for tool in importlib.import_module(f"analyzers.{kind}.tools").TOOLS
]
REPORTING = [tool for tool in TOOLS if tool.looks_for]
RECORDED = [tool for tool in STATIC if (FIXTURES / tool.name / "raw").exists()]


@pytest.mark.parametrize("tool", REPORTING, ids=lambda tool: tool.name)
def test_every_tool_that_reports_has_one_table_and_no_default(tool: Any):
    grades = tool.grades

    assert isinstance(grades, Grades)
    assert grades.scale
    assert all(isinstance(grade, Severity) for grade in grades.scale.values())
    for word in ("DIRE", "", None, 99):
        with pytest.raises(ToolFault, match="unknown"):
            grades.of(word)


def parsed(tool: Any, raw: bytes) -> Any:
    sample = FIXTURES / tool.name / "sample"
    return tool.parse(raw, tool.select(list_source(sample).files), line_reader(sample))


@pytest.mark.parametrize("tool", RECORDED, ids=lambda tool: tool.name)
def test_what_a_tool_really_reported_is_graded_by_its_table(tool: Any):
    findings = parsed(tool, (FIXTURES / tool.name / "raw").read_bytes()).findings

    grades = set(getattr(tool, "grades", Grades("", {})).scale.values())
    assert {found.severity for found in findings} <= grades
    assert all(found.cwe for found in findings if found.category is Category.SECURITY)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("bandit", '"issue_severity": "HIGH"'),
        ("hadolint", '"level":"warning"'),
        ("pylint", '"type": "warning"'),
        ("stylelint", '"severity":"error"'),
        ("html-validate", '"severity":2'),
        ("mypy", '"severity": "error"'),
    ],
)
def test_a_severity_that_nobody_knows_is_never_a_default(name: str, word: str):
    tool = next(tool for tool in STATIC if tool.name == name)
    raw = (FIXTURES / name / "raw").read_text()
    assert word in raw
    known, _, _ = word.partition(":")

    try:
        answer = parsed(tool, raw.replace(word, f'{known}:"DIRE"').encode())
    except ToolFault as fault:
        assert "unknown" in str(fault)
    else:
        reasons = [skipped.reason for skipped in answer.coverage.skipped]
        assert any("not understood: unknown" in reason for reason in reasons)


def rules_of_opengrep() -> list[dict[str, Any]]:
    texts = [path.read_text() for path in OPENGREP.glob("*.yaml") if path.stem != "parse-probe"]
    return [rule for text in texts for rule in yaml.safe_load(text)["rules"]]


def test_every_rule_of_ours_names_its_weakness():
    assert all(rule["metadata"]["cwe"] > 0 for rule in rules_of_opengrep())
    tables = [PROBE_RULES, WAPITI, FAILURES, IMPACTS]
    worths = [worth for table in tables for worth in table.values()]
    assert all(worth.cwe for worth in worths if worth.category is Category.SECURITY)


def emitted() -> set[int]:
    """Each CWE number that a tool of ours gives a weakness."""
    dynamic = [worth for table in (PROBE_RULES, WAPITI, FAILURES) for worth in table.values()]
    numbers = [number for worth in dynamic for number in worth.cwe]
    numbers += [number for cwe in BANDIT_CWE.values() for number in cwe]
    numbers += [number for cwe, _ in RUFF_SECURITY.values() for number in cwe]
    numbers += [number for number, _ in ESLINT_SECURITY.values()]
    numbers += [rule["metadata"]["cwe"] for rule in rules_of_opengrep()]
    numbers += [*HADOLINT.values(), 1395, 1427]
    numbers += [number for rule in ContainerFiles.rules.values() for number in rule.cwe]
    return set(numbers)


def test_each_weakness_is_in_a_category_of_owasp_or_explicitly_in_none():
    unknown = {number for number in emitted() if not category_of(number)} - NONE

    assert not unknown
    assert not {number for number in NONE if category_of(number)}
    assert emitted() >= NONE


def test_owasp_counts_as_its_pages_do():
    """The pages of the Top 10 2021 say how many CWE numbers each category has."""
    said = dict(zip(CATEGORIES, (34, 29, 33, 40, 20, 3, 22, 10, 4, 1), strict=True))
    ours = dict.fromkeys(CATEGORIES, 0)
    inherited = {155, 208, 250, 427, 527, 530, 732, 943, 1007, 1022, 1321, 1336, 1391, 1395, 1427}
    for number in range(1, 2_000):
        if number not in inherited and (category := category_of(number)):
            ours[category] += 1

    assert ours == said


@pytest.mark.parametrize(
    ("cwe", "category"),
    [
        *[((89,), "A03"), ((22,), "A01"), ((798,), "A07"), ((918,), "A10"), ((489, 209), "A04")],
        *[((611,), "A05"), ((502,), "A08"), ((1395, 79), "A06"), ((328,), "A02"), ((778,), "A09")],
    ],
)
def test_the_category_of_a_weakness(cwe: tuple[int, ...], category: str):
    assert owasp_of(cwe) == (category,)


def test_no_number_is_in_two_families():
    numbers = [number for family in FAMILIES.values() for number in family]

    assert len(numbers) == len(set(numbers))
