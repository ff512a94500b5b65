"""Who of a pipeline's apps waits, runs and ended, with a store that has the rest."""

from collections import Counter

import pytest

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.outcome import AppOutcome, SubtaskOutcome, ToolSummary
from contract.plan import AppChoice, AppEntry, AppResult, PlanHeader, Reopening
from contract.spec import AppRef, AppsSpec, PipelinePlan, PipelineSpec, PlannedApp, SourceRef
from workflows.fleet import LINES_CARRIED, LINES_MAX, READ_APPS, Fleet
from workflows.state import AppOrders, PipelineRun, PipelineState, Tally

M = MeasurementState
STATIC, DYNAMIC = AnalyzerKind.STATIC, AnalyzerKind.DYNAMIC
TOOLS = {STATIC: ("t0", "t1", "t2")}


def planned(number: int) -> PlannedApp:
    source = SourceRef(path=f"/apps/m/app{number}", digest="d" * 64)
    return PlannedApp(ref=AppRef(model="a-model-with-a-name", app_number=number), source=source)


def plan(apps: int, *analyzers: AnalyzerKind) -> PipelinePlan:
    return PipelinePlan(
        pipeline_id="p",
        spec=PipelineSpec(apps=AppsSpec(root="/apps"), analyzers=analyzers or (STATIC, DYNAMIC)),
        apps=tuple(planned(number) for number in range(1, apps + 1)),
    )


class Run:
    """One run of a pipeline, whose reads answer with what has been recorded."""

    def __init__(self, apps: int, state: PipelineState | None = None) -> None:
        self.plan = plan(apps)
        self.recorded: dict[int, AppResult] = {}
        known = state or PipelineState(registered=apps)
        self.fleet = Fleet(PlanHeader.of(self.plan), known)

    def take(self) -> AppEntry:
        if positions := self.fleet.to_read():
            self.fleet.load(map(self._entry, positions))
        return self.fleet.take()

    def end(self, entry: AppEntry, state: M, **tools: M) -> None:
        """Let the app end, with the states of its static tools."""
        result = AppResult.of(state, "why", {STATIC: tools} if tools else {})
        self.recorded[entry.position] = result
        outcome = AppOutcome(ref=entry.app.ref, state=state, reason=f"{state}")
        self.fleet.finish(entry, outcome)

    def choices(self, *positions: int) -> list[AppChoice]:
        return [
            AppChoice(position=p, ref=self.plan.apps[p].ref, state=self.recorded[p].state)
            for p in positions
        ]

    def _entry(self, position: int) -> AppEntry:
        result = self.recorded.get(position)
        state = result.state if result else None
        return AppEntry(position=position, app=self.plan.apps[position], state=state, result=result)


def test_every_app_is_taken_once_in_order_and_read_a_few_at_a_time() -> None:
    run = Run(apps=READ_APPS + 5)
    assert len(run.fleet.to_read()) == READ_APPS

    taken = [run.take().position for _ in range(READ_APPS + 5)]

    assert taken == list(range(READ_APPS + 5))
    assert run.fleet.waiting == 0


def test_what_is_counted_is_what_ended_also_after_a_retry() -> None:
    run = Run(apps=3)
    for state in (M.MEASURED, M.INFRA_FAILED, M.APP_FAILED):
        run.end(run.take(), state)
    run.fleet.retry(run.choices(1), whole=False)
    assert (run.fleet.finished, run.fleet.waiting) == (2, 1)
    assert sum(run.fleet.ended.every().values()) == 3, "what it has stands until it has run again"

    run.end(run.take(), M.MEASURED)

    assert run.fleet.ended.every() == {M.MEASURED: 2, M.APP_FAILED: 1}
    assert (run.fleet.finished, run.fleet.retried) == (3, 1)


