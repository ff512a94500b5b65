"""Counting, judging and naming: what one step and one series mean."""

import pytest

from analyzers.performance.figures import ceiling_notes, operation_metrics
from analyzers.performance.openloop.plan import LoadResult, Objective, StepResult
from analyzers.performance.openloop.tally import Tally
from analyzers.performance.routes import candidates, paths_in
from analyzers.runtime.tool import SourceTree
from contract.spec import Endpoint, TemplateSpec


def step(tally: Tally, **objective: float) -> StepResult:
    tally.sent = tally.completed + tally.errors.total()
    return tally.result(Objective(**objective), elapsed_s=1.0)


@pytest.mark.parametrize("status", [301, 302, 401, 404, 500, 503])
def test_whatever_is_not_a_2xx_is_an_error_and_not_timed(status: int) -> None:
    tally = Tally(10)
    tally.answered(200, 0.1, 5)
    tally.answered(status, 0.0001, 5)
    result = step(tally)

    assert result.error_ratio == 0.5
    assert result.errors == {f"http_{status}": 1}
    assert result.latency
    assert result.latency.p50 == pytest.approx(100, rel=0.01)
    assert "error ratio 0.500" in result.broke


def test_a_timeout_is_an_error_that_keeps_its_time() -> None:
    tally = Tally(10)
    for _ in range(9):
        tally.answered(200, 0.01, 1)
    tally.failed("timeout", 5.0)
    tally.failed("refused", 0.001)
    result = step(tally)

    assert result.latency
    assert result.latency.max == pytest.approx(5000, rel=0.01)
    assert result.latency.p50 == pytest.approx(10, rel=0.01)
    assert result.errors == {"timeout": 1, "refused": 1}


def test_an_objective_is_broken_by_the_tail() -> None:
    tally = Tally(10)
    for latency_s in (0.01, 0.01, 0.9):
        tally.answered(200, latency_s, 1)

    assert step(tally, p95_ms=500).broke.startswith("p95 900 ms")
    assert step(tally, p95_ms=1000).broke == ""


def test_nothing_completed_has_no_percentiles() -> None:
    tally = Tally(10)
    tally.failed("refused", 0.001)
    result = step(tally)

    assert (result.latency, result.broke) == (None, "no request completed")


def series(*broke: str) -> LoadResult:
    steps = []
    for number, reason in enumerate(broke, start=1):
        tally = Tally(rate=10 * number)
        for _ in range(10 * number):
            tally.answered(200, 0.01 * number, 100)
        steps.append(step(tally).model_copy(update={"broke": reason}))
    return LoadResult(url="http://app/", steps=tuple(steps), requests=60)


def test_the_fastest_step_that_held_speaks_for_the_operation() -> None:
    metrics = operation_metrics("GET /", series("", "", "p95 900 ms above 500 ms"))
    seen = {one.name: one.value for one in metrics}

    assert seen["throughput_at_objective"] == 20
    assert seen["latency_p50"] == pytest.approx(20, rel=0.01)
    assert seen["requests"] == 60
    assert seen["bytes_received"] == 6000
    assert {one.target for one in metrics} == {"GET /"}


def test_no_throughput_at_an_objective_that_never_held() -> None:
    result = series("p95 900 ms above 500 ms")
    names = {one.name for one in operation_metrics("GET /", result)}

    assert "throughput_at_objective" not in names
    assert "latency_p95" in names
    assert ceiling_notes("GET /", result) == (
        "GET /: the objective did not hold even at 10/s: p95 900 ms above 500 ms",
    )


FLASK = """
@app.route("/notes")
@bp.route('/notes/<int:note_id>', methods=["GET", "DELETE"])
@app.route("/new", methods=["POST"])
@app.route("/logout")
"""
EXPRESS = """
app.get('/api/items/:id', auth, (req, res) => {})
router.get("/health", ok)
app.post('/api/items', create)
app.get('*', spa)
"""
FASTAPI = '@router.get("/users/{user_id}")\n@app.delete("/users/{user_id}")\n'


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        (FLASK, ("/notes", "/notes/1")),
        (EXPRESS, ("/api/items/1", "/health")),
        (FASTAPI, ("/users/1",)),
    ],
)
def test_routes_are_read_from_the_source(text: str, paths: tuple[str, ...]) -> None:
    assert paths_in(text) == paths


def test_candidates_are_the_root_the_template_and_the_source(tmp_path) -> None:
    (tmp_path / "app.py").write_text(FLASK)
    template = TemplateSpec(
        slug="t",
        endpoints=(
            Endpoint(method="GET", path="/notes"),
            Endpoint(method="get", path="/stats"),
            Endpoint(method="POST", path="/notes"),
        ),
    )
    found = candidates(SourceTree(tmp_path, ("app.py",)), template)

    assert [(one.path, one.declared_by) for one in found] == [
        ("/", "root"),
        ("/notes", "template"),
        ("/stats", "template"),
        ("/notes/1", "source"),
    ]
