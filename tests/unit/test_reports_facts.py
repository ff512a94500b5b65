"""What is fleet-wide is the same whether it is learnt from light states or from whole reports."""

import pytest

from contract.analysis import Category, MeasurementState
from contract.analyzers import AnalyzerKind
from contract.record import AppRecord, PipelineRecord
from contract.spec import AppRef, AppRole
from reports.missing import Missing
from reports.rates import Look, requirement_of
from reports.tally import speaks_about
from tests.support.large_report import large_fleet
from tests.support.whole_report import Whole, facts_of, whole
from tests.unit import report_samples as samples
from tests.unit.report_samples import APP_FAILED, INFRA_FAILED, MEASURED, NOW, PERFORMANCE, STATIC


def required_by_whole_reports(report: Whole) -> object:
    """What is required, by each cell of each app, as it stands in the documents."""
    looks = [
        Look(
            cell.analyzer,
            cell.tool,
            cell.state,
            cell.recorded,
            speaks_about(Category.SECURITY, cell),
        )
        for cell in report.cells
    ]
    return requirement_of(looks, running=report.fleet.pipeline.state == "running")


@pytest.mark.parametrize("state", ["completed", "cancelled", "running"])
@pytest.mark.parametrize("fleet", [samples.fleet, lambda _: large_fleet(3, 9)])
def test_a_pass_over_states_learns_what_whole_reports_say(fleet, state: str) -> None:
    record = fleet(state).model_copy(update={"state": state})
    report = whole(record, NOW)

    assert report.facts.required == required_by_whole_reports(report)
    names = {cell.name for cell in report.cells if cell.tool != "*"}
    columns = report.facts.columns
    assert names <= {f"{kind}/{tool}" for kind, tools in columns.items() for tool in tools}


def test_the_order_of_apps_changes_nothing() -> None:
    record = large_fleet(3, 5)
    turned = record.model_copy(update={"apps": record.apps[::-1], "cells": record.cells[::-1]})

    assert facts_of(record, NOW) == facts_of(turned, NOW)


def test_a_tool_that_is_void_stays_required_on_every_app() -> None:
    cells = [samples.cell("m", 1, STATIC, tool) for tool in ("bandit", "opengrep")]
    apps = (AppRecord(ref=samples.M_1, state=MEASURED),)
    record = PipelineRecord(pipeline_id="p", state="completed", apps=apps, cells=tuple(cells))
    facts = facts_of(record, NOW)

    blind = facts.voided({(STATIC, "bandit"): "it missed what it must see"})

    assert blind.required == facts.required
    assert (STATIC, "bandit") in blind.required.security
    assert blind.required.left_out == ()


def test_an_app_is_expected_to_have_cells_of_its_own_analyzers_alone() -> None:
    repeat = AppRecord(
        ref=AppRef(model="again", app_number=1),
        role=AppRole.REPEAT,
        analyzers=(PERFORMANCE,),
        state=MEASURED,
    )
    record = PipelineRecord(
        pipeline_id="p",
        state="completed",
        spec={"analyzers": ["static", "performance"]},
        apps=(AppRecord(ref=samples.M_1, state=MEASURED), repeat),
        cells=(
            samples.cell("m", 1, STATIC, "bandit"),
            samples.cell("again", 1, PERFORMANCE, "openloop"),
        ),
    )

    report = whole(record, NOW)

    assert [cell.name for cell in report.app(repeat.ref).cells] == ["performance/openloop"]
    missing = {cell.name: cell.state for cell in report.app(samples.M_1).cells}
    assert missing == {"static/bandit": MEASURED, "performance/*": INFRA_FAILED}


def test_reasons_without_end_are_counted_and_not_kept() -> None:
    report = whole(samples.fleet(), NOW).apps[0]
    (cell, *_) = report.cells
    missing = Missing()

    for number in range(3_000):
        failed = samples.cell("m", 1, STATIC, "bandit", APP_FAILED, f"exited with {number}")
        mine = cell.model_copy(update={"record": failed})
        missing.add(report.model_copy(update={"cells": (mine, mine)}))

    groups = missing.result()
    assert len(groups) == 2_000
    assert missing.left_out == 2_000
    assert sum(group.count for group in groups) + missing.left_out == 6_000
    assert {group.state for group in groups} == {MeasurementState.APP_FAILED}


def test_the_table_of_analyzers_decides_what_a_load_test_is() -> None:
    record = samples.fleet()

    assert set(facts_of(record, NOW).load_tools) == {
        cell.tool
        for cell in record.cells
        if cell.analyzer is AnalyzerKind.PERFORMANCE and cell.tool != "*"
    }
