"""Baselines and decisions in SARIF, and the log of a whole pipeline."""

import gzip
import json
from datetime import date
from typing import Any

import pytest

from contract.analysis import Location, Severity
from contract.spec import AppRole
from contract.weakness import BaselineState, Suppression, Weakness
from reports import sarif_github
from reports.model import AppReport
from reports.sarif import to_sarif
from reports.sarif_fleet import FleetSarif
from reports.sarif_github import github_sarif
from tests.support.whole_report import whole
from tests.unit import report_samples as samples
from tests.unit.report_samples import NOW

NEW, UNCHANGED, FIXED, UNKNOWN = BaselineState
DECISION = Suppression(
    fingerprint="x", who="ann <a@b>", why="{0} only in tests", until=date(2027, 1, 1)
)


def app_of(*weaknesses: Weakness, gone: tuple[Weakness, ...] = ()) -> AppReport:
    app = whole(samples.fleet(), NOW).app(samples.HAIKU_1)
    return app.model_copy(update={"weaknesses": weaknesses, "gone": gone})


def weak(rule: str, severity: Severity = Severity.HIGH, **more: Any) -> Weakness:
    place = more.pop("location", Location(path="app.py", line=3))
    found = samples.finding("bandit", rule, severity, location=place)
    return Weakness(finding=found, family="f", **more)


def fused_runs(app: AppReport, baseline: str = "") -> list[dict[str, Any]]:
    runs = to_sarif(app, baseline)["runs"]
    return [run for run in runs if run["tool"]["driver"]["name"] == "Assay"]


def test_without_a_baseline_no_result_has_a_state():
    (run,) = fused_runs(app_of(weak("A")))

    assert "baselineState" not in run["results"][0]


def test_either_all_results_of_a_run_have_a_baseline_state_or_none():
    mine = (weak("N", baseline=NEW), weak("U", baseline=UNCHANGED), weak("?", baseline=UNKNOWN))
    gone = (weak("F", baseline=FIXED), weak("lost", baseline=UNKNOWN))
    compared, alone = fused_runs(app_of(*mine, gone=gone), "earlier")

    states = {one["ruleId"]: one["baselineState"] for one in compared["results"]}
    assert states == {"bandit:N": "new", "bandit:U": "unchanged", "bandit:F": "absent"}
    assert [one["ruleId"] for one in alone["results"]] == ["bandit:?"]
    assert "baselineState" not in alone["results"][0]
    assert alone["results"][0]["properties"]["baseline"] == "unknown"
    (notice,) = compared["invocations"][0]["toolExecutionNotifications"]
    assert notice["message"]["text"].startswith("1 weaknesses of the baseline were not looked for")


def test_the_baseline_is_named_by_the_guid_of_its_own_run():
    app = app_of(weak("N", baseline=NEW))
    (now,) = fused_runs(app, "earlier")
    (before,) = fused_runs(app.model_copy(update={"pipeline_id": "earlier"}))

    assert now["baselineGuid"] == before["automationDetails"]["guid"]
    assert now["baselineGuid"] != now["automationDetails"]["guid"]


def test_a_decision_is_a_suppression_and_every_other_result_has_none():
    (run,) = fused_runs(app_of(weak("A", suppression=DECISION), weak("B")))
    first, second = run["results"]

    assert first["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": "{0} only in tests",
            "properties": {"who": "ann <a@b>", "until": "2027-01-01"},
        }
    ]
    assert second["suppressions"] == []
    upload = json.loads(github_sarif(app_of(weak("A", suppression=DECISION))) or b"")
    results = [one for run in upload["runs"] for one in run["results"]]
    assert len(results[0]["suppressions"]) == 1
    assert "baselineState" not in results[0]


def fleet_log(*apps: AppReport, most: int = 100) -> dict[str, Any]:
    reducer = FleetSarif("p1", "study", most)
    for app in apps:
        reducer.add(app)
    data = reducer.result()
    assert data is not None
    return json.loads(data)


def results_of(log: dict[str, Any]) -> list[dict[str, Any]]:
    return [result for run in log["runs"] for result in run["results"]]


def texts_of(log: dict[str, Any]) -> str:
    return "\n".join(
        notice["message"]["text"]
        for run in log["runs"]
        for notice in run["invocations"][0].get("toolExecutionNotifications", [])
    )


def test_the_log_of_a_pipeline_has_each_weakness_of_each_app_below_its_folder():
    apps = whole(samples.fleet(), NOW).apps
    log = fleet_log(*apps)

    placed = sum(len(app.weaknesses) for app in apps) - 1  # one app has no file for a header
    uris = {
        one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for one in results_of(log)
    }
    assert len(results_of(log)) == placed
    assert "anthropic%252Fclaude-haiku/app1/backend/app.py" in uris
    assert len({json.dumps(one["partialFingerprints"]) for one in results_of(log)}) == placed


def test_a_tool_that_did_not_look_everywhere_closes_no_alert():
    apps = whole(samples.fleet(), NOW).apps
    ids = [run["automationDetails"]["id"] for run in fleet_log(*apps)["runs"]]

    (of_some,) = [one for one in ids if "opengrep" in one]  # killed on one app
    assert of_some.split("/")[4].startswith("apps-")
    whole_apps = [app for app in apps if app.ref == samples.HAIKU_1]
    alone = [run["automationDetails"]["id"] for run in fleet_log(*whole_apps)["runs"]]
    assert "assay/study/static/opengrep/p1" in alone
    assert "killed at its limit of 300 s" in texts_of(fleet_log(*apps))


def test_what_is_beyond_the_limit_is_the_least_grave_and_is_counted():
    many = [weak(f"L{n}", Severity.LOW) for n in range(5)]
    log = fleet_log(app_of(*many, weak("C", Severity.CRITICAL)), most=3)

    rules = [one["ruleId"] for one in results_of(log)]
    assert rules == ["bandit:C", "bandit:L0", "bandit:L1"]
    assert "cut: the gravest 3 of 6 are listed; there are 1 critical" in texts_of(log)


def test_an_upload_of_a_pipeline_fits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sarif_github, "MAX_GZIP_BYTES", 20_000)
    reducer = FleetSarif("p1", "study", 2_000)
    reducer.add(app_of(*(weak(f"L{n * 7919:x}") for n in range(900))))
    data = reducer.result() or b""

    assert len(gzip.compress(data)) <= 20_000
    assert "cut: the gravest" in texts_of(json.loads(data))


def test_more_tools_than_runs_share_the_last_one():
    app = app_of()
    (cell,) = [one for one in app.cells if one.tool == "bandit"]
    cells = tuple(
        cell.model_copy(
            update={"record": samples.changed(cell.record, tool=f"t{n:02d}", findings=())}
        )
        for n in range(30)
    )
    found = tuple(
        Weakness(finding=weak(f"R{n}").finding.model_copy(update={"tool": f"t{n:02d}"}))
        for n in range(30)
    )
    log = fleet_log(app.model_copy(update={"cells": cells, "weaknesses": found}))

    assert len(log["runs"]) <= 20
    assert len(results_of(log)) == 30


def test_controls_and_repeats_are_in_no_log_of_the_pipeline():
    control = app_of(weak("A")).model_copy(update={"role": AppRole.CONTROL})
    reducer = FleetSarif("p1", "study")
    reducer.add(control)

    assert reducer.result() is None
