"""Manifests are data of strangers; advisories count only where a source answered."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from analyzers.appsource.manifests import Dependency, read_package, read_package_lock
from analyzers.appsource.npm_projects import NpmProject, npm_projects
from analyzers.appsource.python_manifests import python_manifests, read_python
from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import Command, Completed, ToolFault
from analyzers.static.tools.npm_audit import NpmAudit
from analyzers.static.tools.pip_audit import PipAudit
from analyzers.static.tools.retire import Retire
from tests.support.static_run import make_run, reads_manifests, run_here

REQUIREMENTS = """# web
flask==3.0.0  # pinned
Jinja2[i18n]==2.4.1 ; python_version > "3.8"
requests>=2.0
-r other.txt
git+https://user:secret@example.org/x.git
https://example.org/tool-1.0-py3-none-any.whl
-e ./lib
pack @ https://example.org/pack.zip
flask_cors==4.0.0
"""


def no_lines(path: str, line: int) -> str:
    return ""


@pytest.fixture
def found(tmp_path: Path) -> list[Dependency]:
    (tmp_path / "requirements.txt").write_text(REQUIREMENTS)
    return read_python(tmp_path, ["requirements.txt"])[0]


def pins(found: Sequence[Dependency]) -> list[Dependency]:
    return [item for item in found if item.exact]


def answered(*answers: dict[str, Any]) -> bytes:
    return json.dumps({"dependencies": answers}).encode()


def test_requirements_name_what_is_pinned_and_what_is_not(found: list[Dependency]):
    assert [(item.name, item.version, item.line) for item in found] == [
        ("flask", "3.0.0", 2),
        ("jinja2", "2.4.1", 3),
        ("requests", "", 4),
        ("git+https://example.org/x.git", "", 6),
        ("https://example.org/tool-1.0-py3-none-any.whl", "", 7),
        ("././lib", "", 8),
        ("pack", "", 9),
        ("flask-cors", "4.0.0", 10),
    ]
    assert [item.line for item in found if item.why] == [6, 7, 8, 9]
    assert [item.line for item in pins(found)] == [2, 3, 10]


def test_an_audit_without_a_single_answer_is_a_fault(found: list[Dependency]):
    raw = answered({"name": "flask", "skip_reason": "not found"})

    with pytest.raises(ToolFault, match=r"advisory source unreachable: .*not found"):
        PipAudit().read([(raw, pins(found))], found, no_lines)


def test_an_audit_covers_only_what_was_answered(found: list[Dependency]):
    raw = answered(
        {"name": "jinja2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.8"]}]},
        {"name": "flask", "skip_reason": "not found on the index"},
        {"name": "flask-cors", "vulns": []},
    )

    parsed = PipAudit().read([(raw, pins(found))], found, no_lines)

    assert (parsed.coverage.reached, parsed.coverage.given) == (2, len(found))
    reasons = {item.what: item.reason for item in parsed.coverage.skipped}
    assert reasons["flask==3.0.0 (requirements.txt)"] == "not found on the index"
    (advisory,) = parsed.findings
    assert (advisory.rule_id, advisory.location.line) == ("PYSEC-1", 3)


def test_advisories_are_fresh_for_an_hour(found: list[Dependency]):
    raw = answered({"name": "flask", "vulns": []})

    assert PipAudit().read([(raw, pins(found))], found, no_lines).fresh_for == timedelta(hours=1)


async def test_two_versions_of_one_package_are_asked_in_two_runs(tmp_path: Path):
    for name, version in (("a/requirements.txt", "2.0.1"), ("b/requirements.txt", "3.0.0")):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(f"flask=={version}\njinja2==3.1\n")
    workspace = tmp_path / "work"
    workspace.mkdir()
    asked: list[str] = []

    async def execute(command: Command) -> Completed:
        if reads_manifests(command):
            return run_here(command)
        lines = (workspace / "pins.txt").read_text().split()
        asked.append(" ".join(lines))
        items = [{"name": line.partition("==")[0], "vulns": []} for line in lines]
        return Completed(command.argv, 0, answered(*items), b"", b"", 0.1)

    parsed = await PipAudit().run(make_run(list_source(tmp_path), workspace), execute)

    assert asked == ["flask==2.0.1 jinja2==3.1", "flask==3.0.0"]
    assert (parsed.coverage.reached, parsed.coverage.given) == (4, 4)


POETRY_LOCK = '[[package]]\nname = "Flask"\nversion = "3.0.0"\n'
UV_LOCK = (
    '[[package]]\nname = "app"\nversion = "0"\nsource = { virtual = "." }\n\n'
    '[[package]]\nname = "flask"\nversion = "3.0.0"\n\n'
    '[[package]]\nname = "own"\nversion = "1"\nsource = { git = "https://example.org/x" }\n'
)
PYPROJECT = """[project]
dependencies = ["flask==3.0.0", "requests>=2"]
[project.optional-dependencies]
dev = ["pytest==9.0"]
[tool.poetry.dependencies]
python = "^3.11"
django = "5.0"
own = { path = "../own" }
"""


@pytest.mark.parametrize(
    ("name", "text", "exact", "others"),
    [
        ("poetry.lock", POETRY_LOCK, ["flask"], []),
        ("uv.lock", UV_LOCK, ["flask"], ["own"]),
        ("pyproject.toml", PYPROJECT, ["flask", "pytest", "django"], ["requests", "own"]),
        ("Pipfile", '[packages]\nflask = "==3.0.0"\nx = "*"\n', ["flask"], ["x"]),
        ("Pipfile.lock", '{"default": {"flask": {"version": "==3.0.0"}}}', ["flask"], []),
    ],
)
def test_every_python_manifest_is_read(
    name: str, text: str, exact: list[str], others: list[str], tmp_path: Path
):
    (tmp_path / name).write_text(text)

    found, faults = read_python(tmp_path, python_manifests([name]))

    assert not faults
    assert sorted(item.name for item in found if item.exact) == sorted(exact)
    assert sorted(item.name for item in found if not item.exact) == sorted(others)


def test_a_lock_file_stands_for_the_manifest_it_was_made_from():
    files = ["a/pyproject.toml", "a/uv.lock", "b/Pipfile", "b/Pipfile.lock", "c/pyproject.toml"]

    assert python_manifests(files) == ("a/uv.lock", "b/Pipfile.lock", "c/pyproject.toml")


@pytest.mark.parametrize("text", ["= no toml", "x = " + "[" * 5_000])
def test_a_python_manifest_that_is_none_is_named(text: str, tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text(text)

    found, faults = read_python(tmp_path, ["pyproject.toml"])

    assert not found
    assert "could not be read" in faults["pyproject.toml"]


@pytest.mark.parametrize(
    ("wanted", "version", "exact", "elsewhere"),
    [
        ("4.17.4", "4.17.4", True, False),
        ("^4.17", "4.17", False, False),
        ("~1.2.3", "1.2.3", False, False),
        ("latest", "", False, False),
        ("git+https://example.org/x.git", "", False, True),
        ("someone/fork#main", "", False, True),
        ("file:../own", "", False, True),
    ],
)
def test_what_a_package_json_wants(
    wanted: str, version: str, exact: bool, elsewhere: bool, tmp_path: Path
):
    (tmp_path / "package.json").write_text(json.dumps({"dependencies": {"x": wanted}}))

    (item,) = read_package(tmp_path, "package.json")

    assert (item.version, item.exact, bool(item.why)) == (version, exact, elsewhere)


def test_a_lock_file_of_the_first_format_is_read_to_its_depth(tmp_path: Path):
    inner = {"version": "1.0.0"}
    outer = {"version": "2.0.0", "dependencies": {"inner": inner}}
    (tmp_path / "package-lock.json").write_text(json.dumps({"dependencies": {"outer": outer}}))

    found = list(read_package_lock(tmp_path, "package-lock.json"))

    assert {(item.name, item.version) for item in found} == {("outer", "2.0.0"), ("inner", "1.0.0")}


def test_a_registry_that_refuses_the_audit_is_a_fault(tmp_path: Path):
    raw = b'{"message": "405 Method Not Allowed", "error": {"summary": ""}}'

    with pytest.raises(ToolFault, match="advisory source unreachable: 405"):
        NpmAudit().read(raw, NpmProject(["package.json"]), no_lines)


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

    (project,), faults = npm_projects(tmp_path, ["package.json"])

    parsed = NpmAudit().read(json.dumps(report).encode(), project, no_lines)

    assert not faults

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
