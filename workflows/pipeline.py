"""A fleet of apps: registered once, a bounded window in flight, reported whatever happens."""

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from contract.progress import (
        PipelinePhase,
        PipelineProgress,
        PipelineResult,
    )
    from contract.spec import PlannedApp
    from workflows import policies, search_attributes, stages
    from workflows.admission import Admission
    from workflows.child import Children, Signal
    from workflows.closing import account_for, skip_pending, write_report
    from workflows.fleet import Fleet
    from workflows.settle import failure_code, finalize
    from workflows.state import PipelineRun, PipelineState
    from workflows.status import Status
    from workflows.window import Window


# An input that cannot be read fails the workflow at once; anything else unexpected would hang it
# until code that can go on is deployed, and loses nothing.
@workflow.defn(name="Pipeline", failure_exception_types=[RuntimeError])
class PipelineWorkflow:
    """Runs one child per app, never two; goes on as new when its history grows long."""

    @workflow.init
    def __init__(self, order: PipelineRun) -> None:
        plan, state = order.plan, order.state
        self._fleet = Fleet(plan, state)
        self._children = Children()
        self._admission = Admission(
            plan.spec, self._fleet, self._children, state.breakers, lambda: self._status.show()
        )
        self._status = Status(
            self._fleet,
            self._children,
            self._admission,
            parallelism=state.parallelism or plan.spec.parallelism,
            paused=state.paused,
        )
        self._registered = state.registered
        self._runs = state.runs
        self._cancelling = False
        self._gave_up = ""
        self._window = Window(
            self._fleet, self._children, self._admission, self._status, lambda: self._stopped
        )

    @workflow.run
    async def run(self, order: PipelineRun) -> PipelineResult:
        """Analyse every app of the plan; with a state, go on from there.

        Cancelled, it ends its children gently and still writes a report of what is missing.
        """
        workflow.upsert_search_attributes([search_attributes.PIPELINE.value_set(order.pipeline_id)])
        cancelled: asyncio.CancelledError | None = None
        result: PipelineResult | None = None
        while result is None or self._fleet.pending:
            try:
                await finalize(self._drive, self._cancel)
            except asyncio.CancelledError as exc:
                cancelled = exc
                self._cancel()
            await workflow.wait_condition(workflow.all_handlers_finished)
            if self._fleet.pending and not self._stopped:
                if workflow.info().is_continue_as_new_suggested():
                    workflow.continue_as_new(PipelineRun.of(self._fleet.plan, self._state()))
                continue
            result = await finalize(self._close, self._cancel)
            await workflow.wait_condition(workflow.all_handlers_finished)
        if cancelled is not None:
            raise cancelled
        return result

    @workflow.query(description="A snapshot: phase, counts, every app, analyzers, breakers.")
    def progress(self) -> PipelineProgress:
        """Where the pipeline is."""
        return self._status.progress().model_copy(update={"apps": self._fleet.apps()})

    @workflow.signal(description="Start nothing new; running tools finish.")
    async def pause(self) -> None:
        """Hold new apps, and subtasks of running apps that have not begun."""
        self._status.paused = True
        self._status.show()
        await self._children.tell(Signal("pause"))

    @workflow.signal(description="Go on after a pause.")
    async def resume(self) -> None:
        """Undo `pause`."""
        self._status.paused = False
        self._status.show()
        await self._children.tell(Signal("resume"))

    @workflow.signal(description="End running tools, tear down, report what is missing.")
    def cancel(self) -> None:
        """Like a cancellation of the workflow, but it ends as completed, with a result."""
        self._cancel()

    @workflow.update(description="Change how many apps are in flight at once (1 to 50).")
    def set_parallelism(self, n: int) -> int:
        """The new window; apps in flight are not touched."""
        self._status.parallelism = n
        self._status.show()
        return n

    @set_parallelism.validator
    def _check_parallelism(self, n: int) -> None:
        if not 1 <= n <= policies.WINDOW_MAX:
            raise ValueError(f"parallelism {n} is not in 1..{policies.WINDOW_MAX}")

    @workflow.update(
        description='Run apps again as a whole: ["MODEL/appN"]; []: what is infra_failed.'
    )
    def retry_failed(self, keys: list[str]) -> list[str]:
        """Keys that will run again; what was measured stands unless the app is named."""
        chosen = self._fleet.retryable(keys)
        self._fleet.retry(chosen, whole=bool(keys))
        self._gave_up = ""
        return chosen

    @retry_failed.validator
    def _check_retry(self, keys: list[str]) -> None:
        self._refuse_when_cancelling()
        self._fleet.retryable(keys)

    @workflow.update(description="Add apps to the fleet; an app it has is refused.")
    async def add_apps(self, apps: list[PlannedApp]) -> int:
        """How many apps the fleet has now."""
        self._fleet.add(apps)
        try:
            await stages.register(self._fleet.plan)
        except ActivityError:
            self._fleet.remove(apps)
            raise
        self._fleet.enqueue(apps)
        return self._fleet.total

    @add_apps.validator
    def _check_apps(self, apps: list[PlannedApp]) -> None:
        self._refuse_when_cancelling()
        self._fleet.check_new(apps)

    @workflow.update(description='Close a breaker by hand: "pipeline" or an analyzer.')
    async def reset_breaker(self, name: str) -> str:
        """The breaker's state: closed."""
        self._admission.board.reset(name)
        await self._admission.tell()
        return self._admission.board.breakers[name].state

    @reset_breaker.validator
    def _check_breaker(self, name: str) -> None:
        known = self._admission.board.breakers
        if name not in known:
            raise ValueError(f"no breaker {name!r}; there are {', '.join(known)}")

    def _refuse_when_cancelling(self) -> None:
        if self._cancelling:
            raise ValueError("this pipeline is being cancelled; retry it when it has ended")

    def _cancel(self) -> None:
        if not self._cancelling:
            self._cancelling = True
            self._status.enter(PipelinePhase.CANCELLING, "ending running tools, tearing down")
            self._children.cancel()

    @property
    def _stopped(self) -> bool:
        return self._cancelling or bool(self._gave_up)

    async def _drive(self) -> None:
        """Register, then keep the window full until nothing waits, all stops or history is long."""
        if not self._registered:
            await stages.register(self._fleet.plan)
            self._registered = True
        self._status.enter(PipelinePhase.RUNNING)
        self._window.builds_ahead = workflow.patched("build-ahead")
        watch = stages.watch_apps(self._fleet.plan.pipeline_id)
        tender = asyncio.create_task(self._admission.tend())
        while await self._next_turn():
            if self._window.may_promote():
                await self._children.promote()
                continue
            self._gave_up = await self._admission.admit(lambda: self._stopped)
            self._status.show()
            if self._window.may_launch():
                ahead, key = self._window.next_is_ahead(), self._fleet.take()
                self._children.spawn(key, self._one(key, ahead=ahead), ahead=ahead)
                self._status.show()
        await self._drain()
        self._admission.stop()
        await tender
        watch.cancel()

    async def _drain(self) -> None:
        """Wait for what is in flight, and for the turns of what was built ahead."""
        while self._children:
            await workflow.wait_condition(
                lambda: not self._children or self._children.crashed or self._window.may_promote()
            )
            self._children.raise_crash()
            if self._window.may_promote():
                await self._children.promote()

    async def _next_turn(self) -> bool:
        """Wait for a free slot and an app; False when this run has nothing more to start."""
        await workflow.wait_condition(
            lambda: (
                self._window.may_launch()
                or self._window.may_promote()
                or self._winding_down()
                or not self._busy()
                or self._children.crashed
            )
        )
        self._children.raise_crash()
        return self._busy() and not self._winding_down()

    def _busy(self) -> bool:
        return bool(self._fleet.pending or self._children)

    def _winding_down(self) -> bool:
        return self._stopped or workflow.info().is_continue_as_new_suggested()

    async def _one(self, key: str, *, ahead: bool) -> None:
        board = self._admission.board
        orders = self._fleet.orders(key, board.down(), paused=self._status.paused, ahead=ahead)
        opened = board.opened()

        def missed() -> list[Signal]:
            """What was signalled to all children before this one could be reached."""
            changed = sorted(board.opened() - opened)
            told = [Signal("breaker_changed", board.breakers[n].progress()) for n in changed]
            if ahead and not self._children.is_ahead(key):
                told.append(Signal("go"))
            if self._status.paused != orders.paused:
                told.append(Signal("pause" if self._status.paused else "resume"))
            return told

        try:
            outcome = await self._children.run(key, self._fleet.spec(key), orders, missed)
        except (FailureError, asyncio.CancelledError) as exc:
            reason = "cancelled" if is_cancelled_exception(exc) else failure_code(exc).message
            outcome = await account_for(self._fleet, key, orders, reason)
        self._fleet.finish(key, outcome, orders)
        board.count(outcome, workflow.time())
        self._children.done(key)
        await self._admission.tell()

    async def _close(self) -> PipelineResult:
        """Name what never ran, write the state, then the report."""
        phase = PipelinePhase.COMPLETED
        if self._stopped:
            phase = PipelinePhase.CANCELLED if self._cancelling else PipelinePhase.FAILED
            why = "the pipeline was cancelled" if self._cancelling else self._gave_up
            await skip_pending(self._fleet, why)
        self._status.enter(PipelinePhase.REPORTING, "writing the report")
        id_ = self._fleet.plan.pipeline_id
        await stages.record_pipeline_state(id_, phase, self._detail())
        json_path, html_path, problem = await write_report(id_)
        message = "; ".join(filter(None, (self._gave_up, problem)))
        self._status.enter(phase, message)
        return PipelineResult(
            pipeline_id=id_,
            phase=phase,
            counts=self._fleet.counts(),
            report_json=json_path,
            report_html=html_path,
            message=message,
        )

    def _detail(self) -> dict[str, Any]:
        """Facts of the run that the report prints."""
        return {
            "parallelism": self._status.parallelism,
            "continued_as_new": self._runs,
            "apps_retried": self._fleet.retried,
            "message": self._gave_up,
            "breakers": [b.model_dump() for b in self._admission.board.progress()],
            **self._fleet.tally.detail(),
        }

    def _state(self) -> PipelineState:
        return PipelineState(
            registered=True,
            pending=tuple(self._fleet.pending),
            results=self._fleet.results,
            whole=tuple(key for key in self._fleet.pending if key in self._fleet.whole),
            tools=self._fleet.tools,
            parallelism=self._status.parallelism,
            paused=self._status.paused,
            breakers=self._admission.board.breakers,
            tally=self._fleet.tally,
            retried=self._fleet.retried,
            runs=self._runs + 1,
        )
