"""Apps as people write them come out with the right verdict, through the whole of Assay."""

import time
from pathlib import Path

import pytest

from contract.outcome import ALL_TOOLS
from reports.model import CellReport
from tests.e2e.conftest import Assay
from tests.support.cases import case_app
from tests.support.uploads import refused

LIVE = (
    "03-arg-chain",
    "04-copy-heredoc",
    "06-run-bind-mount",
    "07-own-nginx-conf",
    "11-extends",
    "13-bom-crlf",
    "16-expose-lies",
    "19-web-is-an-api",
    "19c-new-python-stand-in",
    "19d-extends-only",
    "40-spa-nonce",
    "41-https-redirect",
    "42-csrf-login",
    "43-localhost-bind",
    "47-base-path",
    "50-rate-limit",
    "53-head-405",
)
SPEC = """
apps: {root: %s}
analyzers: [dynamic, performance]
parallelism: 3
controls: off
tools:
  dynamic: [discovery, http-headers, exposed-files, injection]
  performance: [openloop]
options:
  performance: {rates: "10,20,40", step_s: 1, calm_wait_s: 0, refine_steps: 0}
"""
Cells = dict[tuple[str, str], CellReport]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cases")


@pytest.fixture(scope="module")
def cells(assay: Assay, folder: Path) -> Cells:
    """By number of the case and tool."""
    models: dict[str, str] = {}
    (folder / "apps").mkdir()
    for case in LIVE:
        model = case_app(case).parent
        models[model.name] = case.partition("-")[0]
        (folder / "apps" / model.name).symlink_to(model)
    spec: Path = folder / "cases.yaml"
    spec.write_text(SPEC % (folder / "apps"))
    name = f"cases-{time.time_ns()}"
    done = assay.run("submit", str(spec), "--id", name, "--wait")
    assert done.returncode == 0, done.stderr
    return {
        (models[cell.ref.model], tool): cell
        for cell in assay.report(name).cells
        for tool in _tools(cell)
    }


def _tools(cell: CellReport) -> list[str]:
    """A cell's tool; of an app that never ran, its cell stands for each tool of the analyzer."""
    if cell.tool != ALL_TOOLS:
        return [cell.tool]
    return {"dynamic": ["discovery", "exposed-files"], "performance": ["openloop"]}[cell.analyzer]


def loaded(cells: Cells, case: str) -> str:
    """What the load test reached, as text."""
    coverage = cells[case, "openloop"].report.coverage
    return " ".join(coverage.items if coverage else ())


SOUND = ("03", "06", "07", "11", "13", "16", "19", "19d", "40", "47", "53")


@pytest.mark.parametrize("case", SOUND)
def test_a_sound_app_is_measured(cells: Cells, case: str):
    for tool in ("discovery", "openloop"):
        cell = cells[case, tool]
        assert cell.state == "measured", (tool, cell.report.reason)


def test_only_the_app_that_nobody_can_reach_is_said_to_have_failed(cells: Cells):
    failed = {case for (case, _), cell in cells.items() if cell.state == "app_failed"}

    assert failed == {"43"}
    assert "127.0.0.1:8000" in cells["43", "openloop"].report.reason


def test_what_the_engine_is_too_old_for_is_measured_or_names_who_can(cells: Cells):
    for tool in ("discovery", "openloop"):
        cell = cells["04", tool]
        assert cell.state == "measured" or "Docker Engine 23 or newer" in cell.report.reason
        assert cell.state != "app_failed"


def test_what_a_stand_in_may_have_caused_is_never_the_apps(cells: Cells):
    for tool in ("discovery", "openloop"):
        assert cells["19c", tool].state == "infra_failed"
        assert "python:3.13" in cells["19c", tool].report.reason


def test_the_operations_of_an_api_are_loaded_whatever_its_service_is_called(cells: Cells):
    assert {"/api/items", "/api/stats"} <= set(loaded(cells, "19").split())
    assert "/shop/" in loaded(cells, "47").split()


def test_a_fallback_page_is_no_exposed_file_and_no_operation(cells: Cells):
    assert cells["40", "exposed-files"].report.findings == ()
    assert set(loaded(cells, "40").split()) == {"GET", "/", "/api/items"}


def test_plain_http_that_leads_to_https_is_measured_or_said_to_be_out_of_reach(cells: Cells):
    for tool in ("discovery", "openloop"):
        cell = cells["41", tool]
        assert cell.state == "measured" or "not measurable over http" in cell.report.reason


def test_a_login_with_a_fresh_token_per_form_leads_to_what_is_behind_it(cells: Cells):
    found = [
        (one.location.parameter, one.location.url)
        for one in cells["42", "injection"].report.findings
        if 79 in one.cwe
    ]

    assert any(name == "q" and "/notes" in url for name, url in found), found


def test_consumers_take_the_logs_of_live_apps(
    assay: Assay, cells: Cells, folder: Path, tmp_path: Path
):
    (report,) = (assay.data / "reports").glob("cases-*/report.json")

    assert refused(report, folder / "apps", tmp_path) == []


def test_a_rate_limit_is_named_and_never_a_success(cells: Cells):
    cell = cells["50", "openloop"]
    told = " ".join([cell.report.reason, *cell.report.provenance.notes, str(cell.report.metrics)])

    assert "rate" in told and "limit" in told
    assert cell.state in ("measured", "infra_failed", "not_applicable")
