"""The matrix of a pipeline, page by page: it says what the report says."""

from pathlib import Path

import pytest

from contract.analysis import AnalyzerReport, Location, MeasurementState
from contract.analyzers import AnalyzerKind
from contract.cells import CellsQuery
from contract.outcome import AppOutcome, SubtaskOutcome, ToolSummary
from contract.plan import PlanHeader, pages_of
from contract.role import AppRole
from contract.spec import (
    AppRef,
    AppSpec,
    AppsSpec,
    PipelinePlan,
    PipelineSpec,
    PlannedApp,
    SourceRef,
)
from control.cells import Matrix, matrix
from control.errors import NotStoredError, WrongInputError
from control.reports import read_app, read_report
from tests.support.store_folder import store_in, stored_in
from tests.support.two_pipelines import AFTER, CONTROL, MODEL, finding, looked, record

SPEC = PipelineSpec(apps=AppsSpec(root="fleet"), analyzers=(AnalyzerKind.STATIC,))
STATIC, AI = AnalyzerKind.STATIC, AnalyzerKind.AI


def states(found: Matrix) -> dict[str, dict[str, MeasurementState | None]]:
    """In the form of a report's matrix."""
    return {
        row.ref.label: {f"{cell.analyzer}/{cell.tool}": cell.state for cell in row.cells}
        for row in found.rows
        if row.role is AppRole.SUBJECT
    }


@pytest.mark.parametrize("pipeline_id", ["before", "after"])
async def test_states_and_counts_are_those_of_the_report(recorded: Path, pipeline_id: str):
    report = read_report(recorded, pipeline_id)
    found = await matrix(stored_in(recorded), CellsQuery(pipeline_id=pipeline_id))

    assert states(found) == report.matrix
    counts = {
        (row.ref, f"{cell.analyzer}/{cell.tool}"): cell.findings
        for row in found.rows
        for cell in row.cells
    }
    for summary in report.apps:
        for cell in read_app(recorded, report, summary.name).cells:
            assert counts[summary.ref, cell.name] == cell.finding_count


async def test_a_blind_tool_measured_nothing_but_the_control_app(tmp_path: Path):
    store = await store_in(tmp_path)
    await record(store, "blind", AFTER, blind="bandit")
    await store.close()

    found = await matrix(stored_in(tmp_path), CellsQuery(pipeline_id="blind"))
    rows = {row.ref.label: row.cells[0] for row in found.rows}

    assert found.tools[0].void
    assert rows[f"{MODEL}/app1"].state is MeasurementState.INFRA_FAILED
    assert (rows[f"{MODEL}/app1"].void, rows[f"{MODEL}/app1"].findings) == (True, None)
    control = next(row for row in found.rows if row.role is AppRole.CONTROL)
    assert control.cells[0].state is MeasurementState.MEASURED


async def test_what_has_not_come_yet_has_no_state_while_the_pipeline_runs(tmp_path: Path):
    store = await store_in(tmp_path)
    apps = tuple(
        PlannedApp(
            ref=AppRef(model=MODEL, app_number=number), source=SourceRef(path="/f", digest="1")
        )
        for number in (1, 2)
    )
    spec = PipelineSpec(apps=AppsSpec(root="fleet"), analyzers=(STATIC, AI))
    plan = PipelinePlan(pipeline_id="running", spec=spec, apps=apps)
    header = PlanHeader.of(plan)
    for page in pages_of(plan):
        await store.register_page(header, page)
    ended = AppOutcome(ref=apps[0].ref, state=MeasurementState.INFRA_FAILED, reason="no engine")
    await store.record_app(plan.app_spec(apps[0]), ended)

    found = await matrix(
        stored_in(tmp_path),
        CellsQuery(pipeline_id="running"),
        {STATIC: ("bandit", "ruff"), AnalyzerKind.DYNAMIC: ("zap",)},
    )
    first, second = found.rows
    assert [(tool.analyzer, tool.tool) for tool in found.tools] == [
        (STATIC, "bandit"),
        (STATIC, "ruff"),
        (AI, "*"),
    ]
    assert [cell.state for cell in second.cells] == [None, None]
    assert [cell.span for cell in second.cells] == [2, 1]
    assert {(cell.state, cell.reason) for cell in first.cells} == {
        (MeasurementState.INFRA_FAILED, "no engine")
    }
    await store.record_pipeline_state("running", "cancelled", {})
    found = await matrix(stored_in(tmp_path), CellsQuery(pipeline_id="running"))
    assert {cell.reason for cell in found.rows[1].cells} == {"not run: pipeline cancelled"}
    await store.close()


