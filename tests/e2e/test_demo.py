"""`demo` from nothing: every cell has a state, the labels are found, nothing is left."""

import json
import signal
import time
from contextlib import closing
from pathlib import Path

import docker
import pytest
import yaml
from jsonschema import Draft202012Validator

from contract.analysis import Category, Confidence, MeasurementState
from contract.ids import LABEL_PIPELINE, LABEL_SCOPE
from control.added import answer_sheet
from control.schemas import report_schema
from reports.labels import met
from reports.rates import GRAVE
from tests.e2e.conftest import ROOT, Assay
from tests.support.tools_folder import tools_folder
from tests.support.uploads import refused
from tests.support.written_report import Written


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Assay:
    return Assay(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def report(shell: Assay) -> Written:
    done = shell.run("demo")
    assert done.returncode == 0, done.stderr[-3000:]
    (path,) = (shell.data / "reports").glob("demo-*/report.json")
    assert str(path) in done.stdout
    assert "Temporal UI: http://127.0.0.1:" in done.stdout
    assert "dashboard:   http://127.0.0.1:" in done.stdout
    return shell.report(path.parent.name)


def containers_of(pipeline: str) -> list[str]:
    label = f"{LABEL_PIPELINE}={pipeline}"
    with closing(docker.from_env()) as client:
        return [c.name for c in client.containers.list(all=True, filters={"label": label})]


def test_every_cell_of_the_matrix_has_a_state(report: Written):
    apps = {app.ref.label for app in report.apps}
    analyzers = {(cell.ref, cell.analyzer) for cell in report.cells}

    assert apps == {"careless-1/app1", "careless-1/app2", "careful-1/app1", "careful-1/app2"}
    assert len(analyzers) == 12
    assert None not in {app.state for app in report.apps}


def test_the_report_is_what_its_schema_says(shell: Assay, report: Written):
    (path,) = (shell.data / "reports").glob("demo-*/report.json")
    Draft202012Validator(report_schema()).validate(json.loads(path.read_text()))


def test_nothing_measured_is_without_coverage_and_nothing_missing_without_a_reason(
    report: Written,
):
    for cell in report.cells:
        if cell.state is MeasurementState.MEASURED:
            assert cell.report.coverage, cell.tool
            assert cell.report.coverage.reached > 0, cell.tool
        else:
            assert cell.report.reason, cell.tool


def test_the_size_of_each_image_that_ran_is_known(report: Written):
    for app in report.apps:
        assert app.facts.images, app.ref
        assert all((image.size_bytes or 0) > 1_000_000 for image in app.facts.images), app.ref


def test_each_analyzer_measured_each_app_with_at_least_one_tool(report: Written):
    for app in report.apps:
        for analyzer in ("static", "dynamic", "performance"):
            states = {
                cell.tool: (cell.state, cell.report.reason)
                for cell in report.cells
                if (cell.ref, cell.analyzer) == (app.ref, analyzer)
            }
            assert any(state == "measured" for state, _ in states.values()), (app.ref, states)


def test_most_labelled_weaknesses_are_found_and_the_careful_apps_are_not_accused(
    report: Written,
):
    labels = yaml.safe_load((ROOT / "controls/labels/careless-1/app1/expected.yaml").read_text())
    found = {
        cwe
        for cell in report.cells
        if cell.ref.label == "careless-1/app1"
        for finding in cell.report.findings
        for cwe in finding.cwe
    }
    expected = {weakness["cwe"] for weakness in labels["weaknesses"]}
    accused = [
        (cell.tool, finding.rule_id)
        for cell in report.cells
        if cell.ref.model == "careful-1"
        for finding in cell.report.findings
        if finding.severity in GRAVE and finding.confidence is Confidence.HIGH
    ]

    assert len(expected & found) >= 0.7 * len(expected), expected - found
    assert accused == []


def test_each_tool_that_measured_sees_what_it_must_see(report: Written):
    """What voids a tool's column in pipelines with controls; nobody is blind here."""
    blind: dict[str, list[str]] = {}
    for cell in report.cells:
        sheet = answer_sheet(cell.ref.model, cell.ref.app_number)
        missed = set(sheet.must_see.get(cell.name, ())) - met(sheet, cell.report.findings)
        if cell.state is MeasurementState.MEASURED and missed:
            blind[cell.name] = sorted(missed)

    assert blind == {}


def test_what_the_source_shows_and_a_request_proves_is_one_weakness(report: Written):
    grave = [
        weakness.finding
        for app in report.apps
        for weakness in app.weaknesses
        if weakness.finding.severity in GRAVE and weakness.finding.category is Category.SECURITY
    ]
    both = [
        finding
        for finding in grave
        if {"opengrep", "injection"} <= {one.partition(":")[0] for one in finding.witnesses}
    ]

    assert 20 <= len(grave) <= 30  # 25 by hand; one tool's and another's apart they were 41
    assert len(both) >= 7
    assert all(one.location.line and one.location.url for one in both)


def test_load_figures_are_those_of_the_app(report: Written):
    latencies = [
        metric.value
        for cell in report.cells
        if cell.tool == "openloop" and cell.state is MeasurementState.MEASURED
        for metric in cell.report.metrics
        if metric.name == "latency_p50"
    ]

    assert latencies
    assert all(0 < value < 1000 for value in latencies)


def test_the_html_report_is_one_self_contained_file(shell: Assay, report: Written):
    (path,) = (shell.data / "reports").glob("demo-*/report.html")
    html = path.read_text()

    assert "careless-1" in html
    assert 'src="http' not in html
    assert '<link rel="stylesheet"' not in html


def test_its_logs_are_what_consumers_take(shell: Assay, report: Written, tmp_path: Path):
    (path,) = (shell.data / "reports").glob("demo-*/report.json")

    assert refused(path, ROOT / "controls", tmp_path) == []


def test_nothing_is_left_running(shell: Assay, report: Written):
    assert shell.processes() == []
    assert containers_of(next((shell.data / "reports").iterdir()).name) == []


@pytest.mark.parametrize(
    ("moment", "sent"),
    [("while the stack starts", signal.SIGTERM), ("while an app runs", signal.SIGINT)],
)
def test_ended_in_the_background_it_leaves_nothing_running(
    tmp_path: Path, moment: str, sent: signal.Signals
):
    tools = tools_folder(tmp_path / "tools")
    shell = Assay(tmp_path / "data", (("ASSAY_TOOLS", str(tools)),))
    process = shell.start("demo", background=True)
    deadline = time.monotonic() + 300
    while not (reached := _reached(shell, moment)) and time.monotonic() < deadline:
        time.sleep(0.2)

    process.send_signal(sent)
    _, stderr = process.communicate(timeout=300)

    assert reached and process.returncode == 130, stderr[-2000:]
    assert "Traceback" not in stderr
    assert shell.processes() == []
    with closing(docker.from_env()) as client:
        label = f"{LABEL_SCOPE}={shell.scope}"
        assert client.containers.list(all=True, filters={"label": label}) == []
        assert client.networks.list(filters={"label": label}) == []


def _reached(shell: Assay, moment: str) -> bool:
    if moment == "while the stack starts":
        return bool(shell.processes())
    with closing(docker.from_env()) as client:
        return bool(client.containers.list(filters={"label": f"{LABEL_SCOPE}={shell.scope}"}))
