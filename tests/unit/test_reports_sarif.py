"""SARIF 2.1.0 as others read it."""

import json
import re

import pytest

from contract.analysis import Location, Severity
from contract.spec import AppRef
from reports.names import FLEET_SARIF_NAME, github_sarif_name, sarif_name
from reports.sarif import to_sarif
from tests.support.whole_report import Whole, whole
from tests.unit import report_samples as samples
from tests.unit.report_samples import GPT, HAIKU, NOW, STATIC


@pytest.fixture(scope="module")
def report() -> Whole:
    return whole(samples.fleet(), NOW)


def run_of(report: Whole, model, tool):
    runs = to_sarif(report.app(AppRef(model=model, app_number=1)))["runs"]
    return next(run for run in runs if run["tool"]["driver"]["name"] == tool)


def test_one_log_with_a_run_per_tool_one_of_all_and_no_log_inside(report):
    log = to_sarif(report.app(samples.HAIKU_1))

    assert (log["version"], len(log["runs"])) == ("2.1.0", 10)
    names = [run["tool"]["driver"]["name"] for run in log["runs"]]
    assert len(set(names)) == len(names)
    for run in log["runs"]:
        assert not {"runs", "$schema", "version"} & run.keys()
        assert '"runs"' not in json.dumps(run)


def test_results_point_at_their_rules_and_places(report):
    run = run_of(report, HAIKU, "eslint")
    (result,) = run["results"]
    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]

    assert rule["id"] == result["ruleId"] == "no-unsanitized/property"
    assert "external/cwe/cwe-079" in rule["properties"]["tags"]
    assert result["level"] == "error"
    assert result["partialFingerprints"]["assay/v1"] == "eslint-no-unsanitized/property"
    physical = result["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"] == {
        "uri": "frontend/src/App.jsx",
        "uriBaseId": "SRCROOT",
    }
    assert physical["region"] == {"startLine": 88}


def test_a_tool_that_did_not_measure_is_an_unsuccessful_run(report):
    run = run_of(report, GPT, "opengrep")
    (invocation,) = run["invocations"]

    assert "results" not in run
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"][0]["message"]["text"].startswith("killed")


def test_what_a_tool_did_not_look_at_is_a_warning_beside_its_results(report):
    (invocation,) = run_of(report, HAIKU, "bandit")["invocations"]

    assert invocation["executionSuccessful"] is True
    assert invocation["toolExecutionNotifications"] == [
        {"level": "warning", "message": {"text": "not looked at: 1 without a reason"}}
    ]


def test_the_fused_run_has_each_weakness_once_with_its_witnesses(report):
    run = run_of(report, HAIKU, "Assay")
    weaknesses = report.app(samples.HAIKU_1).weaknesses

    assert len(run["results"]) == len(weaknesses)
    (sql,) = (one for one in run["results"] if "SQL" in one["message"]["text"])
    assert sql["properties"]["witnesses"] == ["opengrep:sql-injection", "bandit:B608"]


def test_the_fused_run_has_no_results_where_nobody_looked():
    cells = (
        samples.cell(GPT, 1, STATIC, "bandit", samples.INFRA_FAILED, "not installed"),
        samples.cell(GPT, 1, samples.PERFORMANCE, "openloop", metrics=samples.LOAD),
    )
    record = samples.fleet().model_copy(update={"cells": cells, "fused": ()})
    run = run_of(whole(record, NOW), GPT, "Assay")

    assert "results" not in run
    assert run["invocations"][0]["executionSuccessful"] is False


def test_operations_without_a_file_are_put_in_the_one_that_stands_for_the_app(report):
    (result,) = run_of(report, HAIKU, "probe")["results"]
    (location,) = result["locations"]

    assert location["logicalLocations"][0]["fullyQualifiedName"].startswith("GET http://")
    assert result["webRequest"] == {"method": "GET", "target": "http://127.0.0.1:32768/login"}
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "docker-compose.yml", "uriBaseId": "SRCROOT"}
    }


def test_where_no_file_is_known_to_exist_none_is_named(report):
    (result,) = run_of(report, GPT, "probe")["results"]

    assert "physicalLocation" not in result["locations"][0]


def test_odd_file_names_become_valid_references():
    odd = samples.finding("bandit", "B1", Severity.LOW, location=Location(path="a b/100%/c:d#e.py"))
    record = samples.fleet().model_copy(
        update={"cells": (samples.cell(GPT, 1, STATIC, "bandit", findings=(odd,)),), "fused": ()}
    )
    log = to_sarif(whole(record, NOW).app(samples.GPT_1))

    run = next(run for run in log["runs"] if run["tool"]["driver"]["name"] == "bandit")
    uri = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "a%20b/100%25/c%3Ad%23e.py"


def test_every_app_with_cells_has_a_file_of_its_own(report):
    files = {name: data for name, data in report.files.items() if name.endswith(".sarif")}
    logs = {name: json.loads(data) for name, data in files.items()}

    apps = {cell.ref for cell in report.cells}
    measured = apps - {samples.GPT_2}
    assert set(logs) == {sarif_name(app) for app in apps} | {FLEET_SARIF_NAME} | {
        github_sarif_name(app) for app in measured
    }
    assert logs[sarif_name(samples.GPT_1)] == to_sarif(report.app(samples.GPT_1))


@pytest.mark.parametrize("model", ["openai/gpt-4.1", "..", "@cf/m", "a b", "ü" * 120])
def test_a_models_file_is_named_safely_and_as_nobody_elses(model: str):
    name = sarif_name(AppRef(model=model, app_number=1))

    assert re.fullmatch(r"[A-Za-z0-9%_-][A-Za-z0-9._~%-]{0,200}", name)
    assert name != sarif_name(AppRef(model=model[:100] + "x", app_number=1))
