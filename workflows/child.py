"""One app in flight: starts its workflow, awaits its outcome, signals it and cancels it."""

import asyncio
from typing import Any, NamedTuple

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import (
    FailureError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from contract.outcome import AppOutcome
    from contract.plan import AppEntry
    from contract.progress import BreakerProgress
    from contract.spec import AppSpec
    from workflows import measures, policies, stages
    from workflows.analyze_app import AnalyzeAppWorkflow
    from workflows.state import AppOrders, AppRun

    Handle = workflow.ChildWorkflowHandle[AnalyzeAppWorkflow, AppOutcome]


class Situation(NamedTuple):
    """What an app's workflow has to know of its pipeline.

    Attributes:
        opened: names of the breakers that are open.
        ahead: whether the app's turn has yet to come.
    """

    paused: bool
    opened: frozenset[str]
    ahead: bool


class Child:
    """One app in flight.

    Attributes:
        ahead: whether it is built ahead of its turn; the window does not count it then.
        handle: its workflow, from its start to its end.
        knows: the situation that its workflow was signalled last.
    """

    def __init__(
        self, entry: AppEntry, app: AppSpec, orders: AppOrders, opened: frozenset[str]
    ) -> None:
        self.entry = entry
        self.app = app
        self.orders = orders
        self.ahead = orders.ahead
        self.handle: Handle | None = None
        self.knows = Situation(paused=orders.paused, opened=opened, ahead=orders.ahead)
        self._cancelled = False
        self._following: asyncio.Task[AppOutcome] | None = None

    async def run(self) -> AppOutcome:
        """Outcome of the app's workflow: ours, or the one that already runs, never a second one.

        It is followed in a task of its own: a cancel does not reach what the caller records.
        """
        self._following = asyncio.create_task(self._follow())
        if self._cancelled:
            self._following.cancel()
        return await self._following

    def cancel(self) -> None:
        """Cancel its workflow, which still tears the app down and records."""
        self._cancelled = True
        if self._following is not None:
            self._following.cancel()

    async def inform(self, now: Situation, breakers: dict[str, BreakerProgress]) -> None:
        """Signal what has changed since the last time."""
        before, self.knows = self.knows, now
        if before.ahead and not now.ahead:
            await self._signal(AnalyzeAppWorkflow.go)
        if before.paused != now.paused:
            change = AnalyzeAppWorkflow.pause if now.paused else AnalyzeAppWorkflow.resume
            await self._signal(change)
        for name in sorted(before.opened ^ now.opened):
            await self._signal(AnalyzeAppWorkflow.breaker_changed, breakers[name])

    async def _signal(self, signal: Any, *arguments: BreakerProgress) -> None:
        """Send one signal; a workflow that has just ended need not get it."""
        try:
            if self.handle is not None:
                await self.handle.signal(signal, *arguments)
        except FailureError as exc:
            if is_cancelled_exception(exc):
                raise

    async def _follow(self) -> AppOutcome:
        while True:
            try:
                self.handle = await _start(self.app, self.orders)
            except WorkflowAlreadyStartedError:
                outcome = await stages.await_app(self.app)
                if outcome is not None:
                    return outcome
                await asyncio.sleep(policies.GUARD_RETRY.total_seconds())
                continue
            try:
                return await self.handle
            finally:
                self.handle = None


async def _start(app: AppSpec, orders: AppOrders) -> Handle:
    with measures.creating_task():
        return await _started(app, orders)


async def _started(app: AppSpec, orders: AppOrders) -> Handle:
    template = f", {app.template.name or app.template.slug}" if app.template else ""
    return await workflow.start_child_workflow(
        AnalyzeAppWorkflow.run,
        AppRun(app=app, orders=orders),
        id=app.workflow_id,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
        cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        static_summary=f"{app.ref.model} app {app.ref.app_number}{template}",
    )
