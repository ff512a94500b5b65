"""What GitHub code scanning is given: within its limits, and no zero without proof."""

import gzip
import json
from collections.abc import Sequence
from typing import Any

import pytest

from contract.analysis import Category, Confidence, Finding, Location, Severity
from contract.record import AppRecord, FusedRecord
from contract.spec import SourceRef
from reports import sarif_github as module
from reports.sarif_github import github_sarif
from tests.support.whole_report import whole
from tests.unit import report_samples as samples
from tests.unit.report_samples import DYNAMIC, GPT, HAIKU, NOW, STATIC

Log = dict[str, Any]


def report_of(*cells, fused: Sequence[Finding] = (), main_file: str = "compose.yaml"):
    """A report of one app."""
    named = SourceRef(path="", digest="", main_file=main_file)
    record = samples.fleet().model_copy(
        update={
            "apps": (AppRecord(ref=samples.M_1, source=named),),
            "cells": cells,
            "fused": (FusedRecord(ref=samples.M_1, analyzer=STATIC, findings=tuple(fused)),)
            if fused
            else (),
        }
    )
    return whole(record, NOW).app(samples.M_1)


def cell(tool: str, *findings: Finding, **more):
    return samples.cell("m", 1, STATIC, tool, findings=findings, **more)


def found(rule: str = "B1", severity: Severity = Severity.LOW, tool: str = "bandit", **more):
    location = more.pop("location", Location(path="app.py", line=3))
    return samples.finding(tool, rule, severity, location=location, **more)


def log_of(*cells, **more) -> Log:
    data = github_sarif(report_of(*cells, **more))
    assert data is not None
    return json.loads(data)


def results_of(log: Log) -> list[dict[str, Any]]:
    return [result for run in log["runs"] for result in run["results"]]


def notices_of(log: Log) -> str:
    return "\n".join(
        notice["message"]["text"]
        for run in log["runs"]
        for notice in run["invocations"][0].get("toolExecutionNotifications", [])
    )


@pytest.fixture(scope="module")
def sample():
    data = github_sarif(whole(samples.fleet(), NOW).app(samples.HAIKU_1))
    assert data is not None
    return json.loads(data)


def test_every_weakness_is_told_once_in_the_run_of_its_witness(sample):
    places = {
        result["ruleId"]: run["automationDetails"]["id"]
        for run in sample["runs"]
        for result in run["results"]
    }

    assert (len(places), len(results_of(sample))) == (4, 5)  # one rule has two of them
    run_id = f"assay/{HAIKU}/app1/static/opengrep/demo-2026-03-04"
    assert places["opengrep:python.flask.sql-injection"] == run_id
    assert places["probe:missing-content-security-policy"].split("/")[-2] == "probe"


def test_the_category_of_a_run_is_the_same_in_the_next_scan(sample):
    ids = [run["automationDetails"]["id"] for run in sample["runs"]]
    categories = {name.rpartition("/")[0] for name in ids}

    assert len(categories) == len(ids)
    assert not any("demo-2026" in category for category in categories)


def test_only_what_measured_has_a_run_and_what_did_not_is_named():
    log = log_of(
        cell("bandit", found()),
        cell("pylint"),
        samples.cell("m", 1, STATIC, "opengrep", samples.INFRA_FAILED, "killed at 300 s"),
        samples.cell("m", 1, STATIC, "hadolint", samples.NOT_APPLICABLE, "no Dockerfile"),
        samples.cell("m", 1, samples.PERFORMANCE, "openloop", metrics=samples.LOAD),
    )

    names = [run["tool"]["extensions"][0]["name"] for run in log["runs"]]
    assert names == ["bandit", "pylint"]
    assert all("results" in run for run in log["runs"])
    assert "static/opengrep did not measure: killed at 300 s" in notices_of(log)
    assert "hadolint" not in notices_of(log)


def test_there_is_no_file_where_nothing_was_measured():
    dead = samples.cell("m", 1, STATIC, "*", samples.INFRA_FAILED, "analyzer is down")

    assert github_sarif(report_of(dead)) is None


