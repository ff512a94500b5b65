"""Every static adapter on the raw report of a real run (tests/fixtures/<tool>)."""

import json
from pathlib import Path
from typing import Any

import pytest

from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import ToolFault
from analyzers.static.adapter import line_reader
from analyzers.static.tools import TOOLS
from tests.support.static_run import FIXTURES, summary

PARSERS = [tool for tool in TOOLS if (FIXTURES / tool.name / "raw").exists()]


def parse(tool: Any, raw: bytes) -> Any:
    sample = FIXTURES / tool.name / "sample"
    return tool.parse(raw, tool.select(list_source(sample).files), line_reader(sample))


def recorded(tool: Any) -> bytes:
    return (FIXTURES / tool.name / "raw").read_bytes()


@pytest.mark.parametrize("tool", PARSERS, ids=lambda tool: tool.name)
def test_recorded_report_gives_the_expected_findings(tool: Any):
    expected = json.loads((FIXTURES / tool.name / "expected.json").read_text())

    assert summary(parse(tool, recorded(tool))) == expected


@pytest.mark.parametrize("tool", PARSERS, ids=lambda tool: tool.name)
@pytest.mark.parametrize("raw", [b"", b"<html>not a report</html>"], ids=["empty", "html"])
def test_what_is_no_report_is_a_fault_never_zero(tool: Any, raw: bytes):
    with pytest.raises(ToolFault):
        parse(tool, raw)


@pytest.mark.parametrize(
    ("name", "known", "unknown"),
    [
        ("bandit", b'"issue_severity": "HIGH"', b'"issue_severity": "DIRE"'),
        ("ruff", b'"code": "S602"', b'"code": "S999"'),
        ("eslint", b'"severity":1', b'"severity":7'),
        ("opengrep", b'"severity":"ERROR"', b'"severity":"DIRE"'),
    ],
)
def test_an_unknown_severity_or_rule_costs_its_file_alone(name: str, known: bytes, unknown: bytes):
    tool = next(tool for tool in TOOLS if tool.name == name)
    raw = recorded(tool)
    assert known in raw

    whole, parsed = parse(tool, raw), parse(tool, raw.replace(known, unknown))

    named = [
        one.reason for one in parsed.coverage.skipped if "not understood: unknown" in one.reason
    ]
    assert named
    assert parsed.coverage.reached < whole.coverage.reached
    assert len(parsed.findings) < len(whole.findings)


@pytest.mark.parametrize("name", ["bandit", "eslint", "opengrep"])
def test_a_report_that_names_another_file_is_a_fault(name: str):
    tool = next(tool for tool in TOOLS if tool.name == name)

    with pytest.raises(ToolFault, match="not given"):
        tool.parse(recorded(tool), ("other/unknown.txt",), line_reader(Path("/nowhere")))


def test_a_fingerprint_survives_a_moved_line(tmp_path: Path):
    bandit = next(tool for tool in TOOLS if tool.name == "bandit")
    raw = json.loads(recorded(bandit))
    before = {found.fingerprint for found in parse(bandit, json.dumps(raw).encode()).findings}
    sample = FIXTURES / "bandit" / "sample"
    names = bandit.select(list_source(sample).files)
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\n" * 7 + (sample / name).read_bytes())
    for item in raw["results"]:
        item["line_number"] += 7

    moved = bandit.parse(json.dumps(raw).encode(), names, line_reader(tmp_path))

    assert {found.fingerprint for found in moved.findings} == before


def test_pylint_counts_modules_by_name_and_files_of_one_name_are_all_looked_at():
    pylint = next(tool for tool in TOOLS if tool.name == "pylint")
    raw = json.dumps({"messages": [], "statistics": {"modulesLinted": 2}}).encode()
    alike = tuple(f"{folder}/app.py" for folder in "abcdefg")
    nowhere = line_reader(Path("/nowhere"))

    assert pylint.parse(raw, (*alike, "p/__init__.py"), nowhere).coverage.reached == 8
    with pytest.raises(ToolFault, match="looked at 2 of 3 modules"):
        pylint.parse(raw, (*alike, "p/__init__.py", "views.py"), nowhere)
