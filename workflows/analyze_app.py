"""One app: offline subtasks beside its start, live ones when it answers, teardown last."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from contract.analysis import MeasurementState
    from contract.analyzers import AnalyzerKind
    from contract.attempt import PAUSED
    from contract.errors import ErrorCode
    from contract.ids import APP_WORKFLOW
    from contract.missing import unmeasured
    from contract.outcome import AppOutcome, SubtaskOutcome
    from contract.progress import AppProgress, BreakerProgress
    from contract.running import SubtaskOrder
    from workflows import search_attributes, stages
    from workflows.details import app_details
    from workflows.gate import Gate
    from workflows.live import LiveApp
    from workflows.planning import (
        fold,
        infra_failed,
        plan_subtasks,
        subtask_request,
    )
    from workflows.rounds import Rounds
    from workflows.settle import Fault, failure_code, finalize, in_order, settle
    from workflows.state import AppRun

CANCELLED = Fault(ErrorCode.CANCELLED, "cancelled before it was measured")


@workflow.defn(name=APP_WORKFLOW, failure_exception_types=[RuntimeError])
class AnalyzeAppWorkflow:
    """Run every subtask of one app; the app is torn down only after the last of them."""

    @workflow.init
    def __init__(self, order: AppRun) -> None:
        self._app = order.app
        self._orders = order.orders
        self._gate = Gate(order.app.breaker, paused=order.orders.paused)
        self._rounds = Rounds(self._app, self._gate, self._step)
        self._live = LiveApp(self._app, self._rounds.lose, self._rounds.require_wanted)
        self._work: list[asyncio.Task[SubtaskOutcome]] = []
        self._is_due = not self._orders.ahead
        self._ahead: asyncio.Task[None] | None = None
        self._steps: dict[AnalyzerKind, str] = {
            kind: f"{state} in an earlier run" for kind, state in self._orders.kept.items()
        }
        self._outcome: AppOutcome | None = None

    @workflow.run
    async def run(self, order: AppRun) -> AppOutcome:
        """Analyse the app. A subtask that fails is recorded in the outcome, not raised.

        Cancelled, it ends its running tools, tears the app down and records what is missing.
        """
        workflow.upsert_search_attributes(search_attributes.of_app(self._app))
        return await finalize(self._analyze, self._cancel)

    @workflow.query(description="What this app's analysis does now.")
    def progress(self) -> AppProgress:
        """Steps of all its subtasks in one line."""
        return AppProgress(
            ref=self._app.ref,
            step=", ".join(f"{kind} {step}" for kind, step in self._steps.items()) or "planning",
            state=self._outcome.state if self._outcome else None,
            reason=self._outcome.reason if self._outcome else "",
            workflow_id=workflow.info().workflow_id,
        )

    @workflow.signal(description="Start no further subtask; running tools finish.")
    def pause(self) -> None:
        """Hold the gate, and what waits in task queues."""
        self._hold(paused=True)

    @workflow.signal(description="Go on after a pause.")
    def resume(self) -> None:
        """Open the gate."""
        self._hold(paused=False)

    @workflow.signal(description="The window has room: what was built ahead is measured.")
    def go(self) -> None:
        """The app's turn has come."""
        self._is_due = True

    @workflow.signal(description="The pipeline's breaker for an analyzer changed.")
    def breaker_changed(self, change: BreakerProgress) -> None:
        """Let subtasks wait, or let them go on."""
        self._gate.note(change)

    def _hold(self, *, paused: bool) -> None:
        """An activity that gets a slot reads the memo: it gives the slot back during a pause."""
        self._gate.paused = paused
        workflow.upsert_memo({PAUSED: paused})

    def _cancel(self) -> None:
        """End all subtasks; teardown and recording go on."""
        self._rounds.cancelled = True
        for task in (*self._work, *filter(None, [self._ahead])):
            task.cancel()

    async def _analyze(self) -> AppOutcome:
        plan = plan_subtasks(self._app, self._orders)
        if not self._is_due:
            await self._wait_ahead(plan.live)
        live, offline, down = await settle(
            self._run_live(plan.live), self._run_offline(plan.offline), self._skip(plan.down)
        )
        outcome = fold(
            self._app,
            self._orders,
            [*live, *offline, *down],
            facts=self._live.facts,
        )
        await stages.record_app(self._app, outcome)
        self._outcome = outcome
        workflow.upsert_search_attributes([search_attributes.STATE.value_set(outcome.state)])
        self._show("finished")
        return outcome

    async def _wait_ahead(self, live: tuple[AnalyzerKind, ...]) -> None:
        """Build, and wait for the turn; a build that is still under way then goes on."""
        if live:
            self._ahead = asyncio.create_task(self._live.build_ahead())
            for kind in live:
                self._step(kind, "is built ahead of its turn")
        await workflow.wait_condition(lambda: self._is_due or self._rounds.cancelled)

    async def _run_live(self, kinds: tuple[AnalyzerKind, ...]) -> list[SubtaskOutcome]:
        """One after another: a load test and a scan of the same app would measure each other."""

        async def chain() -> list[SubtaskOutcome]:
            if self._ahead is not None:
                await workflow.wait([self._ahead])
            return [await self._subtask(kind) for kind in kinds]

        return await in_order(chain(), self._live.teardown) if kinds else []

    async def _run_offline(self, kinds: tuple[AnalyzerKind, ...]) -> list[SubtaskOutcome]:
        return await settle(*(self._subtask(kind) for kind in kinds))

    async def _skip(self, kinds: tuple[AnalyzerKind, ...]) -> list[SubtaskOutcome]:
        outcomes: list[SubtaskOutcome] = []
        for kind in kinds:
            reason = self._orders.down[kind]
            missing = unmeasured(self._app, kind, MeasurementState.INFRA_FAILED, reason)
            outcomes.append(await stages.record_subtask(self._app, missing))
            self._step(kind, outcomes[-1].state)
        return outcomes

    async def _subtask(self, kind: AnalyzerKind) -> SubtaskOutcome:
        """Measure in a task of its own, so that a cancel reaches it alone and not the recording."""
        task = asyncio.create_task(self._rounds.measure(kind, self._run))
        self._work.append(task)
        if self._rounds.cancelled:
            task.cancel()
        try:
            outcome = await task
        except (asyncio.CancelledError, FailureError) as exc:
            fault = CANCELLED if is_cancelled_exception(exc) else failure_code(exc)
            outcome = infra_failed(self._app, kind, fault)
        outcome = await stages.record_subtask(self._app, self._rounds.counted(outcome))
        self._step(kind, outcome.state)
        return outcome

    async def _run(self, kind: AnalyzerKind) -> SubtaskOutcome:
        if not kind.is_live:
            order = SubtaskOrder(**dict(subtask_request(self._app, kind)))
            return await stages.run_analysis(order)
        return await self._live.measure(kind)

    def _step(self, kind: AnalyzerKind, step: str) -> None:
        self._steps[kind] = step
        self._show("analysing")

    def _show(self, message: str) -> None:
        title = f"{self._app.ref.model} app {self._app.ref.app_number}"
        workflow.set_current_details(app_details(title, self._steps, message))
