"""The summary of an app: figures that tables and statistics are made of."""

from datetime import timedelta

import pytest

from contract.analysis import Metric, Provenance, Severity
from contract.record import AppRecord, FusedRecord, PipelineRecord
from contract.template import Requirement, TemplateSpec
from reports.summary import AppSummary
from tests.support.whole_report import whole
from tests.unit import report_samples as samples
from tests.unit.report_samples import AI, INFRA_FAILED, M_1, MEASURED, NOW, PERFORMANCE, STATIC


def summary(*cells, analyzers=("static",), **app) -> AppSummary:
    record = PipelineRecord(
        pipeline_id="p",
        state="completed",
        spec={"analyzers": list(analyzers)},
        templates={"t": TemplateSpec(slug="t", requirements=(Requirement(id="R", text="x"),))},
        apps=(AppRecord(ref=M_1, state=MEASURED, **app),),
        cells=cells,
    )
    return whole(record, NOW).fleet.apps[0]


def lines(**by_language: int) -> tuple[Metric, ...]:
    whole_app = sum(by_language.values())
    return tuple(
        Metric(name="lines_of_code", value=count, unit="count", target=language)
        for language, count in {"": whole_app, **by_language}.items()
    )


def test_code_is_counted_without_data_and_prose() -> None:
    counted = samples.cell(
        "m", 1, STATIC, "pygount", metrics=lines(Python=1_200, CSS=300, JSON=9_000, Markdown=50)
    )

    assert summary(counted).kloc == 1.5


def test_code_that_nobody_counted_is_unknown() -> None:
    assert summary(samples.cell("m", 1, STATIC, "bandit")).kloc is None
    assert summary(samples.cell("m", 1, STATIC, "pygount", INFRA_FAILED, "gone")).kloc is None


def test_the_span_of_an_app_is_from_its_first_to_its_last_work() -> None:
    first = Provenance(started_at=NOW, duration_s=10)
    last = Provenance(started_at=NOW + timedelta(seconds=60), duration_s=5)
    reused = Provenance(started_at=NOW - timedelta(days=9), duration_s=5, cached_from=NOW)
    cells = [
        samples.cell("m", 1, STATIC, f"tool{number}", provenance=how)
        for number, how in enumerate((first, last, reused))
    ]

    found = summary(*cells)

    assert (found.started_at, found.duration_s) == (NOW, 65.0)
    assert summary(cells[2]).duration_s is None


def cost(*metrics: tuple[str, float, str], tool: str = "requirements"):
    made = tuple(
        Metric(name=name, value=value, unit="usd" if name == "cost" else "count", target=judge)
        for name, value, judge in metrics
    )
    return samples.cell("m", 1, AI, tool, metrics=made)


def test_the_cost_is_the_sum_over_tools_and_judges() -> None:
    first = cost(("calls", 3, "a"), ("cost", 0.25, "a"), ("calls", 1, "b"), ("cost", 0.5, "b"))
    second = cost(("calls", 1, "a"), ("cost", 1.0, "a"), tool="code-quality")

    assert summary(first, second, analyzers=("ai",)).cost_usd == 1.75


def test_a_cost_of_which_a_part_is_unknown_is_unknown() -> None:
    priceless = cost(("calls", 3, "a"), ("cost", 0.25, "a"), ("calls", 1, "b"))
    lost = samples.cell("m", 1, AI, "code-quality", INFRA_FAILED, "the endpoint is away")

    assert summary(priceless, analyzers=("ai",)).cost_usd is None
    assert summary(cost(("calls", 1, "a"), ("cost", 1, "a")), lost, analyzers=("ai",)).cost_usd is (
        None
    )
    assert summary(samples.cell("m", 1, STATIC, "bandit")).cost_usd is None


def test_a_score_is_the_panels_or_the_mean_over_judges() -> None:
    made = (
        Metric(name="quality_mean", value=70, unit="score"),
        Metric(name="quality_mean", value=10, unit="score", target="a"),
        Metric(name="rigour", value=4, unit="score", target="a"),
        Metric(name="rigour", value=5, unit="score", target="b"),
        Metric(name="calls", value=7, unit="count", target="a"),
    )
    judged = samples.cell("m", 1, AI, "code-quality", metrics=made)

    assert summary(judged, analyzers=("ai",)).scores == {"quality_mean": 70, "rigour": 4.5}


def test_judges_of_an_app_agree_or_do_not() -> None:
    def row(number: int, first: str, second: str) -> dict:
        judges = {"a": {"verdict": first}, "b": {"verdict": second}}
        return {"id": f"R{number}", "text": "x", "verdict": first, "judges": judges}

    agreed = [row(1, "met", "met"), row(2, "not_met", "not_met")]
    judged = samples.cell("m", 1, AI, "requirements", data={"requirements": agreed})

    assert summary(judged, analyzers=("ai",)).agreement == {"requirements_met": 1.0}
    assert summary(samples.cell("m", 1, STATIC, "bandit")).agreement == {}


def test_a_load_test_that_was_not_measured_has_no_figures() -> None:
    figures = (Metric(name="latency_p95", value=9, unit="ms", target="GET /"),)
    measured = samples.cell("m", 1, PERFORMANCE, "openloop", metrics=figures)
    lost = samples.cell("m", 1, PERFORMANCE, "openloop", INFRA_FAILED, "the host was busy")

    (load,) = summary(measured, analyzers=("performance",)).load
    assert (load.figures, load.units) == ({"latency_p95": 9}, {"latency_p95": "ms"})
    (load,) = summary(lost, analyzers=("performance",)).load
    assert (load.state, load.figures) == (INFRA_FAILED, {})


def test_equal_weaknesses_are_counted_together() -> None:
    twice = tuple(samples.SQL.model_copy(update={"fingerprint": name}) for name in "ab")
    record = PipelineRecord(
        pipeline_id="p",
        state="completed",
        spec={"analyzers": ["static"]},
        apps=(AppRecord(ref=M_1, state=MEASURED),),
        cells=(samples.cell("m", 1, STATIC, "opengrep", findings=twice),),
        fused=(FusedRecord(ref=M_1, analyzer=STATIC, findings=(*twice, samples.XSS)),),
    )

    (app,) = whole(record, NOW).fleet.apps

    assert sorted((group.severity, group.cwe, group.count) for group in app.weaknesses) == [
        (Severity.CRITICAL, 89, 2),
        (Severity.HIGH, 79, 1),
    ]


@pytest.mark.parametrize(("said", "expected"), [("met", "missing"), ("not_met", "missing")])
def test_an_app_that_nobody_saw_running_is_not_known_to_work(said: str, expected: str) -> None:
    rows = [{"id": "R", "text": "x", "verdict": said}]
    judged = samples.cell("m", 1, AI, "requirements", data={"requirements": rows})
    unseen = samples.cell("m", 1, PERFORMANCE, "openloop", INFRA_FAILED, "the host was busy")

    app = summary(judged, unseen, analyzers=("ai", "performance"), template="t")

    assert (app.functional, app.known_failing) == (expected, said == "not_met")
