"""Manifests are data of strangers; advisories count only where a source answered."""

import json
from pathlib import Path

import pytest

from analyzers.runtime.tool import ToolFault
from analyzers.static.manifests import read_package, read_package_lock, read_requirements
from analyzers.static.tools.npm_audit import NpmAudit
from analyzers.static.tools.pip_audit import PipAudit
from analyzers.static.tools.retire import Retire

REQUIREMENTS = """# web
flask==3.0.0  # pinned
Jinja2[i18n]==2.4.1 ; python_version > "3.8"
requests>=2.0
-r other.txt
git+https://example.org/x.git
"""


def no_lines(path: str, line: int) -> str:
    return ""


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    (tmp_path / "requirements.txt").write_text(REQUIREMENTS)
    return tmp_path


def test_requirements_name_what_is_pinned_and_what_is_not(requirements: Path):
    found = list(read_requirements(requirements, "requirements.txt"))

    assert [(item.name, item.version, item.line) for item in found[:3]] == [
        ("flask", "3.0.0", 2),
        ("jinja2", "2.4.1", 3),
        ("requests", "", 4),
    ]
    assert not any(item.exact for item in found[2:])


def test_an_audit_without_a_single_answer_is_a_fault(requirements: Path):
    found = list(read_requirements(requirements, "requirements.txt"))
    raw = json.dumps({"dependencies": [{"name": "flask", "skip_reason": "not found"}]})

    with pytest.raises(ToolFault, match="advisory source unreachable: not found"):
        PipAudit().read(raw.encode(), found, no_lines)


def test_an_audit_covers_only_what_was_answered(requirements: Path):
    found = list(read_requirements(requirements, "requirements.txt"))
    answers = [
        {"name": "jinja2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.8"]}]},
        {"name": "flask", "skip_reason": "not found"},
    ]

    parsed = PipAudit().read(json.dumps({"dependencies": answers}).encode(), found, no_lines)

    assert (parsed.coverage.reached, parsed.coverage.given) == (1, len(found))
    (advisory,) = parsed.findings
    assert (advisory.rule_id, advisory.location.line) == ("PYSEC-1", 3)


def test_a_registry_that_refuses_the_audit_is_a_fault(tmp_path: Path):
    raw = b'{"message": "405 Method Not Allowed", "error": {"summary": ""}}'

    with pytest.raises(ToolFault, match="advisory source unreachable: 405"):
        NpmAudit().read(raw, "package.json", tmp_path, no_lines)


def test_npm_advisories_point_at_the_manifest(tmp_path: Path):
    (tmp_path / "package.json").write_text('{\n "dependencies": {\n  "lodash": "4.17.4"\n }\n}')
    via = {
        "source": 1,
        "name": "lodash",
        "title": "Prototype pollution",
        "url": "https://github.com/advisories/GHSA-x",
        "severity": "high",
        "cwe": ["CWE-1321"],
    }
    report = {
        "vulnerabilities": {"lodash": {"via": [via, "other"]}},
        "metadata": {"dependencies": {"total": 1}},
    }

    parsed = NpmAudit().read(json.dumps(report).encode(), "package.json", tmp_path, no_lines)

    (advisory,) = parsed.findings
    assert (advisory.rule_id, advisory.location.line) == ("GHSA-x", 3)
    assert advisory.cwe == (1395, 1321)


@pytest.mark.parametrize("text", ["not json", "[]", '"text"', "[" * 100_000])
def test_a_manifest_that_is_none_is_named_not_raised_deeper(text: str, tmp_path: Path):
    (tmp_path / "package.json").write_text(text)

    with pytest.raises(ValueError):
        list(read_package(tmp_path, "package.json"))


def test_a_lock_file_gives_exact_versions(tmp_path: Path):
    packages = {"": {}, "node_modules/@a/b": {"version": "1.2.3"}}
    (tmp_path / "package-lock.json").write_text(json.dumps({"packages": packages}))

    (item,) = read_package_lock(tmp_path, "package-lock.json")

    assert (item.name, item.version, item.exact) == ("@a/b", "1.2.3", True)


@pytest.mark.parametrize(
    ("version", "count"), [("4.17.4", 1), ("4.17.5", 0), ("3.0.0", 0), ("4.17.5-rc.1", 1)]
)
def test_offline_advisories_respect_the_range(version: str, count: int, tmp_path: Path):
    entry = {
        "below": "4.17.5",
        "atOrAbove": "4.0.0",
        "severity": "high",
        "identifiers": {"CVE": ["CVE-1"]},
    }
    database = {"lodash": {"vulnerabilities": [entry]}}
    (tmp_path / "package.json").write_text(json.dumps({"dependencies": {"lodash": version}}))
    (item,) = read_package(tmp_path, "package.json")

    assert len(Retire().advisories(item, database, no_lines)) == count
