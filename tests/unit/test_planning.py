"""What is run on an app, and how its subtasks become one outcome."""

import pytest

from contract.analysis import ArtifactRef, MeasurementState
from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode
from contract.missing import unmeasured
from contract.outcome import AppFacts, SubtaskOutcome, ToolSummary
from contract.plan import AppResult
from contract.record import CellRecord
from contract.spec import (
    AppRef,
    AppSpec,
    SourceRef,
)
from tests.support.reported import reported
from workflows.planning import (
    Loss,
    app_died,
    discarded,
    fold,
    infra_failed,
    plan_subtasks,
    subtask_request,
    with_loss,
)
from workflows.settle import Fault
from workflows.state import AppOrders, Tally

M = MeasurementState
STATIC, DYNAMIC, PERFORMANCE = (
    AnalyzerKind.STATIC,
    AnalyzerKind.DYNAMIC,
    AnalyzerKind.PERFORMANCE,
)
APP = AppSpec(
    pipeline_id="p",
    ref=AppRef(model="openai/gpt-4.1", app_number=3),
    source=SourceRef(path="/apps/x", digest="0"),
    analyzers=tuple(AnalyzerKind),
    tools={STATIC: ("bandit", "ruff")},
)

UNREACHABLE = Fault(ErrorCode.UNAVAILABLE, "connection refused")


def done(kind: AnalyzerKind, *states: MeasurementState) -> SubtaskOutcome:
    """A subtask whose tools ended like this."""
    return SubtaskOutcome(
        subtask_id=APP.subtask_id(kind),
        analyzer=kind,
        tools=tuple(
            ToolSummary(tool=f"t{i}", state=state, reason="" if state is M.MEASURED else f"why {i}")
            for i, state in enumerate(states)
        ),
        report=ArtifactRef(key="k", sha256="s", size_bytes=1),
        tool_seconds=2.0,
    )


def test_live_subtasks_are_ordered_and_offline_ones_are_not_live() -> None:
    plan = plan_subtasks(APP, AppOrders())

    assert plan.live == (PERFORMANCE, DYNAMIC)
    assert plan.offline == (STATIC, AnalyzerKind.AI)
    assert plan.down == ()


def test_kept_results_are_not_run_again_and_dead_analyzers_not_at_all() -> None:
    plan = plan_subtasks(APP, AppOrders(kept={STATIC: M.MEASURED}, down={DYNAMIC: "refused"}))

    assert (plan.live, plan.offline) == ((PERFORMANCE,), (AnalyzerKind.AI,))
    assert plan.down == (DYNAMIC,)


def test_a_subtasks_id_is_always_the_same() -> None:
    request = subtask_request(APP, STATIC)

    assert request.subtask_id == "p/openai%2Fgpt-4.1/app3/static"
    assert request.tools == ("bandit", "ruff")
    assert request == subtask_request(APP, STATIC)


def test_every_tool_gets_its_cell_when_an_analyzer_is_lost() -> None:
    lost = infra_failed(APP, STATIC, Fault(ErrorCode.UNAVAILABLE, "connection refused"))

    assert [(t.tool, t.state) for t in lost.tools] == [
        ("bandit", M.INFRA_FAILED),
        ("ruff", M.INFRA_FAILED),
    ]
    assert lost.error_code == "UNAVAILABLE"
    assert [t.tool for t in unmeasured(APP, DYNAMIC, M.APP_FAILED, "x").tools] == ["*"]


@pytest.mark.parametrize(
    ("others", "lacks_source", "expected"),
    [
        ((M.MEASURED,), True, M.MEASURED),
        ((M.MEASURED, M.APP_FAILED), True, M.APP_FAILED),
        ((M.MEASURED, M.INFRA_FAILED), True, M.INFRA_FAILED),
        ((M.NOT_APPLICABLE,), True, M.INFRA_FAILED),
        ((), True, M.INFRA_FAILED),
        ((M.MEASURED,), False, M.INFRA_FAILED),
    ],
)
def test_a_tool_without_its_source_makes_no_app_incomplete(others, lacks_source, expected) -> None:
    reason = "advisory source unreachable: timed out"  # its words alone mean nothing
    audit = ToolSummary(
        tool="audit", state=M.INFRA_FAILED, reason=reason, lacks_source=lacks_source
    )
    rest = done(STATIC, *others).tools if others else ()
    subtask = SubtaskOutcome(subtask_id="s", analyzer=STATIC, tools=(*rest, audit))

    assert subtask.state is expected
    cells = {STATIC: {tool.tool: tool.state for tool in subtask.tools}}
    assert AppResult.of(subtask.state, "", cells).missing, "so a retry still asks again"


def test_a_dead_app_leaves_no_measured_cell() -> None:
    died = app_died(done(DYNAMIC, M.MEASURED, M.NOT_APPLICABLE, M.INFRA_FAILED), "exit 1")

    assert [t.state for t in died.tools] == [M.APP_FAILED, M.NOT_APPLICABLE, M.APP_FAILED]
    assert died.report is None
    assert (died.tool_seconds, died.wasted_seconds) == (0.0, 2.0)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((M.MEASURED, M.MEASURED), M.MEASURED),
        ((M.MEASURED, M.NOT_APPLICABLE), M.MEASURED),
        ((M.MEASURED, M.APP_FAILED), M.APP_FAILED),
        ((M.APP_FAILED, M.INFRA_FAILED), M.APP_FAILED),
        ((M.MEASURED, M.INFRA_FAILED), M.INFRA_FAILED),
    ],
)
def test_the_worst_state_speaks_for_an_app(
    states: tuple[MeasurementState, ...], expected: MeasurementState
) -> None:
    outcome = fold(APP, AppOrders(), [done(DYNAMIC, states[1]), done(STATIC, states[0])])

    assert outcome.state is expected
    assert [s.analyzer for s in outcome.subtasks] == [STATIC, DYNAMIC], "in the order asked for"


