"""Counting, judging and naming: what one step and one series mean."""

from pathlib import Path

import pytest

from analyzers.appsource.route_reader import read_routes
from analyzers.performance.figures import operation_metrics, operation_notes
from analyzers.performance.host import HostLoad
from analyzers.performance.openloop.plan import Calibration, LoadResult, Objective, StepResult
from analyzers.performance.openloop.tally import Tally
from analyzers.performance.routes import Sourced, document_paths, forbidden, template_paths
from analyzers.performance.series import Attempt
from analyzers.runtime.process.runner import Runner
from analyzers.runtime.tool import SourceTree, ToolRun
from contract.analysis import SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.spec import AppRef, SourceRef
from contract.template import Endpoint, TemplateSpec


def tally_of(rate: float, **objective: float) -> Tally:
    return Tally(rate, Objective(**objective))


def step(tally: Tally, window_s: float = 1.0) -> StepResult:
    tally.sent = tally.completed + tally.limited + tally.errors.total()
    return tally.result(window_s)


@pytest.mark.parametrize("status", [301, 302, 401, 404, 500, 503])
def test_whatever_is_not_a_2xx_is_an_error_and_not_timed(status: int) -> None:
    tally = tally_of(10)
    tally.answered(200, 0.1, 5, 0.1)
    tally.answered(status, 0.0001, 5, 0.0001)
    result = step(tally)

    assert result.error_ratio == 0.5
    assert result.errors == {f"http_{status}": 1}
    assert result.latency
    assert result.latency.p50 == pytest.approx(100, rel=0.01)
    assert "error ratio 0.500" in result.broke


def test_a_timeout_is_an_error_that_keeps_its_time() -> None:
    tally = tally_of(10)
    for _ in range(9):
        tally.answered(200, 0.01, 1, 0.01)
    tally.failed("timeout", 5.0)
    tally.failed("refused", 0.001)
    result = step(tally)

    assert result.latency
    assert result.latency.max == pytest.approx(5000, rel=0.01)
    assert result.latency.p50 == pytest.approx(10, rel=0.01)
    assert result.errors == {"timeout": 1, "refused": 1}


@pytest.mark.parametrize(("p95_ms", "broke"), [(500, "p95 900 ms above 500 ms"), (1000, "")])
def test_an_objective_is_broken_by_the_tail(p95_ms: float, broke: str) -> None:
    tally = tally_of(10, p95_ms=p95_ms)
    for latency_s in (0.01, 0.01, 0.9):
        tally.answered(200, latency_s, 1, latency_s)

    assert step(tally).broke == broke


def test_nothing_completed_has_no_percentiles() -> None:
    tally = tally_of(10)
    tally.failed("refused", 0.001)
    result = step(tally)

    assert (result.latency, result.broke) == (None, "no request completed")


def series(*broke: str) -> LoadResult:
    """Steps at 10, 20, ... per second, of one second each."""
    steps = []
    for number, reason in enumerate(broke, start=1):
        rate = 10 * number
        tally = tally_of(rate)
        for sent in range(rate):
            tally.answered(200, 0.01 * number, 100, sent / rate + 0.01 * number)
        steps.append(step(tally).model_copy(update={"broke": reason}))
    return LoadResult(url="http://app/", steps=tuple(steps), requests=60)


def test_the_fastest_step_that_held_speaks_for_the_operation() -> None:
    metrics = operation_metrics("GET /", series("", "", "p95 900 ms above 500 ms"))
    seen = {one.name: one.value for one in metrics}

    assert seen["throughput_at_objective"] == 20
    assert seen["latency_p50"] == pytest.approx(20, rel=0.01)
    assert seen["requests"] == seen["requests_completed"] == 20
    assert seen["requests_all_steps"] == 60
    assert seen["bytes_received"] == 2000
    assert {one.target for one in metrics} == {"GET /"}


def test_no_throughput_at_an_objective_that_never_held() -> None:
    result = series("p95 900 ms above 500 ms")
    names = {one.name for one in operation_metrics("GET /", result)}

    assert "throughput_at_objective" not in names
    assert "latency_p50" in names
    assert operation_notes("GET /", result)[0] == (
        "GET /: the objective did not hold even at 10/s: p95 900 ms above 500 ms"
    )


@pytest.mark.parametrize(
    ("requests", "left_out"),
    [(19, {"latency_p95", "latency_p99"}), (99, {"latency_p99"}), (100, set[str]())],
)
def test_a_percentile_of_few_samples_is_left_out_and_named(
    requests: int, left_out: set[str]
) -> None:
    tally = tally_of(requests)
    for _ in range(requests):
        tally.answered(200, 0.01, 100, 0.01)
    result = LoadResult(url="http://app/", steps=(step(tally),), requests=requests)
    names = {one.name for one in operation_metrics("GET /", result)}

    assert {"latency_p95", "latency_p99"} - names == left_out
    notes = " ".join(operation_notes("GET /", result))
    assert all(name.removeprefix("latency_") in notes for name in left_out)
    assert ("not measured with" in notes) is bool(left_out)