@pytest.mark.parametrize("path", [None, "../../etc/passwd", "/etc/passwd", "a//b", ""])
def test_what_has_no_file_is_put_in_the_one_that_stands_for_the_app(path):
    place = Location(path=path, line=7, method="GET", url="/x", parameter="q")
    (result,) = results_of(log_of(cell("bandit", found(location=place))))

    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "compose.yaml", "uriBaseId": "SRCROOT"},
        "region": {"startLine": 1},
    }
    assert "At GET /x, parameter q." in result["message"]["text"]


def test_what_no_file_is_known_for_is_left_out_and_counted():
    log = log_of(cell("bandit", found(), found("B2", location=Location(url="/x"))), main_file="")

    assert [result["ruleId"] for result in results_of(log)] == ["bandit:B1"]
    assert "left out: 1 of 2 findings, no file is known to exist for them" in notices_of(log)


@pytest.mark.parametrize("line", [None, 2**40])
def test_a_result_without_a_line_of_this_world_is_on_the_first_one(line):
    (result,) = results_of(log_of(cell("b", found(location=Location(path="a.py", line=line)))))

    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}


def test_rules_say_what_they_are_and_nothing_that_a_message_says():
    secret = found("B105", Severity.HIGH, cwe=259, message="Possible password: 'hunter2'")
    unknown = found("my-own_rule", Severity.INFO, cwe=999_999)
    run = log_of(cell("bandit", secret, unknown))["runs"][0]
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}

    known = rules["bandit:B105"]
    assert known["name"] == "UseOfHardCodedPassword"
    assert known["shortDescription"]["text"] == "Use of Hard-coded Password (bandit B105)"
    assert "CWE-259" in known["fullDescription"]["text"]
    assert "https://cwe.mitre.org/data/definitions/259.html" in known["help"]["text"]
    assert "hunter2" not in json.dumps(rules)
    assert rules["bandit:my-own_rule"]["name"] == "MyOwnRule"
    assert rules["bandit:my-own_rule"]["help"]["text"]


def test_a_rule_is_as_grave_as_its_gravest_finding_and_has_few_tags():
    many = [found("X", Severity.LOW, cwe=number) for number in range(1, 60)]
    worst = found("X", Severity.CRITICAL, cwe=89, confidence=Confidence.HIGH)
    lint = found("L", Severity.HIGH, category=Category.QUALITY)
    run = log_of(cell("bandit", *many, worst, lint))["runs"][0]
    rule, other = run["tool"]["driver"]["rules"]

    assert rule["properties"]["security-severity"] == "9.5"
    assert rule["properties"]["precision"] == "high"
    assert len(rule["properties"]["tags"]) == 20
    assert "security-severity" not in other["properties"]


@pytest.mark.parametrize(
    ("message", "written"),
    [
        ("{0} of {user}", "{{0}} of {{user}}."),
        ("see [here](http://x) and a[0]", "see \\[here\\](http://x) and a\\[0\\]."),
        ("a\u2028b\x00c\ud800", "a\u2028b\ufffdc\ufffd."),
        ("  \n ", "B1."),
        ("Really?", "Really?"),
    ],
)
def test_messages_are_text_and_no_syntax(message: str, written: str):
    found_it = found().model_copy(update={"message": message})
    (result,) = results_of(log_of(cell("bandit", found_it)))

    assert result["message"]["text"] == written


def test_equal_lines_of_a_file_are_told_apart_from_top_to_bottom():
    def lines(*numbers: int) -> dict[int, str]:
        same = [found(location=Location(path="app.py", line=number)) for number in numbers]
        return {
            result["locations"][0]["physicalLocation"]["region"]["startLine"]: result[
                "partialFingerprints"
            ]["primaryLocationLineHash"]
            for result in results_of(log_of(cell("bandit", *same)))
        }

    before, moved = lines(30, 10, 20), lines(13, 23, 33)
    assert len(set(before.values())) == 3
    assert [before[n] for n in (10, 20, 30)] == [moved[n] for n in (13, 23, 33)]


def test_parameters_of_one_operation_are_told_apart():
    same = [
        found(location=Location(path="app.py", line=3, url="/x", parameter=name)) for name in "ab"
    ]
    first, second = results_of(log_of(cell("bandit", *same)))

    assert first["partialFingerprints"] != second["partialFingerprints"]