def test_of_a_named_app_nothing_stands_until_it_has_run() -> None:
    run = Run(apps=1)
    run.end(run.take(), M.APP_FAILED, t0=M.APP_FAILED, t1=M.INFRA_FAILED)
    run.fleet.retry(run.choices(0), whole=True)

    entry = run.take()
    orders = run.fleet.orders(entry, {})
    assert (orders.kept, orders.partly) == ({}, {})
    assert run.fleet.spec(entry, TOOLS).tools[STATIC] == ("t0", "t1", "t2")

    run.end(entry, M.APP_FAILED, t0=M.APP_FAILED, t1=M.INFRA_FAILED)
    run.fleet.retry(run.choices(0), whole=False)
    entry = run.take()
    orders = run.fleet.orders(entry, {})
    assert (orders.kept, orders.partly) == ({}, {STATIC: M.APP_FAILED})
    assert run.fleet.spec(entry, TOOLS).tools[STATIC] == ("t1",), "what the platform failed"


def test_a_retry_keeps_the_analyzers_that_lack_nothing() -> None:
    run = Run(apps=1)
    entry = run.take()
    run.end(entry, M.INFRA_FAILED)
    cells = {STATIC: {"t0": M.MEASURED}, DYNAMIC: {"d": M.MEASURED, "e": M.INFRA_FAILED}}
    run.recorded[0] = AppResult.of(M.INFRA_FAILED, "lost", cells)
    run.fleet.retry(run.choices(0), whole=False)

    entry = run.take()
    orders = run.fleet.orders(entry, {DYNAMIC: "refused"}, ahead=True)

    assert (orders.kept, orders.partly) == ({STATIC: M.MEASURED}, {DYNAMIC: M.MEASURED})
    assert (orders.down, orders.ahead) == ({DYNAMIC: "refused"}, True)
    assert run.fleet.spec(entry, TOOLS).tools[DYNAMIC] == ("e",)


def test_an_app_that_lacks_nothing_runs_again_as_a_whole() -> None:
    run = Run(apps=1)
    run.end(run.take(), M.MEASURED)
    cells = {kind: {"t": M.MEASURED} for kind in (STATIC, DYNAMIC)}
    run.recorded[0] = AppResult.of(M.MEASURED, "", cells)
    run.fleet.retry(run.choices(0), whole=False)

    assert run.fleet.orders(run.take(), {}).kept == {}


def test_an_analyzer_that_never_told_its_tools_runs_as_a_whole_again() -> None:
    run = Run(apps=1)
    run.end(run.take(), M.INFRA_FAILED, **{"*": M.INFRA_FAILED})
    run.fleet.retry(run.choices(0), whole=False)

    entry = run.take()

    assert run.fleet.spec(entry, TOOLS).tools[STATIC] == ("t0", "t1", "t2")
    assert run.fleet.orders(entry, {}) == AppOrders()


def test_only_what_ended_and_does_not_wait_may_be_retried() -> None:
    run = Run(apps=4)
    run.end(run.take(), M.INFRA_FAILED)
    run.end(run.take(), M.INFRA_FAILED)
    run.recorded[2] = run.recorded[3] = run.recorded[0]  # 2 runs, 3 waits
    run.take()
    run.fleet.retry(run.choices(1), whole=False)

    idle = run.fleet.idle()

    assert idle == {0}


def test_what_never_ran_is_counted_at_a_stop_and_retries_keep_what_they_have() -> None:
    run = Run(apps=5)
    run.end(run.take(), M.MEASURED)
    run.fleet.retry(run.choices(0), whole=True)

    dropped = [*run.fleet.drop(3, "cancelled"), *run.fleet.drop(3, "cancelled")]
    assert run.fleet.drop(3, "cancelled") == []

    assert dropped == [1, 2, 3, 4]
    assert (run.fleet.waiting, run.fleet.finished) == (0, 5)
    assert run.fleet.ended.every() == {M.MEASURED: 1, M.INFRA_FAILED: 4}


