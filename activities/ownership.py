"""Whether the workflow behind an activity still wants its work."""

from temporalio import activity
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from contract.attempt import PAUSED
from contract.limits import ASK_TIMEOUT


async def is_running(workflow_id: str) -> bool:
    """Whether the newest run of this workflow goes on.

    Raises:
        RPCError: the server cannot be asked.
    """
    handle = activity.client().get_workflow_handle(workflow_id)
    try:
        description = await handle.describe(rpc_timeout=ASK_TIMEOUT)
    except RPCError as exc:
        if exc.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return description.status is WorkflowExecutionStatus.RUNNING


async def is_disowned() -> bool:
    """Whether a cancelled attempt must undo its work: it was asked to, or its workflow has closed.

    An attempt that is only replaced (the server was away, the worker froze or shuts down, an
    operator paused or reset it) must leave all as it is: the next attempt goes on with the same run
    of the analyzer and the same containers. A newer run of the same workflow does so, too.
    """
    details = activity.cancellation_details()
    if details is None or details.cancel_requested:
        return True
    if details.worker_shutdown:
        return False
    try:
        return not await is_running(activity.info().workflow_id or "")
    except RPCError:
        return False


async def is_held() -> bool:
    """Whether the workflow of this activity is paused, so that nothing new may begin.

    False when the server does not answer: the activity came from the server just now.
    """
    info = activity.info()
    handle = activity.client().get_workflow_handle(
        info.workflow_id or "", run_id=info.workflow_run_id
    )
    try:
        description = await handle.describe(rpc_timeout=ASK_TIMEOUT)
        return bool((await description.memo()).get(PAUSED))
    except RPCError:
        return False