def test_each_tool_that_found_nothing_is_in_a_run_too():
    loud = [cell(f"loud{n}", found(f"R{n}", tool=f"loud{n}")) for n in range(12)]
    quiet = [cell(f"quiet{n:02d}") for n in range(15)]
    log = log_of(*loud, *quiet)

    told = [one["name"] for run in log["runs"] for one in run["tool"]["extensions"]]
    assert len(told) == len(set(told)) == 27
    assert len(log["runs"]) <= 20


def test_more_tools_with_findings_than_runs_share_the_last_one():
    severities = list(Severity)
    tools = [
        cell(f"t{n:02d}", found(f"R{n}", severities[n % 5], tool=f"t{n:02d}")) for n in range(33)
    ]
    log = log_of(*tools)

    assert len(log["runs"]) <= 20
    assert len(results_of(log)) == 33
    assert len({result["ruleId"] for result in results_of(log)}) == 33
    (shared,) = [run for run in log["runs"] if len(run["tool"]["extensions"]) > 1]
    assert shared["automationDetails"]["id"].split("/")[3] == "rest"


def test_a_finding_that_no_run_is_for_is_not_lost():
    stray = found("gone", Severity.HIGH, tool="fused", witnesses=("axe:gone",))
    log = log_of(cell("bandit", found()), fused=[stray])

    assert "axe:gone" in {result["ruleId"] for result in results_of(log)}


def test_results_beyond_what_a_run_may_have_are_cut_by_severity_and_counted(monkeypatch):
    monkeypatch.setattr(module, "MAX_RESULTS", 3)
    low = [found(f"L{n}") for n in range(4)]
    log = log_of(cell("bandit", *low, found("H", Severity.HIGH)))

    assert [result["ruleId"] for result in results_of(log)] == [
        "bandit:H",
        "bandit:L0",
        "bandit:L1",
    ]
    assert "cut: the gravest 3 of 5 findings are listed" in notices_of(log)


def test_of_thirty_thousand_results_the_most_that_github_takes_are_told():
    many = tuple(found().model_copy(update={"message": str(n)}) for n in range(30_000))
    log = log_of(cell("bandit", *many))

    assert len(results_of(log)) == 25_000
    assert "cut: the gravest 25,000 of 30,000 findings are listed" in notices_of(log)
    assert "GitHub shows 5,000 of the 25,000 results" in notices_of(log)


def test_an_upload_that_would_be_too_large_is_cut_until_it_fits(monkeypatch):
    monkeypatch.setattr(module, "MAX_GZIP_BYTES", 20_000)
    many = [found(f"L{n}", message=f"{n:x}" * 40) for n in range(600)]
    data = github_sarif(report_of(cell("bandit", *many))) or b""

    assert len(gzip.compress(data)) <= 20_000
    assert 20 < len(results_of(json.loads(data))) < 600
    assert "cut: the gravest" in notices_of(json.loads(data))


def test_a_cut_that_a_tool_made_is_passed_on():
    cut, note = "findings cut: the worst 5 of 9 are listed", "upload cut: the host was busy"
    provenance = samples.cell("m", 1, STATIC, "bandit").report.provenance.model_copy(
        update={"notes": (note,), "cuts": (cut,)}
    )
    log = log_of(cell("bandit", found(), provenance=provenance))

    assert cut in notices_of(log)
    assert note not in notices_of(log)


def test_neither_command_lines_nor_the_runs_of_others_are_uploaded(sample):
    assert "arguments" not in json.dumps(sample)
    assert GPT not in json.dumps(sample)
    assert all(run["columnKind"] == "unicodeCodePoints" for run in sample["runs"])


def test_a_live_finding_is_at_its_handler_with_its_operation():
    place = Location(path="app.py", line=9, method="POST", url="/login", parameter="name")
    probe = samples.cell("m", 1, DYNAMIC, "probe", findings=(found(tool="probe", location=place),))
    (result,) = results_of(log_of(probe))

    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 9}
    assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "POST /login"