@pytest.mark.parametrize("ended", [10_000, 9_000])
def test_the_carried_state_of_ten_thousand_apps_stays_below_a_hundred_kilobytes(ended: int) -> None:
    """Also when all of them failed, with long reasons, and are to run again."""
    run = Run(apps=10_000)
    for _ in range(ended):
        entry = run.take()
        reason = "static/semgrep: " + "x" * 284
        outcome = AppOutcome(ref=entry.app.ref, state=M.INFRA_FAILED, reason=reason)
        run.fleet.finish(entry, outcome)
    failed = AppResult(state=M.INFRA_FAILED)
    run.recorded = dict.fromkeys(range(ended), failed)
    run.fleet.retry(run.choices(*range(ended)), whole=False)

    order = PipelineRun(header=PlanHeader.of(run.plan), state=run.fleet.state())

    assert len(order.state.again) == ended
    assert len(order.state.lines) == LINES_CARRIED
    assert len(order.model_dump_json()) < 100_000


def test_a_run_goes_on_where_the_one_before_it_ended() -> None:
    first = Run(apps=6)
    for state in (M.MEASURED, M.APP_FAILED, M.INFRA_FAILED):
        first.end(first.take(), state)
    first.fleet.retry(first.choices(1), whole=True)
    state = PipelineState.model_validate_json(first.fleet.state().model_dump_json())

    second = Run(6, state)
    second.recorded = first.recorded
    taken = [second.take() for _ in range(second.fleet.waiting)]

    assert [entry.position for entry in taken] == [3, 4, 5, 1]
    assert second.fleet.orders(taken[-1], {}) == AppOrders(), "it was named"
    for entry in taken:
        second.end(entry, M.MEASURED)
    assert second.fleet.ended.every() == {M.MEASURED: 5, M.INFRA_FAILED: 1}
    assert second.fleet.finished == second.fleet.total == 6


def test_lines_are_bounded_and_failures_come_before_what_went_well() -> None:
    run = Run(apps=2_000)
    entries = [run.take() for _ in range(1_200)]
    for number, entry in enumerate(entries[:1_190]):
        run.end(entry, M.APP_FAILED if number % 10 == 0 else M.MEASURED)

    lines = run.fleet.lines(LINES_MAX)

    assert len(lines) == LINES_MAX
    assert [line.step for line in lines[:10]] == ["analysing"] * 10
    kinds = Counter(line.state for line in lines)
    assert kinds[M.APP_FAILED] == 119, "no failure is forgotten for an app that went well"
    assert lines[0].workflow_id == "pipeline/p/a-model-with-a-name/app1191"


def test_an_ended_pipeline_goes_on_with_what_the_store_has() -> None:
    header = PlanHeader.of(plan(3))
    choices = tuple(
        AppChoice(position=p, ref=planned(p + 1).ref, state=state)
        for p, state in ((0, M.MEASURED), (2, None))
    )
    detail = {
        "tool_seconds": 3.0,
        "wasted_ratio": 1.0,
        "restarts": 2,
        "retries_by_cause": {"UNAVAILABLE": 4},
        "apps_retried": 1,
    }
    ended = Reopening(
        header=header, registered=3, counts={M.MEASURED: 2}, detail=detail, choices=choices
    )

    state = PipelineRun.again(ended, [planned(1).ref.label]).state

    assert (state.cursor, state.again, state.whole) == (3, (0, 2), (0,))
    assert state.repeated == 1, "the other one did not end"
    assert state.tally == Tally(tool_seconds=3.0, restarts=2, retries_by_cause={"UNAVAILABLE": 4})
    assert state.retried == 1 + 2, "of earlier runs, and these"
    assert Fleet(header, state).finished == 1


def test_what_a_run_costs_is_added_up() -> None:
    run = Run(apps=1)
    tools = (ToolSummary(tool="t", state=M.MEASURED),)
    subtask = SubtaskOutcome(subtask_id="s", analyzer=STATIC, tools=tools, tool_seconds=2.0)
    entry = run.take()
    outcome = AppOutcome(ref=entry.app.ref, state=M.MEASURED, subtasks=(subtask,))

    run.fleet.finish(entry, outcome)

    assert run.fleet.state().tally.tool_seconds == 2.0
