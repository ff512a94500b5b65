"""Our rules on their own cases: every `ruleid:` is found on the next line, no `ok:` line is."""

import re
from pathlib import Path

import pytest

from analyzers.static.tools.opengrep import RULES, Opengrep
from tests.support.static_run import FIXTURES, measure

CASES = FIXTURES / "rules"
ANNOTATION = re.compile(r"\b(ruleid|ok): ([a-z-]+)")
RULE_IDS = sorted(
    name
    for path in RULES.glob("*.yaml")
    for name in re.findall(r"^  - id: (\S+)", path.read_text(), re.MULTILINE)
    if name != "parse-probe"
)


@pytest.fixture(scope="module")
async def hits(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str, int]]:
    parsed = await measure(Opengrep(), CASES, tmp_path_factory.mktemp("rules"))
    assert parsed.coverage.reached == parsed.coverage.given
    return {
        (found.rule_id, found.location.path or "", found.location.line or 0)
        for found in parsed.findings
    }


def annotations(path: Path) -> list[tuple[str, str, int]]:
    lines = path.read_text().splitlines()
    return [
        (match[1], match[2], number + 1)
        for number, line in enumerate(lines, start=1)
        if (match := ANNOTATION.search(line))
    ]


def rule_of(path: Path) -> str:
    """`python-xss.django.py` holds cases of `python-xss`."""
    return path.name.partition(".")[0]


@pytest.mark.parametrize("rule", RULE_IDS)
def test_rule_finds_its_cases_and_nothing_else(rule: str, hits: set[tuple[str, str, int]]):
    paths = [path for path in CASES.iterdir() if rule_of(path) == rule]
    marks = {
        (kind, path.name, line)
        for path in paths
        for kind, name, line in annotations(path)
        if name == rule
    }
    wanted = {(name, line) for kind, name, line in marks if kind == "ruleid"}
    clean = {(name, line) for kind, name, line in marks if kind == "ok"}
    names = {path.name for path in paths}
    found = {(where, line) for name, where, line in hits if name == rule and where in names}

    assert wanted, "needs a positive case"
    assert clean, "needs a negative case"
    assert found == wanted


def test_every_case_belongs_to_a_rule():
    assert {rule_of(path) for path in CASES.iterdir()} == set(RULE_IDS)
