"""A list of weaknesses says that a tool which missed a known one is not to be believed."""

from datetime import UTC, datetime

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.findings import FindingsQuery
from contract.overview import AppsCount, CellsCount, PipelineOverview
from contract.record import PipelineListing, PipelineRecord
from control.findings_scope import NotMeasured, checked, not_measured, tool_looks
from control.void_tools import void_tools
from tests.activities.fakes import FakeResults
from tests.support.control_records import CLEAN, FLAWED, record, report, seen

STATIC, MEASURED = AnalyzerKind.STATIC, MeasurementState.MEASURED


def overview_of(pipeline: PipelineRecord) -> PipelineOverview:
    tools = {cell.tool for cell in pipeline.cells}
    return PipelineOverview(
        listing=PipelineListing(
            pipeline_id="p", state="completed", created_at=datetime(2026, 1, 1, tzinfo=UTC)
        ),
        apps=tuple(
            AppsCount(model=app.ref.model, role=app.role, state=app.state, apps=1)
            for app in pipeline.apps
        ),
        cells=tuple(
            CellsCount(
                analyzer=STATIC,
                tool=tool,
                state=MEASURED,
                cells=sum(cell.tool == tool for cell in pipeline.cells),
            )
            for tool in sorted(tools)
        ),
    )


async def lost(pipeline: PipelineRecord) -> list[NotMeasured]:
    results = FakeResults(pipeline)
    query = FindingsQuery(pipeline_id="p")
    overview = overview_of(pipeline)
    query, recorded = await checked(results, query, overview)
    void = await void_tools(results, "p", overview)
    return list(not_measured(tool_looks(recorded, void, query)))


async def test_a_blind_tools_silence_is_not_known():
    blind = {
        FLAWED: [report("bandit"), report("opengrep", findings=seen("opengrep", FLAWED))],
        CLEAN: [report("bandit"), report("opengrep")],
        ("m", 1): [report("bandit"), report("opengrep")],
    }
    (row,) = await lost(record(blind))
    assert (row.tool, row.state, row.cells) == (
        "static/bandit",
        MeasurementState.INFRA_FAILED,
        1,
    )


async def test_a_tool_that_saw_what_it_must_see_is_believed():
    fine = {
        FLAWED: [report("bandit", findings=seen("bandit", FLAWED))],
        CLEAN: [report("bandit")],
        ("m", 1): [report("bandit")],
    }
    assert await lost(record(fine)) == []


async def test_without_controls_nobody_is_doubted():
    assert await lost(record({("m", 1): [report("bandit")]})) == []
