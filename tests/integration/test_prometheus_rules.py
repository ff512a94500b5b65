"""Rules and configurations that Prometheus and Alertmanager read, checked by their own tools."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from activities.alert_table import ALERTS
from contract.alert import Severity
from tests.unit.test_metrics_board import expressions

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
# Of Prometheus itself, and of the SDK, with the suffixes that a worker sets.
FOREIGN = re.compile(r"up|temporal_[a-z_]+")


def groups() -> list[dict[str, Any]]:
    return [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]


def rules() -> list[dict[str, Any]]:
    return [rule for group in groups() for rule in group["rules"] if "alert" in rule]


def sections() -> list[str]:
    return re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    "command",
    [
        ("promtool", "check", "rules", *RULES),
        ("promtool", "check", "config", PROMETHEUS / "prometheus.yml"),
        ("promtool", "test", "rules", *TESTS),
        ("amtool", "check-config", DEPLOY / "alertmanager" / "alertmanager.yml"),
    ],
    ids=lambda command: " ".join(map(str, command[:3])),
)
def test_their_own_tools_accept_them(command: tuple[str, ...]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_unit_test_in_which_it_fires() -> None:
    tests = [test for path in TESTS for test in yaml.safe_load(path.read_text())["tests"]]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == {
        rule["alert"] for rule in rules()
    }


def test_every_alert_has_a_section_of_the_runbook_and_every_section_an_alert() -> None:
    names = {rule["alert"] for rule in rules()} | set(ALERTS)
    assert sorted(sections()) == sorted(names)
    for rule in rules():
        link = f"docs/runbook.md#{rule['alert'].lower()}"
        assert rule["annotations"]["runbook_url"] == link
        assert rule["labels"]["severity"] in set(Severity)


def test_an_alert_of_both_ways_matters_equally_in_both() -> None:
    severities = {rule["alert"]: rule["labels"]["severity"] for rule in rules()}
    both = severities.keys() & ALERTS.keys()
    assert len(both) > 10
    assert {name: severities[name] for name in both} == {n: ALERTS[n].severity for n in both}


def test_the_page_says_which_alerts_prometheus_has() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text()
    built_in = set(ALERTS)
    assert built_in - {"AlertsFileWrong"} < (names := {rule["alert"] for rule in rules()})
    (text,) = re.findall(r"only figures can tell: ([^.]*)\.", page)
    assert set(re.findall(r"\w+", text)) == names - built_in


def test_the_seeds_thresholds_are_those_of_the_rules() -> None:
    limits = {rule["alert"]: rule["expr"].split(">")[-1].strip() for rule in rules()}
    assert limits["TaskDuplicates"] == "0.05"
    assert limits["StaticSuccessLow"] == "0.20"
    assert limits["DynamicSuccessLow"] == "0.25"
    assert limits["WebSocketTimeouts"] == "0.10"


def test_every_metric_in_the_rules_is_documented() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    documented = set(re.findall(r"assay_[a-z_]+", page))
    expressions = [rule["expr"] for group in groups() for rule in group["rules"]]
    used = {name for e in expressions for name in re.findall(r"(?:assay|temporal)_[a-z_]+", e)}
    assert used
    assert {name for name in used if not FOREIGN.fullmatch(name)} <= documented


def test_prometheus_reads_every_expression_of_the_board(tmp_path: Path):
    rules = [
        {"record": f"board:{number}", "expr": text.replace("$__rate_interval", "1m")}
        for number, text in enumerate(expressions())
    ]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "board", "rules": rules}]}))

    done = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout
