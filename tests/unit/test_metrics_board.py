"""The board for Grafana asks for metrics that exist, by labels that they have."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

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
