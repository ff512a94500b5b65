"""The board for Grafana asks for metrics that exist, in expressions that Prometheus can read."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.expositions import reference

BOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "assay.json"
_OF_A_HISTOGRAM = re.compile(r"_(bucket|sum|count)$")
# Of the SDK; a name that it does not have would be an empty panel.
SDK = {
    "temporal_num_pollers",
    "temporal_activity_execution_failed_total",
    "temporal_workflow_task_execution_failed_total",
    "temporal_request_failure_total",
}


def expressions() -> Iterator[str]:
    for panel in json.loads(BOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]


def test_every_metric_of_the_board_is_in_the_reference_and_every_metric_of_ours_on_the_board():
    rows = {name for name in reference() if name.startswith("assay_")}
    asked = {
        name
        for expression in expressions()
        for name in re.findall(r"\b(?:assay|temporal|process|python)_\w+", expression)
    }
    asked = {_OF_A_HISTOGRAM.sub("", name) for name in asked}

    assert asked - rows == SDK
    assert rows - asked == set()


def test_labels_of_the_board_are_those_of_the_metric():
    rows, always = reference(), {"le", "instance", "job", "task_queue", "operation"}
    always |= {"activity_type", "workflow_type", "failure_reason"}
    for expression in expressions():
        names = re.findall(r"\bassay_\w+", expression)
        known = set().union(*(rows[_OF_A_HISTOGRAM.sub("", name)].labels for name in names))
        grouped = re.findall(r"by \(([^)]*)\)", expression)
        wanted = {label.strip() for group in grouped for label in group.split(",")}
        wanted |= set(re.findall(r"[{,]\s*(\w+)\s*[=!]", expression))
        assert wanted <= known | always, expression


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_reads_every_expression(tmp_path: Path):
    rules = [
        {"record": f"board:{number}", "expr": text.replace("$__rate_interval", "1m")}
        for number, text in enumerate(expressions())
    ]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "board", "rules": rules}]}))

    done = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout
