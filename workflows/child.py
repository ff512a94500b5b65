"""The children of a pipeline: one workflow per app, started, followed, told and cancelled."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import (
    FailureError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from contract.analysis import AppOutcome
    from contract.spec import AppSpec
    from workflows import policies, stages
    from workflows.analyze_app import AnalyzeAppWorkflow
    from workflows.settle import settle
    from workflows.state import AppOrders, AppRun

    Handle = workflow.ChildWorkflowHandle[AnalyzeAppWorkflow, AppOutcome]


class Children:
    """What is in flight. Its length is what the window counts."""

    def __init__(self) -> None:
        self._keys: dict[str, asyncio.Task[None]] = {}
        self._runs: dict[str, asyncio.Task[AppOutcome]] = {}
        self._handles: dict[str, Handle] = {}
        self._cancelled = False

    def __len__(self) -> int:
        return len(self._keys)

    def spawn(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        """Run `work`, which awaits `run`, in the background."""
        self._keys[key] = asyncio.create_task(work)

    def done(self, key: str) -> None:
        """Called by the work of `key` when all is recorded."""
        self._keys.pop(key, None)

    async def run(self, key: str, app: AppSpec, orders: AppOrders) -> AppOutcome:
        """Outcome of the app's workflow: ours, or the one that already runs, never a second one.

        It is a task of its own, so that a cancel reaches it alone and not what its caller records.
        """
        task = self._runs[key] = asyncio.create_task(self._follow(key, app, orders))
        if self._cancelled:
            task.cancel()
        try:
            return await task
        finally:
            del self._runs[key]

    async def _follow(self, key: str, app: AppSpec, orders: AppOrders) -> AppOutcome:
        while True:
            try:
                handle = await _start(app, orders)
            except WorkflowAlreadyStartedError:
                outcome = await stages.await_app(app)
                if outcome is not None:
                    return outcome
                await asyncio.sleep(policies.GUARD_RETRY.total_seconds())
                continue
            self._handles[key] = handle
            try:
                return await handle
            finally:
                del self._handles[key]

    async def tell(self, signal: str, *args: Any) -> None:
        """Signal every child in flight."""
        await settle(*(_tell(handle, signal, args) for handle in list(self._handles.values())))

    def cancel(self) -> None:
        """Cancel every child in flight; each still tears down and records."""
        self._cancelled = True
        for task in self._runs.values():
            task.cancel()


async def _start(app: AppSpec, orders: AppOrders) -> Handle:
    template = f", {app.template.name or app.template.slug}" if app.template else ""
    return await workflow.start_child_workflow(
        AnalyzeAppWorkflow.run,
        AppRun(**dict(app), orders=orders),
        id=app.workflow_id,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
        cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        static_summary=f"{app.ref.model} app {app.ref.app_number}{template}",
    )


async def _tell(handle: Handle, signal: str, args: tuple[Any, ...]) -> None:
    """A child that has just ended hears nothing, and need not."""
    try:
        await handle.signal(signal, args=args)
    except FailureError as exc:
        if is_cancelled_exception(exc):
            raise
