"""Control apps that fail come out as failures of their authors; nothing missing becomes a zero."""

import time
from pathlib import Path

import pytest

from reports.model import CellReport
from tests.e2e.conftest import ROOT, Assay

Cells = dict[tuple[int, str], CellReport]

SPEC = f"""
apps: {{root: {ROOT}/controls, models: [broken-1]}}
analyzers: [static, dynamic, performance, ai]
tools: {{static: [bandit], dynamic: [http-headers], performance: [openloop]}}
options: {{performance: {{rates: "50,100,200", step_s: 1, calm_wait_s: 0}}}}
"""


@pytest.fixture(scope="module")
def cells(assay: Assay, tmp_path_factory: pytest.TempPathFactory) -> Cells:
    spec: Path = tmp_path_factory.mktemp("broken") / "broken.yaml"
    spec.write_text(SPEC)
    name = f"broken-{time.time_ns()}"
    done = assay.run("submit", str(spec), "--id", name, "--wait")
    assert done.returncode == 0, done.stderr
    report = assay.report(name)
    assert {app.ref.app_number: app.state for app in report.apps} == {
        1: "app_failed",
        2: "app_failed",
        3: "app_failed",
    }
    # These apps declare no requirements: the tool that judges them has nothing to do.
    asked = [cell for cell in report.cells if cell.tool != "requirements"]
    return {(cell.ref.app_number, cell.analyzer): cell for cell in asked}


def test_an_app_that_does_not_start_says_why(cells: Cells):
    for analyzer in ("dynamic", "performance"):
        assert cells[1, analyzer].state == "app_failed"
        assert "BOOKMARKS_DATABASE_URL is not set" in cells[1, analyzer].report.reason
    assert cells[1, "static"].state == "measured"


def test_an_app_that_dies_under_load_has_no_latency(cells: Cells):
    assert cells[2, "performance"].state == "app_failed"
    assert cells[2, "performance"].report.metrics == ()
    assert cells[2, "dynamic"].state == "measured"


def test_an_app_that_answers_500_has_no_latency(cells: Cells):
    assert cells[3, "performance"].state == "app_failed"
    assert "GET / 500" in cells[3, "performance"].report.reason


def test_an_app_that_answers_500_is_no_app_without_findings(
    cells: Cells,
):
    assert cells[3, "dynamic"].state == "app_failed"
    assert "500" in cells[3, "dynamic"].report.reason


def test_ai_without_an_endpoint_is_never_a_zero(cells: Cells):
    for number in (1, 2, 3):
        assert cells[number, "ai"].state == "infra_failed"
        assert "no endpoint configured" in cells[number, "ai"].report.reason