def censored(result: LoadResult) -> float:
    return next(o.value for o in operation_metrics("GET /", result) if o.name == "censored")


def test_a_ceiling_of_ours_is_told_from_the_apps() -> None:
    late = series("", "p95 900 ms above 500 ms")
    late = late.model_copy(
        update={"steps": (late.steps[0], late.steps[1].model_copy(update={"late": 5}))}
    )

    assert censored(series("", "p95 900 ms above 500 ms")) == 0
    assert censored(series("", "")) == 1
    assert censored(late) == 1
    assert "a limit of this host's generator" in operation_notes("GET /", late)[0]


@pytest.mark.parametrize(("pressures", "contended"), [((0.1, 0.9), False), ((0.9, 0.9), True)])
def test_the_pressure_of_the_load_itself_is_no_contention(
    pressures: tuple[float, float], contended: bool
) -> None:
    light, heavy = series("", "").steps
    steps = (
        light.model_copy(update={"rate": 20, "pressure": pressures[0]}),
        heavy.model_copy(update={"rate": 640, "pressure": pressures[1]}),
    )
    result = LoadResult(url="http://app/", steps=steps, requests=60)
    calibration = Calibration(series=result, ceiling=2_000)
    attempt = Attempt(calibration=calibration)
    attempt.add("GET /", result, HostLoad(10.0, max(pressures), 0.0, 1.0, cores=2))

    assert bool(attempt.contention) is contended


def test_an_http_error_is_the_apps_however_late_it_was_asked() -> None:
    tally = tally_of(10)
    tally.answered(500, 0.1, 1, 0.1)
    tally.sent = tally.late = 1
    result = tally.result(window_s=1.0)

    assert result.broke
    assert not result.generator_gave_out


def test_a_request_without_any_answer_is_an_error() -> None:
    tally = tally_of(10)
    tally.answered(200, 0.1, 1, 0.1)
    tally.sent = 2

    assert tally.result(window_s=1.0).error_ratio == 0.5


SOURCE = """
from flask import Blueprint, Flask
app = Flask(__name__)
bp = Blueprint("notes", __name__, url_prefix="/api")
@bp.route("/notes/<int:note_id>", methods=["GET", "DELETE"])
def note(note_id): ...
@bp.post("/new")
def new(): ...
@bp.get("/logout")
def leave(): ...
app.register_blueprint(bp)
"""


async def test_routes_of_the_source_are_read_with_their_prefixes(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SOURCE)
    request = SubtaskRequest(
        subtask_id="p/m/app1/performance",
        analyzer=AnalyzerKind.PERFORMANCE,
        ref=AppRef(model="m", app_number=1),
        source=SourceRef(path=str(tmp_path), digest="d"),
    )
    (tmp_path / "broken.py").write_text("def (:")
    run = ToolRun(request, SourceTree(tmp_path, ("app.py", "broken.py")), tmp_path, tmp_path)

    found = Sourced(await read_routes(run, Runner(tmp_path)))

    assert found.paths == ("/api/notes/1", "/api/logout")
    assert found.forbids("/api/notes/1") == ""
    assert "logout" in found.forbids("/api/logout")
    assert [one.what for one in found.known.skipped] == ["broken.py"]
    assert not found.only_writes  # what could not be read may well only read


def test_a_template_and_a_document_name_paths_with_their_parameters_filled() -> None:
    template = TemplateSpec(
        slug="t",
        endpoints=(
            Endpoint(method="GET", path="/notes"),
            Endpoint(method="get", path="/notes/:id"),
            Endpoint(method="POST", path="/notes"),
            Endpoint(method="GET", path="/logout"),
        ),
    )
    document = {
        "openapi": "3.0.0",
        "servers": [{"url": "/api"}],
        "paths": {"/users/{id}": {"get": {}}, "/users": {"post": {}}, "/odd": None},
    }

    assert template_paths(template) == ("/notes", "/notes/1", "/logout")
    assert document_paths(document) == ("/api/users/1",)


@pytest.mark.parametrize(
    "path",
    ["/init-db", "/api/reset", "/seed?confirm=1", "/cart?action=delete&id=3", "/x?do=log-out"],
)
def test_what_says_that_it_changes_state_is_forbidden(path: str) -> None:
    assert forbidden(path)


@pytest.mark.parametrize("path", ["/presets", "/address/dropdown", "/notes?sort=created", "/x?q=%"])
def test_words_that_only_look_alike_are_not(path: str) -> None:
    assert forbidden(path) == ""