async def test_pages_follow_the_plan_and_lose_nothing(recorded: Path):
    query = CellsQuery(pipeline_id="after", limit=2)
    first = await matrix(stored_in(recorded), query)
    second = await matrix(
        stored_in(recorded), query.model_copy(update={"after": first.after or "none"})
    )

    assert [row.ref.app_number for row in (*first.rows, *second.rows)] == list(AFTER)
    assert (first.matching, second.matching, second.after) == (3, 3, None)


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ({"states": (MeasurementState.INFRA_FAILED,)}, [2]),
        ({"states": (None,)}, []),
        ({"text": "GPT-4O/APP4"}, [4]),
        ({"text": "app_"}, []),
        ({"models": ("another",)}, []),
        ({"roles": (AppRole.CONTROL,)}, []),
    ],
)
async def test_filters_leave_what_they_say(recorded: Path, filters: dict, numbers: list[int]):
    found = await matrix(stored_in(recorded), CellsQuery(pipeline_id="after", **filters))

    assert [row.ref.app_number for row in found.rows] == numbers
    assert found.matching == len(numbers)
    assert found.tools, "columns stay whatever the filter leaves"


async def test_a_wrong_place_and_a_pipeline_that_is_gone_are_told(recorded: Path):
    with pytest.raises(WrongInputError, match="no place"):
        await matrix(stored_in(recorded), CellsQuery(pipeline_id="after", after="x"))
    with pytest.raises(NotStoredError):
        await matrix(stored_in(recorded), CellsQuery(pipeline_id="gone"))


async def test_a_tool_that_looks_for_no_findings_has_no_number(tmp_path: Path):
    store = await store_in(tmp_path)
    counts = looked(finding("x"))
    blank = looked(tool="radon").model_copy(update={"looks_for": ()})
    await record(store, "mixed", {1: (counts, blank)})
    await store.close()

    found = await matrix(stored_in(tmp_path), CellsQuery(pipeline_id="mixed"))
    assert {cell.tool: cell.findings for cell in found.rows[0].cells} == {
        "bandit": 1,
        "radon": None,
    }
    assert [tool.looks_for_findings for tool in found.tools] == [True, False]


async def test_a_control_app_that_was_measured_again_is_looked_at_again(tmp_path: Path):
    store = await store_in(tmp_path)
    await record(store, "blind", AFTER, blind="bandit")
    kept = stored_in(tmp_path).kept()
    query = CellsQuery(pipeline_id="blind")
    assert (await matrix(kept, query)).tools[0].void

    seen = finding("sqli").model_copy(update={"location": Location(path="app.py", line=1)})
    again = AnalyzerReport(
        subtask_id=AppSpec.of("blind", SPEC, {}, CONTROL).subtask_id(STATIC),
        analyzer=STATIC,
        tools=(looked(seen),),
    )
    measured = ToolSummary(tool="bandit", state=MeasurementState.MEASURED)
    told = SubtaskOutcome(subtask_id=again.subtask_id, analyzer=STATIC, tools=(measured,))
    await store.record_subtask("blind", AppSpec.of("blind", SPEC, {}, CONTROL), told, again)
    found = await matrix(kept, query)
    await kept.close()
    await store.close()

    assert [tool.void for tool in found.tools] == [""]
