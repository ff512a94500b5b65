"""A fleet of apps: registered once, a bounded window in flight, reported whatever happens."""

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from contract.progress import PipelinePhase, PipelineResult
    from workflows import measures, search_attributes, stages
    from workflows.admission import Admission
    from workflows.breakers import Breakers
    from workflows.child import Child
    from workflows.closing import account_for, shortcoming, skip_waiting, write_report
    from workflows.display import Display
    from workflows.fleet import Fleet
    from workflows.handlers import PipelineHandlers
    from workflows.intake import Intake
    from workflows.settle import failure_code, finalize
    from workflows.state import PipelineRun
    from workflows.status import Status
    from workflows.window import Window

_Next = workflow.ContinueAsNewVersioningBehavior
_GOES_ON = "what-goes-on-is-recorded"


# An input that cannot be read fails the workflow at once; anything else unexpected would hang it
# until code that can go on is deployed, and loses nothing.
@workflow.defn(name="Pipeline", failure_exception_types=[RuntimeError])
class PipelineWorkflow(PipelineHandlers):
    """Runs one child per app, never two; goes on as new when its history grows long."""

    @workflow.init
    def __init__(self, order: PipelineRun) -> None:
        spec, state = order.header.spec, order.state
        self._order = order
        self._fleet = Fleet(order.header, state)
        self._intake = Intake(self._fleet, order.first)
        self._breakers = Breakers(
            spec.breaker, spec.analyzers, state.breakers, measures.breaker_changed
        )
        self._admission = Admission(self._breakers, spec.analyzers, state.tools)
        self._window = Window(self._breakers, spec, state)
        self._status = Status(self._fleet, self._window, self._admission, self._breakers)
        self._display = Display(self._status)
        # Whether the store says that the pipeline has ended.
        self._has_ended = order.first is None and state.runs == 0

    @workflow.run
    async def run(self, order: PipelineRun) -> PipelineResult:
        """Analyse every app of the plan; with a state, go on from there.

        Cancelled, it ends its children gently and still writes a report of what is missing.
        """
        id_ = search_attributes.PIPELINE.value_set(order.header.pipeline_id)
        workflow.upsert_search_attributes([id_])
        cancelled: asyncio.CancelledError | None = None
        result: PipelineResult | None = None
        while result is None or self._fleet.waiting:
            try:
                await finalize(self._drive, self._cancel)
            except asyncio.CancelledError as exc:
                cancelled = exc
                self._cancel()
            await workflow.wait_condition(workflow.all_handlers_finished)
            if self._fleet.waiting and not self._window.stopped:
                if workflow.info().is_continue_as_new_suggested():
                    # The next run begins on the version that is current then.
                    workflow.continue_as_new(
                        self._next_run(),
                        initial_versioning_behavior=_Next.AUTO_UPGRADE,
                    )
                continue
            result = await finalize(self._close, self._cancel)
            await workflow.wait_condition(workflow.all_handlers_finished)
        if cancelled is not None:
            raise cancelled
        return result

    async def _drive(self) -> None:
        """Have the plan whole, then run its apps until nothing waits or all stops.

        When the history grows long it ends, too, once no app is in flight.
        """
        beside = self._window.background
        beside.run(self._display.keep_up())
        await self._intake.run(lambda: self._is_winding_down() or beside.crashed)
        beside.raise_crash()
        if self._fleet.is_whole:
            await self._go_on()
            self._display.enter(PipelinePhase.RUNNING)
            beside.run(self._admission.probe_while_open())
            beside.run(self._window.promote_in_turn())
            beside.run(self._watch())
            await self._keep_full()
        beside.stop()

    async def _go_on(self) -> None:
        """Take back that the pipeline has ended: what is recorded is not the whole of it now."""
        if self._has_ended and workflow.patched(_GOES_ON):
            id_ = self._order.header.pipeline_id
            await stages.record_pipeline_state(id_, PipelinePhase.RUNNING, {})
        self._has_ended = False

    async def _keep_full(self) -> None:
        """Begin an app whenever the window has room; at the end wait for those in flight."""
        beside = self._window.background

        def is_halted() -> bool:
            return self._window.stopped or beside.crashed

        while await self._next_turn():
            self._window.gave_up = await self._admission.admit(is_halted)
            await self._intake.read_next(is_halted)
            beside.raise_crash()
            if self._may_launch():
                self._launch()
        await workflow.wait_condition(lambda: self._window.is_empty or beside.crashed)
        beside.raise_crash()

    async def _watch(self) -> None:
        """From the first app on, watch what each running app does, for people."""
        await workflow.wait_condition(lambda: not self._window.is_empty)
        await stages.watch_apps(self._order.header.pipeline_id)

    async def _next_turn(self) -> bool:
        """Wait for room and an app; False when this run has nothing more to start."""
        beside = self._window.background
        await workflow.wait_condition(
            lambda: self._may_launch() or self._has_no_more() or beside.crashed
        )
        beside.raise_crash()
        return not self._has_no_more()

    def _may_launch(self) -> bool:
        return self._fleet.waiting > 0 and self._window.may_launch

    def _has_no_more(self) -> bool:
        is_done = not self._fleet.waiting and self._window.is_empty
        return is_done or self._is_winding_down()

    def _is_winding_down(self) -> bool:
        return self._window.stopped or workflow.info().is_continue_as_new_suggested()

    def _launch(self) -> None:
        entry, now = self._fleet.take(), self._window.situation
        app = self._fleet.spec(entry, self._admission.tools)
        orders = self._fleet.orders(
            entry, self._breakers.down(), paused=now.paused, ahead=now.ahead
        )
        child = Child(entry, app, orders, now.opened)
        self._window.launch(child, self._follow(child))

    async def _follow(self, child: Child) -> None:
        """Run the app's workflow to its end, and take in how it ended."""
        try:
            outcome = await child.run()
        except (FailureError, asyncio.CancelledError) as exc:
            reason = "cancelled" if is_cancelled_exception(exc) else failure_code(exc).message
            outcome = await account_for(child, self._admission.tools, reason)
        self._fleet.finish(child.entry, outcome)
        self._breakers.count(outcome, workflow.time())
        self._window.leave(child)

    async def _close(self) -> PipelineResult:
        """Name what never ran, write the state, then the report."""
        window, id_ = self._window, self._order.header.pipeline_id
        phase = PipelinePhase.COMPLETED
        if window.stopped:
            phase = PipelinePhase.CANCELLED if window.cancelling else PipelinePhase.FAILED
            why = "the pipeline was cancelled" if window.cancelling else window.gave_up
            await skip_waiting(self._fleet, self._admission.tools, why)
        self._display.enter(PipelinePhase.REPORTING, "writing the report")
        await stages.record_pipeline_state(id_, phase, self._detail())
        self._has_ended = True
        json_path, html_path, problem = await write_report(id_)
        message = "; ".join(filter(None, (shortcoming(window.gave_up, self._fleet), problem)))
        self._display.enter(phase, message)
        return PipelineResult(
            pipeline_id=id_,
            phase=phase,
            counts=self._fleet.ended.subjects(),
            report_json=json_path,
            report_html=html_path,
            message=message,
        )

    def _detail(self) -> dict[str, Any]:
        """Facts of the run that the report prints."""
        return {
            "parallelism": self._window.size,
            "continued_as_new": self._order.state.runs,
            "apps_retried": self._fleet.retried,
            "message": shortcoming(self._window.gave_up, self._fleet),
            "breakers": [b.model_dump() for b in self._breakers.progress()],
            **self._fleet.tally.detail(),
        }

    def _next_run(self) -> PipelineRun:
        """What the next run goes on from: neither the plan nor the results."""
        update = {
            "tools": self._admission.tools,
            "parallelism": self._window.size,
            "paused": self._window.paused,
            "breakers": self._breakers.by_name,
            "runs": self._order.state.runs + 1,
        }
        state = self._fleet.state().model_copy(update=update)
        return PipelineRun(header=self._order.header, state=state)
