"""Logs of other scanners: read in bounded memory, recorded as further tools, never believed."""

import codecs
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from clients.sarif_log import MAX_RESULTS, read_log
from contract.analysis import Category, MeasurementState, Severity, ToolReport
from contract.errors import ErrorCode, PlatformError
from contract.spec import AppRef
from control.errors import WrongInputError
from control.sarif_findings import TOLD, UnknownLevelError, tool_name, tool_report
from control.sarif_import import import_log
from tests.support.installation import Installation, analysed, write_fleet

REF = AppRef(model="m", app_number=1)
FILES = ("app.py", "web/src/main.js", "with space/café.py")


def silent(_text: str) -> None:
    """Nobody listens."""


def result(**more: Any) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": "app.py"}, "region": {"startLine": 1}}
    return {
        "ruleId": "py/sql",
        "message": {"text": "SQL from a request"},
        "locations": [{"physicalLocation": place}],
        **more,
    }


def log(*results: dict[str, Any], rules: Any = (), **run: Any) -> dict[str, Any]:
    driver = {"name": "Code QL", "semanticVersion": "2.1", "rules": list(rules)}
    made = {"tool": {"driver": driver}, "results": list(results), **run}
    return {"version": "2.1.0", "runs": [made]}


def cell(tmp_path: Path, document: Any) -> ToolReport:
    path = tmp_path / "log.sarif"
    path.write_text(json.dumps(document))
    runs = read_log(path)
    return tool_report(tool_name(runs[0].driver), runs, FILES, REF)


def refused(tmp_path: Path, text: bytes) -> PlatformError:
    path = tmp_path / "log.sarif"
    path.write_bytes(text)
    with pytest.raises(PlatformError) as caught:
        read_log(path)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT
    assert "\n" not in caught.value.message
    return caught.value


def test_a_result_is_a_finding_with_its_rule(tmp_path: Path):
    rule = {
        "id": "py/sql",
        "properties": {"security-severity": "9.3", "tags": ["security", "external/cwe/cwe-089"]},
    }
    report = cell(tmp_path, log(result(), rules=[rule]))

    (found,) = report.findings
    assert report.tool == "sarif-code-ql"
    assert report.version == "2.1"
    assert found.severity is Severity.CRITICAL
    assert found.cwe == (89,)
    assert found.category is Category.SECURITY
    assert (found.location.path, found.location.line) == ("app.py", 1)
    assert TOLD in report.provenance.notes
    assert report.imported


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ({"level": "error"}, Severity.HIGH),
        ({"level": "note"}, Severity.LOW),
        ({}, Severity.MEDIUM),
        ({"properties": {"security-severity": "4.0"}}, Severity.MEDIUM),
        ({"properties": {"security-severity": "much"}, "level": "error"}, Severity.HIGH),
    ],
)
def test_the_severity_is_the_score_or_the_level(
    tmp_path: Path, more: dict[str, Any], severity: Severity
):
    (found,) = cell(tmp_path, log(result(**more))).findings
    assert found.severity is severity


def test_an_unknown_level_is_an_error(tmp_path: Path):
    with pytest.raises(UnknownLevelError, match="catastrophe"):
        cell(tmp_path, log(result(level="catastrophe")))


def test_a_weakness_is_read_from_taxa_and_relationships(tmp_path: Path):
    taxon = {"id": "79", "toolComponent": {"name": "CWE"}}
    relation = {"target": {"id": "CWE-80", "toolComponent": {"name": "CWE"}}}
    rule = {"id": "py/sql", "relationships": [relation]}
    (found,) = cell(tmp_path, log(result(taxa=[taxon]), rules=[rule])).findings
    assert found.cwe == (79, 80)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///home/ci/checkout/web/src/main.js", "web/src/main.js"),
        ("./app.py", "app.py"),
        ("C:\\ci\\web\\src\\main.js", "web/src/main.js"),
        ("with%20space/caf%C3%A9.py", "with space/café.py"),
    ],
)
def test_a_place_is_a_file_of_the_app_or_none(tmp_path: Path, uri: str, path: str | None):
    (found,) = cell(tmp_path, log(at(uri))).findings
    assert (found.location.path, found.location.line) == (path, 3)


def at(uri: str) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": uri}, "region": {"startLine": 3}}
    return result(locations=[{"physicalLocation": place}])


