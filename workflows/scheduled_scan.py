"""One run of a schedule: a plan made anew, one pipeline, and what it says against the run before.

The pipeline is no child: it goes on by itself, whatever becomes of this workflow. Its ID is made of
the schedule's name and the time that the run is of, so that one time is one pipeline.
"""

import asyncio
from contextlib import suppress
from datetime import datetime

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from contract.ids import scan_pipeline_id
    from contract.scans import ScanComparison, ScanOrder, ScanRun, ScanState
    from workflows import scan_stages as stages
    from workflows.settle import failure_code, finalize

# Set by the server on what a Schedule starts: the time that was meant, before any jitter.
_SCHEDULED = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")


@workflow.defn(name="ScheduledScan")
class ScheduledScanWorkflow:
    """Runs a kept spec once more."""

    @workflow.init
    def __init__(self, order: ScanOrder) -> None:
        self._order = order
        self._cancelling = False
        at = _scheduled_at()
        self._run = ScanRun(
            schedule=order.name,
            scheduled_at=at,
            pipeline_id=scan_pipeline_id(order.name, at),
            began_at=workflow.now(),
        )

    @workflow.run
    async def run(self, order: ScanOrder) -> ScanRun:
        """Run to the end; cancelled, it cancels its pipeline and waits for what that still says."""
        await finalize(self._scan, self._cancel)
        return self._run

    def _cancel(self) -> None:
        self._cancelling = True

    async def _scan(self) -> None:
        with suppress(ActivityError):
            missed = await stages.missed_scans(self._order, self._run.scheduled_at)
            self._update(missed=tuple(missed))
        await stages.record_scan(self._run)
        if await self._start():
            await self._follow()
        self._update(ended_at=workflow.now())
        await self._tell()
        await stages.record_scan(self._run)

    async def _start(self) -> bool:
        """Plan, then start the pipeline; False: there is none, and the run says why."""
        if not self._cancelling:
            try:
                plan = await stages.plan_scan(self._order, self._run.pipeline_id)
                if not self._cancelling:
                    by = f"schedule {self._order.name}"
                    self._update(apps=await stages.start_scan(plan, by))
                    return True
            except ActivityError as exc:
                reason = failure_code(exc).message
                self._update(state=ScanState.NOT_STARTED, reason=reason)
                return False
        self._update(state=ScanState.CANCELLED, reason="cancelled before its pipeline began")
        return False

    async def _follow(self) -> None:
        """Wait for the pipeline's end, however often that is interrupted, then compare it."""
        waiting = asyncio.create_task(stages.await_scan(self._run.pipeline_id))
        await workflow.wait_condition(lambda: waiting.done() or self._cancelling)
        if not waiting.done():
            await stages.cancel_scan(self._run.pipeline_id)
        end = await waiting
        self._update(state=end.state, reason=end.message)
        if end.state is ScanState.COMPLETED:
            self._update(comparison=await self._compared())

    async def _compared(self) -> ScanComparison:
        try:
            return await stages.compare_scan(self._order, self._run)
        except ActivityError as exc:
            return ScanComparison(note=f"not compared: {failure_code(exc).message}")

    async def _tell(self) -> None:
        try:
            self._run = await stages.notify_of_scan(self._order, self._run)
        except ActivityError as exc:
            self._update(untold=(failure_code(exc).message,))

    def _update(self, **fields: object) -> None:
        self._run = self._run.model_copy(update=fields)


def _scheduled_at() -> datetime:
    """The time that this run is of, in whole seconds."""
    told = workflow.info().typed_search_attributes.get(_SCHEDULED)
    return (told or workflow.info().start_time).replace(microsecond=0)
