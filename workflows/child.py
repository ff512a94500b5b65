"""The children of a pipeline: one workflow per app, started, followed, told and cancelled."""

import asyncio
from collections.abc import Callable, Coroutine
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
    from contract.progress import BreakerProgress
    from contract.spec import AppSpec
    from workflows import policies, stages
    from workflows.analyze_app import AnalyzeAppWorkflow
    from workflows.settle import settle
    from workflows.state import AppOrders, AppRun

    Handle = workflow.ChildWorkflowHandle[AnalyzeAppWorkflow, AppOutcome]


class Signal(NamedTuple):
    """One signal to a child."""

    name: str
    argument: BreakerProgress | None = None


class Children:
    """What is in flight, and what is built ahead of its turn."""

    def __init__(self) -> None:
        self._crash: Exception | None = None
        self._keys: dict[str, asyncio.Task[None]] = {}
        self._runs: dict[str, asyncio.Task[AppOutcome]] = {}
        self._handles: dict[str, Handle] = {}
        self._ahead: list[str] = []
        self._cancelled = False

    @property
    def in_window(self) -> int:
        """How many the window counts: all but those that are built ahead."""
        return len(self) - self.ahead

    @property
    def ahead(self) -> int:
        """How many are built ahead of their turn."""
        return len(self._ahead)

    def is_ahead(self, key: str) -> bool:
        """Whether the turn of `key` has not come."""
        return key in self._ahead

    async def promote(self) -> None:
        """The turn of the one that waits longest has come."""
        handle = self._handles.get(self._ahead.pop(0))
        if handle is not None:  # else it is being started, and hears it as soon as it can be told
            await _tell(handle, Signal("go"))

    def __len__(self) -> int:
        return len(self._keys)

    def spawn(self, key: str, work: Coroutine[Any, Any, None], *, ahead: bool = False) -> None:
        """Run `work`, which awaits `run`, in the background."""
        if ahead:
            self._ahead.append(key)

        async def watched() -> None:
            try:
                await work
            except Exception as exc:
                self._crash = exc

        self._keys[key] = asyncio.create_task(watched())

    @property
    def crashed(self) -> bool:
        """Whether something unexpected ended the work of a child, which is then never `done`."""
        return self._crash is not None

    def raise_crash(self) -> None:
        """Raise it where the workflow shows it to people, instead of waiting for ever."""
        if self._crash is not None:
            raise self._crash

    def done(self, key: str) -> None:
        """Called by the work of `key` when all is recorded."""
        self._keys.pop(key, None)
        if key in self._ahead:
            self._ahead.remove(key)

    async def run(
        self, key: str, app: AppSpec, orders: AppOrders, missed: Callable[[], list[Signal]]
    ) -> AppOutcome:
        """Outcome of the app's workflow: ours, or the one that already runs, never a second one.

        It is a task of its own, so that a cancel reaches it alone and not what its caller records.
        `missed`: the signals that came while the child was being started and could not be told.
        """
        task = self._runs[key] = asyncio.create_task(self._follow(key, app, orders, missed))
        if self._cancelled:
            task.cancel()
        try:
            return await task
        finally:
            del self._runs[key]

    async def _follow(
        self, key: str, app: AppSpec, orders: AppOrders, missed: Callable[[], list[Signal]]
    ) -> AppOutcome:
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
                for signal in missed():
                    await _tell(handle, signal)
                return await handle
            finally:
                del self._handles[key]

    async def tell(self, signal: Signal) -> None:
        """Signal every child in flight."""
        await settle(*(_tell(handle, signal) for handle in list(self._handles.values())))

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


async def _tell(handle: Handle, signal: Signal) -> None:
    """A child that has just ended hears nothing, and need not."""
    args = [] if signal.argument is None else [signal.argument]
    try:
        await handle.signal(signal.name, args=args)
    except FailureError as exc:
        if is_cancelled_exception(exc):
            raise
