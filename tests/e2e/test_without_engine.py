"""Without a container engine our own apps are measured as confined processes; no other app runs."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, Assay
from tests.support.tools_folder import tools_folder
from tests.support.written_report import Written

# Two services: an API, and a front end that is built and must find the API at its real port.
SPEC = f"""
apps: {{root: {ROOT}/controls, models: [careless-1], numbers: [2], trusted: TRUSTED}}
analyzers: [static, dynamic, performance]
tools: {{static: [eslint], dynamic: [http-headers], performance: [openloop]}}
options: {{performance: {{rates: "10,20", step_s: 1, max_endpoints: 1, calm_wait_s: 0}}}}
"""


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assay]:
    tools = tools_folder(tmp_path_factory.mktemp("few") / "tools", "static/node_modules")
    env = (("ASSAY_ENGINE", "process"), ("ASSAY_TOOLS", str(tools)))
    shell = Assay(tmp_path_factory.mktemp("processes"), env)
    up = shell.run("up")
    assert up.returncode == 0, up.stderr
    yield shell
    down = shell.run("down")
    assert down.returncode == 0, down.stderr
    assert shell.processes() == []


def report_of(shell: Assay, folder: Path, *, trusted: bool) -> Written:
    spec = folder / "spec.yaml"
    spec.write_text(SPEC.replace("TRUSTED", str(trusted).lower()))
    name = f"processes-{time.time_ns()}"
    done = shell.run("submit", str(spec), "--id", name, "--wait")
    assert done.returncode == 0, done.stderr
    return shell.report(name)


def test_every_analyzer_measures_an_app_of_ours_with_several_services(shell: Assay, tmp_path: Path):
    report = report_of(shell, tmp_path, trusted=True)

    states = {cell.name: (cell.state, cell.report.reason) for cell in report.cells}
    assert states == {
        "static/eslint": ("measured", ""),
        "dynamic/http-headers": ("measured", ""),
        "performance/openloop": ("measured", ""),
    }
    assert list((shell.data / "processes").iterdir()) == []


def test_an_app_that_is_not_ours_never_runs_and_says_why(shell: Assay, tmp_path: Path):
    report = report_of(shell, tmp_path, trusted=False)

    for cell in report.cells:
        if cell.analyzer == "static":
            assert cell.state == "measured"
        else:
            assert cell.state == "infra_failed"
            assert "no container engine" in cell.report.reason