AUDIT = ToolSummary(tool="audit", state=M.INFRA_FAILED, reason="no source", lacks_source=True)
CANCELLED = infra_failed(APP, DYNAMIC, Fault(ErrorCode.CANCELLED, "cancelled before"))


@pytest.mark.parametrize(
    ("beside", "subtask", "expected"),
    [
        # A tool that does not make the app incomplete is not why it is.
        ((M.MEASURED,), CANCELLED, "dynamic/dynamic: cancelled before"),
        ((M.MEASURED,), done(DYNAMIC, M.MEASURED, M.INFRA_FAILED), "dynamic/t1: why 1"),
        ((M.MEASURED, M.INFRA_FAILED), done(DYNAMIC, M.MEASURED), "static/t1: why 1"),
        ((), done(DYNAMIC, M.MEASURED), "static/audit: no source"),
        # What was cancelled comes first, but for what the app itself did.
        ((M.INFRA_FAILED,), CANCELLED, "dynamic/dynamic: cancelled before"),
        ((M.APP_FAILED,), CANCELLED, "static/t0: why 0"),
    ],
)
def test_the_reason_of_an_app_is_of_what_decides_its_state(
    beside: tuple[MeasurementState, ...], subtask: SubtaskOutcome, expected: str
) -> None:
    tools = (AUDIT, *(done(STATIC, *beside).tools if beside else ()))
    static = SubtaskOutcome(subtask_id="s", analyzer=STATIC, tools=tools)

    assert fold(APP, AppOrders(), [subtask, static]).reason == expected


def test_a_kept_failure_is_not_forgotten() -> None:
    outcome = fold(APP, AppOrders(kept={DYNAMIC: M.APP_FAILED}), [done(STATIC, M.MEASURED)])

    assert outcome.state is M.APP_FAILED
    assert outcome.reason


def test_one_measurement_speaks_for_the_platform() -> None:
    lost = infra_failed(APP, DYNAMIC, Fault(ErrorCode.UNAVAILABLE, "x"))

    assert fold(APP, AppOrders(), [lost]).platform_fault
    assert not fold(APP, AppOrders(), [lost, done(STATIC, M.MEASURED)]).platform_fault


def test_lost_work_that_a_later_try_could_reuse_is_saved_and_not_wasted() -> None:
    """Round one lost 8 s of t0, whose report was kept, and 3 s of t1; round two reused t0."""
    tools = (
        ToolSummary(tool="t0", state=M.MEASURED, cached=True, seconds=8.0),
        ToolSummary(tool="t1", state=M.MEASURED, seconds=5.0),
    )
    update = {"tools": tools, "tool_seconds": 5.0, "saved_seconds": 8.0}
    second = done(STATIC, M.MEASURED).model_copy(update=update)

    outcome = with_loss(second, Loss(lost={"t0": 8.0, "t1": 3.0}, causes=("UNAVAILABLE",)))

    assert (outcome.wasted_seconds, outcome.saved_seconds) == (3.0, 8.0)
    assert with_loss(outcome, Loss(lost={"t0": 2.0})).wasted_seconds == 5.0, "broken off before"
    tally = Tally().plus(fold(APP, AppOrders(), [outcome]))
    assert (tally.detail()["wasted_seconds"], tally.detail()["saved_seconds"]) == (3.0, 8.0)
    died = app_died(outcome, "exit 1")
    assert (died.tool_seconds, died.saved_seconds) == (0.0, 0.0)
    assert died.wasted_seconds == 8.0 + 3.0 + 5.0, "nothing of it stands"


def test_the_tally_counts_spent_against_useful_seconds() -> None:
    retried = done(STATIC, M.MEASURED).model_copy(
        update={"wasted_seconds": 1.0, "retry_causes": ("WORKER_LOST",)}
    )
    facts = AppFacts(restarts=1, retry_causes=("UNAVAILABLE", "UNAVAILABLE"))
    tally = Tally().plus(fold(APP, AppOrders(), [retried], facts))

    assert tally.detail()["wasted_ratio"] == 1.5
    assert tally.detail()["retries_by_cause"] == {"WORKER_LOST": 1, "UNAVAILABLE": 2}
    assert tally.detail()["restarts"] == 1
    assert Tally().detail()["wasted_ratio"] is None


def cell(number: int, kind: AnalyzerKind, tool: str, state: M) -> CellRecord:
    ref = AppRef(model="m", app_number=number)
    return CellRecord(ref=ref, analyzer=kind, report=reported(tool, state))


def test_earlier_tries_of_a_subtask_are_in_its_outcome() -> None:
    first = done(DYNAMIC, M.MEASURED).model_copy(update={"retry_causes": ("WORKER_LOST",)})

    outcome = with_loss(done(DYNAMIC, M.MEASURED), discarded(first, "APP_LOST"))

    assert (outcome.tool_seconds, outcome.wasted_seconds) == (2.0, 2.0)
    assert outcome.retry_causes == ("WORKER_LOST", "APP_LOST")
    assert outcome.attempts == 3
