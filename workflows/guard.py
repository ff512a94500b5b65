"""The guard of one app: tears it down when its workflow was terminated or timed out.

Neither runs a workflow's own clean-up; but both close it, and its closing cancels the guard
(`ParentClosePolicy.REQUEST_CANCEL`). The guard's ID is also the lock on the app's containers: a new
run of the same app waits until an earlier guard has finished.
"""

import asyncio

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from contract.errors import ErrorCode
    from workflows import policies, stages
    from workflows.settle import failure_code, finalize


@workflow.defn(name="Guard")
class GuardWorkflow:
    """Waits for its release; cancelled before, it removes the app from every host it was on."""

    def __init__(self) -> None:
        self._hosts: list[str] = []
        self._released = False

    @workflow.run
    async def run(self, workflow_id: str) -> list[str]:
        """Guard what `workflow_id` owns; answers with what was done, for people."""
        try:
            await workflow.wait_condition(lambda: self._released)
        except asyncio.CancelledError:
            return [await finalize(lambda h=host: _remove(h, workflow_id)) for host in self._hosts]
        return ["released"]

    @workflow.signal(description="The app is (also) on this host.")
    def own(self, host: str) -> None:
        """Remember `host`."""
        if host not in self._hosts:
            self._hosts.append(host)

    @workflow.signal(description="The app is torn down; the guard may end.")
    def release(self) -> None:
        """End without doing anything."""
        self._released = True


class Guard:
    """The parent's hold on its guard."""

    def __init__(self, handle: workflow.ChildWorkflowHandle[GuardWorkflow, list[str]]) -> None:
        self._handle = handle

    @classmethod
    async def post(cls, workflow_id: str) -> "Guard":
        """Start the guard of the app that `workflow_id` is about to start.

        Raises:
            ApplicationError: an earlier run's guard does not end.
        """
        for _ in range(policies.GUARD_ATTEMPTS):
            try:
                return cls(await _start(workflow_id))
            except WorkflowAlreadyStartedError:
                await asyncio.sleep(policies.GUARD_RETRY.total_seconds())
        raise ApplicationError(
            f"{workflow_id}/guard of an earlier run does not end; terminate it by hand",
            type=ErrorCode.UNAVAILABLE,
        )

    async def own(self, host: str) -> None:
        """Tell it where the app is."""
        await self._tell("own", host)

    async def release(self) -> None:
        """Tell it that all is gone."""
        await self._tell("release")

    async def _tell(self, signal: str, *args: str) -> None:
        """A guard that was terminated hears nothing; the janitor stands behind it."""
        try:
            await self._handle.signal(signal, args=args)
        except FailureError as exc:
            if is_cancelled_exception(exc):
                raise
            workflow.logger.warning("the guard does not answer", extra={"cause": str(exc)})


async def _start(workflow_id: str) -> workflow.ChildWorkflowHandle[GuardWorkflow, list[str]]:
    return await workflow.start_child_workflow(
        GuardWorkflow.run,
        workflow_id,
        id=f"{workflow_id}/guard",
        parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
        cancellation_type=workflow.ChildWorkflowCancellationType.ABANDON,
        static_summary="removes the app if its workflow is terminated",
    )


async def _remove(host: str, workflow_id: str) -> str:
    try:
        gone = await stages.teardown_app(host, workflow_id)
    except ActivityError as exc:
        return f"{host}: {failure_code(exc).message}; the janitor removes it"
    return f"{host}: removed {gone.containers} containers, {gone.networks} networks"