@pytest.mark.parametrize(
    "uri",
    [
        "../../etc/passwd",
        "nowhere.py",
        "file:///usr/lib/python3/site-packages/flask/app.py",
        "fleet/other/app1/app.py",
        "fleet/m/app2/app.py",
        "http://[a/app.py",
        "a/" * 100_000 + "app.py",
    ],
)
def test_a_place_outside_of_the_app_is_nobodys_finding(tmp_path: Path, uri: str):
    alone = cell(tmp_path, log(at(uri), artifacts=[{}]))
    assert alone.state is MeasurementState.INFRA_FAILED
    assert "is in a file of this app" in alone.reason

    beside = cell(tmp_path, log(at(uri), at("web/src/main.js")))
    (found,) = beside.findings
    assert found.location.path == "web/src/main.js"
    assert "1 results are in no file of this app" in beside.provenance.notes


def test_one_beginning_holds_for_a_whole_run(tmp_path: Path):
    """A file of another project that ends like one of the app's is none of it."""
    uris = ("ci/shop/app.py", "ci/shop/web/src/main.js", "ci/other/app.py")
    report = cell(tmp_path, log(*map(at, uris)))
    assert [found.location.path for found in report.findings] == ["app.py", "web/src/main.js"]


@pytest.mark.parametrize(
    "more",
    [
        {"taxa": 5},
        {"taxa": True},
        {"message": 3},
        {"locations": {"a": 1}},
        {"properties": [1]},
        {"ruleIndex": -4},
        {"suppressions": "x"},
        {"rule": 7},
    ],
)
def test_a_member_of_another_kind_is_none(tmp_path: Path, more: dict[str, Any]):
    report = cell(tmp_path, log(result(**more), result(), rules=[{"id": 4, "relationships": 7}]))
    assert report.state is MeasurementState.MEASURED
    assert len(report.findings) in (1, 2)


def test_a_level_that_is_no_text_is_an_error(tmp_path: Path):
    with pytest.raises(UnknownLevelError):
        cell(tmp_path, log(result(level=["error"])))


def test_no_weakness_has_the_number_zero(tmp_path: Path):
    (found,) = cell(tmp_path, log(result(properties={"tags": ["CWE-0", "CWE-22"]}))).findings
    assert found.cwe == (22,)


def test_what_nobody_reads_of_a_result_fills_no_memory(tmp_path: Path):
    path = tmp_path / "log.sarif"
    flows = b"[" + b",".join([b"[]"] * 1_000_000) + b"]"
    with path.open("wb") as file:
        file.write(b'{"version": "2.1.0", "runs": [{"results": [{"ruleId": "r", "codeFlows": ')
        file.write(flows + b"}]}]}")
    tracemalloc.start()
    (run,) = read_log(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert run.results == [{"ruleId": "r"}]
    assert peak < 20 * 1024**2


def test_a_result_that_holds_too_much_is_refused(tmp_path: Path):
    tags = b",".join([b"1"] * 3_100_000)
    text = b'{"version": "2.1.0", "runs": [{"results": [{"properties": {"tags": [' + tags
    assert "more than 3,000,000 values" in refused(tmp_path, text + b"]}}]}]}").message


def test_what_its_author_set_aside_is_counted_and_is_no_finding(tmp_path: Path):
    aside = (
        {"kind": "pass"},
        {"suppressions": [{"kind": "external"}]},
        {"baselineState": "absent"},
    )
    report = cell(tmp_path, log(result(), *(result(**more) for more in aside)))
    assert len(report.findings) == 1
    assert report.coverage is not None
    assert report.coverage.skipped_total == 3


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ({"invocations": [{"executionSuccessful": False}]}, "did not end successfully"),
        ({"results": None}, "nothing was searched for"),
        ({"results": []}, "does not say what it looked at"),
        ({"results": [{"message": {"text": "x"}}]}, "is in a file of this app"),
    ],
)
def test_a_log_without_proof_is_no_measurement(tmp_path: Path, run: dict[str, Any], reason: str):
    report = cell(tmp_path, log(**run))
    assert report.state is MeasurementState.INFRA_FAILED
    assert reason in report.reason


