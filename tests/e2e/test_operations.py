"""The `temporal` lines of docs/operations.md, executed as they stand."""

import json
import re
import shlex
import time
from collections import Counter
from pathlib import Path

import pytest

from cli.exits import Exit
from tests.e2e.conftest import ROOT, Assay
from tests.support.expositions import faults, total
from tests.support.written_report import Written

LINES = [
    line
    for block in re.findall(r"```bash\n(.*?)```", (ROOT / "docs/operations.md").read_text(), re.S)
    for line in block.splitlines()
    if line.startswith("temporal ")
]


@pytest.fixture
def pipeline(assay: Assay, tmp_path: Path) -> str:
    spec = tmp_path / "ops.yaml"
    spec.write_text(
        f"apps: {{root: {ROOT}/controls}}\ncache: false\n"
        "analyzers: [static]\ntools: {static: [pylint, bandit]}\nparallelism: 1\n"
    )
    name = f"ops-{time.time_ns()}"
    done = assay.run("submit", str(spec), "--id", name, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["started"] is True
    return name


def test_every_line_works_on_a_running_pipeline(assay: Assay, pipeline: str):
    assert len(LINES) >= 9
    # Paused first, so that it is still there when the last line cancels it.
    assert assay.run("pause", pipeline).returncode == 0

    for line in LINES:
        arguments = shlex.split(line.replace("ID", pipeline))[1:]
        done = assay.temporal(*arguments)
        assert done.returncode == 0, (line, done.stderr)

    watched = assay.run("watch", pipeline)
    assert watched.returncode in (Exit.OK, Exit.CANCELLED)
    status = json.loads(assay.run("status", pipeline, "--json").stdout)
    assert status["state"] == ("cancelled" if watched.returncode else "completed")
    assert status["parallelism"] == 2


def test_a_wrong_argument_is_refused_with_a_reason(assay: Assay, pipeline: str):
    done = assay.temporal(
        *("workflow", "update", "execute", "-w", f"pipeline/{pipeline}"),
        *("--name", "set_parallelism", "--input", "500"),
    )

    assert done.returncode != 0
    assert "1..50" in done.stderr


def test_the_same_submission_twice_is_one_pipeline(assay: Assay, tmp_path: Path):
    spec = tmp_path / "twice.yaml"
    spec.write_text(
        f"apps: {{root: {ROOT}/controls, models: [careful-1, careless-1]}}\ncache: false\n"
        "analyzers: [static]\ntools: {static: [pylint, mypy, opengrep]}\nparallelism: 1\n"
    )
    name = f"twice-{time.time_ns()}"
    _end_what_runs(assay)
    before = assay.metrics()

    starts = [assay.start("submit", str(spec), "--id", name, "--json") for _ in range(4)]
    answers = [json.loads(process.communicate(timeout=300)[0]) for process in starts]

    assert sorted(answer["started"] for answer in answers) == [False, False, False, True]
    assert assay.run("watch", name).returncode == 0
    query = f'AssayPipeline="{name}"'
    listed = assay.temporal("workflow", "list", "--query", query, "-o", "json")
    ids = [w["execution"]["workflowId"] for w in json.loads(listed.stdout)]
    apps = [f"{model}/app{number}" for model in ("careful-1", "careless-1") for number in (1, 2)]
    assert sorted(ids) == [f"pipeline/{name}", *(f"pipeline/{name}/{app}" for app in apps)]
    _require_figures(before, assay.metrics(), assay.report(name))
    again = assay.run("submit", str(spec), "--id", name)
    assert again.returncode == 2
    assert "already ran" in again.stderr


def _end_what_runs(assay: Assay) -> None:
    """Other pipelines of this stack would count, too."""
    query = "WorkflowType='Pipeline' AND ExecutionStatus='Running'"
    listed = assay.temporal("workflow", "list", "--query", query, "-o", "json")
    for running in json.loads(listed.stdout or "[]"):
        name = running["execution"]["workflowId"].removeprefix("pipeline/")
        assert assay.run("cancel", name).returncode == 0
        assert assay.run("watch", name).returncode in (Exit.OK, Exit.CANCELLED)


def _require_figures(before: dict[str, str], after: dict[str, str], report: Written) -> None:
    """What the parts have counted meanwhile is what the report says."""
    for part, text in after.items():
        assert faults(text, part if part in ("worker", "dashboard") else "analyzers") == [], part

    def since(part: str, name: str, **labels: str) -> float:
        return total(after[part], name, **labels) - total(before[part], name, **labels)

    states = Counter(cell.state for cell in report.cells)
    counted = {s: since("worker", "assay_cells_total", state=s, analyzer="static") for s in states}
    assert counted == states
    assert since("worker", "assay_cells_total") == len(report.cells)
    assert since("worker", "assay_tasks_created_total") == len(report.apps)
    assert since("worker", "assay_tasks_duplicate_total") == 0
    assert since("worker", "assay_websocket_requests_total") == len(report.apps)
    assert since("static", "assay_runs_started_total") == len(report.apps)
    assert since("static", "assay_tool_seconds_count") == len(report.cells)
    assert since("worker", "temporal_activity_execution_latency_seconds_count") > 0


def test_an_ended_pipeline_is_retried_for_what_is_infra_failed_and_nothing_else(
    assay: Assay, tmp_path: Path
):
    spec = tmp_path / "retry.yaml"
    spec.write_text(
        f"apps: {{root: {ROOT}/controls, models: [careful-1, empty-1], numbers: [1]}}\n"
        "analyzers: [static, ai]\ntools: {static: [bandit], ai: [code_quality]}\n"  # no endpoint
    )
    name = f"retry-{time.time_ns()}"
    assert assay.run("submit", str(spec), "--id", name, "--wait").returncode == 0
    measured = {"bandit": "measured", "code_quality": "infra_failed"}
    assert _states(assay.report(name), "careful-1") == measured

    done = assay.run("retry", name, "careful-1/app1")

    assert done.returncode == 0, done.stderr
    assert "retrying careful-1/app1" in done.stderr
    report = assay.report(name)
    assert len(report.apps) == 2
    assert _states(report, "careful-1") == measured
    refused = assay.run("retry", name, "careful-1/app9")
    assert refused.returncode == 2
    assert "careful-1/app9" in refused.stderr


def _states(report: Written, model: str) -> dict[str, str]:
    return {cell.tool: cell.state for cell in report.cells if cell.ref.model == model}
