"""Load figures by model: medians over what was measured in calm, and a word on the rest."""

import pytest

from contract.analysis import Metric
from contract.record import AppRecord, CellRecord, PipelineRecord
from contract.spec import AppRef
from reports.parts import MedianFigure, ModelLoad
from tests.support.whole_report import whole
from tests.unit import report_samples as samples
from tests.unit.report_samples import APP_FAILED, GPT, HAIKU, INFRA_FAILED, NOW, PERFORMANCE
from tests.unit.test_reports_html import Page


def load(number: int, *metrics: Metric, model: str = GPT, tool: str = "openloop") -> CellRecord:
    return samples.cell(model, number, PERFORMANCE, tool, metrics=metrics)


def p95(value: float, target: str = "GET /") -> Metric:
    return Metric(name="latency_p95", value=value, unit="ms", target=target)


def busy(target: str = "GET /") -> Metric:
    return Metric(name="contended", value=1.0, unit="count", target=target)


def held(rate: float, target: str = "GET /", *, cut: bool = False) -> tuple[Metric, Metric]:
    return (
        Metric(name="throughput_at_objective", value=rate, unit="1/s", target=target),
        Metric(name="censored", value=float(cut), unit="count", target=target),
    )


def by_model(*cells: CellRecord) -> dict[str, tuple[ModelLoad, ...]]:
    refs = dict.fromkeys(cell.ref for cell in cells)
    apps = tuple(AppRecord(ref=ref, state=samples.MEASURED) for ref in refs)
    record = PipelineRecord(pipeline_id="p", state="completed", apps=apps, cells=cells)
    return {model.model: model.load for model in whole(record, NOW).models}


def one(*cells: CellRecord) -> ModelLoad:
    (found,) = by_model(*cells)[GPT]
    return found


def test_an_app_counts_once_whatever_number_of_operations_it_has():
    many = (p95(10, "GET /a"), p95(20, "GET /b"), p95(90, "GET /c"))

    figure = one(load(1, *many), load(2, p95(40)), load(3, p95(100))).figures["latency_p95"]

    assert figure == MedianFigure(median=40, low=20, high=100, apps=3, unit="ms")


def test_what_was_not_measured_is_in_no_figure_and_is_counted():
    found = one(
        load(1, p95(10)),
        load(2, p95(5), busy()),
        samples.cell(GPT, 3, PERFORMANCE, "*", APP_FAILED, "exited"),
        samples.cell(GPT, 4, PERFORMANCE, "openloop", INFRA_FAILED, "killed"),
    )

    assert found.figures["latency_p95"] == MedianFigure(
        median=10, low=10, high=10, apps=1, unit="ms"
    )
    assert (found.cells.measured, found.cells.app_failed, found.cells.infra_failed) == (2, 1, 1)
    assert found.contended == 1


def test_one_operation_on_a_busy_host_leaves_out_the_app():
    found = one(load(1, p95(10, "GET /a"), p95(12, "GET /b"), busy("GET /b")))

    assert (found.contended, found.figures) == (1, {})


@pytest.mark.parametrize(
    ("rates", "median", "at_least"),
    [
        ([(100, False), (200, False), (300, False)], 200, False),
        ([(100, False), (200, False), (300, True)], 200, False),  # the cut one is above it anyway
        ([(100, True), (200, False), (300, False)], 200, True),  # it may belong above
        ([(100, False), (200, True), (300, False)], 200, True),
        ([(100, False), (200, True)], 150, True),
        ([(100, True)], 100, True),
    ],
)
def test_a_median_that_what_was_cut_short_could_raise_is_a_lower_bound(rates, median, at_least):
    cells = [load(at, *held(rate, cut=cut)) for at, (rate, cut) in enumerate(rates, 1)]

    figure = one(*cells).figures["throughput_at_objective"]

    assert (figure.median, figure.at_least) == (median, at_least)


def test_memory_of_an_app_is_that_of_all_its_services():
    parts = (
        Metric(name="app_memory_max", value=30.0, unit="bytes", target="web"),
        Metric(name="app_memory_max", value=50.0, unit="bytes", target="db"),
    )

    assert one(load(1, *parts)).figures["app_memory_max"].median == 80


def test_a_model_of_which_nothing_ran_stands_beside_the_others_without_a_number():
    dead = samples.cell(HAIKU, 1, PERFORMANCE, "*", APP_FAILED, "exited")
    cells = (load(1, p95(10)), load(1, p95(9), tool="loadtest"), dead)

    found = by_model(*cells)[HAIKU]

    assert [(row.tool, row.cells.app_failed, row.figures) for row in found] == [
        ("loadtest", 1, {}),
        ("openloop", 1, {}),
    ]


def test_the_page_says_how_many_apps_a_median_is_of_and_what_is_left_out():
    cells = (load(1, p95(10)), load(2, p95(30)), load(3, p95(5), busy()))
    apps = tuple(
        AppRecord(ref=AppRef(model=GPT, app_number=n), state=samples.MEASURED) for n in (1, 2, 3)
    )
    record = PipelineRecord(pipeline_id="p", state="completed", apps=apps, cells=cells)

    words = Page(whole(record, NOW).page).words()

    row = "Apps counted Left out p95 openai/gpt-4.1 2 1 on a busy host 20 ms 10 to 30 ms"
    assert row in words