def test_no_result_among_named_files_is_a_measured_zero(tmp_path: Path):
    artifacts = [{"location": {"uri": "app.py"}, "hashes": {"a": [1, {"b": 2}]}}, {}]
    report = cell(tmp_path, log(artifacts=artifacts))
    assert report.state is MeasurementState.MEASURED
    assert report.coverage is not None
    assert report.coverage.reached == 2


def test_a_byte_order_mark_is_none_of_the_text(tmp_path: Path):
    path = tmp_path / "log.sarif"
    path.write_bytes(codecs.BOM_UTF8 + json.dumps(log(result())).encode())
    assert read_log(path)[0].results


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "no JSON"),
        (b"[]", "no object"),
        (b"\xff\xfe{\x00", "UTF-16"),
        (b'{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "\xe9"}}}]}', "UTF-8"),
        (b'{"version": "2.1.0", "runs": [', "no JSON"),
        (b'{"version": "1.0.0", "runs": []}', "version"),
        (b'{"runs": []}', "no version"),
        (b'{"version": "2.1.0", "runs": 5}', "no array"),
        (b'{"version": "2.1.0", "runs": [5]}', "no object"),
        (b'{"version": "2.1.0", "runs": [{"tool": [1]}]}', "object was expected"),
        (b'{"version": "2.1.0", "runs": [{"results": [{"properties": ' + b'{"a":' * 300, "nested"),
    ],
)
def test_what_is_no_log_is_one_clear_error(tmp_path: Path, text: bytes, why: str):
    assert why in refused(tmp_path, text).message


def test_a_million_results_are_refused_without_being_kept(tmp_path: Path):
    path = tmp_path / "log.sarif"
    one = json.dumps(result()).encode()
    with path.open("wb") as file:
        file.write(b'{"version": "2.1.0", "runs": [{"results": [' + one)
        for _ in range(1_000):
            file.write((b"," + one) * 1_000)
    tracemalloc.start()
    with pytest.raises(PlatformError, match=f"more than {MAX_RESULTS:,} results"):
        read_log(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150 * 1024**2


def test_a_file_of_two_gigabytes_is_refused_by_its_size(tmp_path: Path):
    path = tmp_path / "log.sarif"
    with path.open("wb") as file:
        file.truncate(2 * 1024**3)
    with pytest.raises(PlatformError, match="2147483648 bytes"):
        read_log(path)


def test_one_endless_text_is_refused(tmp_path: Path):
    text = b'{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "' + b"a" * (20 * 1024**2)
    assert "a text has more than" in refused(tmp_path, text).message


@pytest.fixture
async def here(tmp_path: Path) -> Installation:
    write_fleet(tmp_path / "fleet")
    installation = Installation(tmp_path / "here")
    installation.data_dir.mkdir()
    await analysed(installation, tmp_path / "fleet")
    return installation


async def test_a_log_is_a_further_tool_and_twice_changes_nothing(
    here: Installation, tmp_path: Path
):
    path = tmp_path / "log.sarif"
    path.write_text(json.dumps(log(result(properties={"tags": ["CWE-89"]}))))
    before = await here.stored.record("p1")

    await import_log(here.stored, here.data_dir, "p1", "m/app1", path, silent)
    once = await here.stored.record("p1")
    await import_log(here.stored, here.data_dir, "p1", "m/app1", path, silent)
    twice = await here.stored.record("p1")

    assert twice == once
    assert [c for c in once.cells if not c.report.imported] == list(before.cells)
    (mine,) = (c for c in once.cells if c.report.imported)
    (found,) = mine.report.findings
    assert found.fingerprint.startswith("v2-")
    assert sum(len(group.findings) for group in once.fused) == 2


async def test_an_app_that_is_not_there_is_said(here: Installation, tmp_path: Path):
    path = tmp_path / "log.sarif"
    path.write_text(json.dumps(log(result())))
    with pytest.raises(WrongInputError, match="no app 'm/app9'"):
        await import_log(here.stored, here.data_dir, "p1", "m/app9", path, silent)


async def test_a_log_without_a_tool_asks_for_its_name(here: Installation, tmp_path: Path):
    path = tmp_path / "log.sarif"
    document = log(result())
    del document["runs"][0]["tool"]
    path.write_text(json.dumps(document))
    with pytest.raises(WrongInputError, match="names no tool"):
        await import_log(here.stored, here.data_dir, "p1", "m/app1", path, silent)
