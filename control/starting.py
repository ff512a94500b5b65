"""Starting a pipeline, or joining the one that runs: a header first, then the pages of its plan."""

import asyncio
from contextlib import suppress
from typing import Any

from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from contract.errors import ErrorCode, PlatformError
from contract.ids import TASK_QUEUE_CONTROL, pipeline_workflow_id
from contract.plan import PlanHeader, PlanPage, pages_of
from contract.progress import PipelineResult
from contract.roles import in_words
from contract.spec import PipelinePlan
from control.errors import AlreadyRanError, OtherPlanError, ServerAwayError
from control.prioritising import priority_of
from control.server_errors import refused, server_asked
from control.updates import answer_of, interrupted
from workflows.pipeline import PipelineWorkflow
from workflows.state import PipelineRun

Handle = WorkflowHandle[PipelineWorkflow, PipelineResult]

# How long one page may take: it needs a worker, which registers the page.
_PAGE_S = 120.0
# Under which a pipeline's memo has the digest of its plan.
_PLAN = "plan"


async def start_pipeline(client: Client, plan: PipelinePlan, started_by: str = "") -> Handle:
    """Start the pipeline, or join it where this very plan runs already, whoever started it.

    A plan of one page is handed over with the start, also while no worker runs. Further pages are
    taken by a worker. Where that was broken off, whoever submits the plan again goes on with it.
    A handle of a pipeline that was joined has no `first_execution_run_id`.

    Raises:
        AlreadyRanError: the ID stands for a pipeline that has ended; nothing was started.
        OtherPlanError: the ID stands for a pipeline with another plan; nothing was changed.
        PlatformError: UNAVAILABLE when no worker takes a page; the reason of a pipeline that
            refuses one.
    """
    try:
        handle = await _start(client, PipelineRun.of(plan, started_by), again=False)
    except WorkflowAlreadyStartedError as error:
        handle = client.get_workflow_handle_for(
            PipelineWorkflow.run, pipeline_workflow_id(plan.pipeline_id)
        )
        await _require_same(handle, plan, error)
    await _send_pages(handle, plan)
    return handle


async def require_startable(client: Client, plan: PipelinePlan) -> None:
    """Refuse a plan that `start_pipeline` would refuse now; nothing is started.

    Raises:
        AlreadyRanError: the ID stands for a pipeline that has ended.
        OtherPlanError: the ID stands for a pipeline with another plan.
        PlatformError: the server does not answer.
    """
    handle = client.get_workflow_handle_for(
        PipelineWorkflow.run, pipeline_workflow_id(plan.pipeline_id)
    )
    try:
        await handle.describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return
        raise refused(error) from error
    await _require_same(handle, plan)


async def start_again(client: Client, order: PipelineRun) -> Handle:
    """Start a pipeline that has ended once more.

    Raises:
        PlatformError: FAILED_PRECONDITION, it runs already.
    """
    try:
        return await _start(client, order, again=True)
    except WorkflowAlreadyStartedError as error:
        message = f"pipeline {order.header.pipeline_id} is running again already"
        raise PlatformError(ErrorCode.FAILED_PRECONDITION, message) from error


async def require_readable(client: Client, pipeline_id: str) -> None:
    """Whether this process has the keys of the pipeline's history, as far as that can be looked at.

    Raises:
        PlatformError: FAILED_PRECONDITION, naming the key that is missing.
    """
    handle = client.get_workflow_handle(pipeline_workflow_id(pipeline_id))
    with suppress(RPCError):
        async for event in handle.fetch_history_events(page_size=1):
            started = event.workflow_execution_started_event_attributes
            await client.data_converter.decode(started.input.payloads[:1])
            return


async def _start(client: Client, order: PipelineRun, *, again: bool) -> Handle:
    reuse = WorkflowIDReusePolicy
    header = order.header
    with server_asked():
        return await client.start_workflow(
            PipelineWorkflow.run,
            order,
            id=pipeline_workflow_id(header.pipeline_id),
            task_queue=TASK_QUEUE_CONTROL,
            id_reuse_policy=reuse.ALLOW_DUPLICATE if again else reuse.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            memo={_PLAN: header.digest},
            priority=priority_of(header.pipeline_id, header.spec.priority),
            static_summary=_summary(header),
        )


def _summary(header: PlanHeader) -> str:
    """The pipeline in one line of the server's list."""
    beside = in_words(header.beside)
    apps = f"{header.total} apps ({beside} among them)" if beside else f"{header.total} apps"
    return f"{apps} x {', '.join(header.spec.analyzers)}"


async def _require_same(handle: Handle, plan: PipelinePlan, error: Exception | None = None) -> None:
    name = f"pipeline {plan.pipeline_id}"
    with server_asked():
        description = await handle.describe()
    if description.status is not WorkflowExecutionStatus.RUNNING:
        raise AlreadyRanError(plan.pipeline_id, f"{name} already ran") from error
    if await description.memo_value(_PLAN, "") != plan.digest:
        message = f"{name} is running with a different spec or different sources"
        raise OtherPlanError(plan.pipeline_id, message) from error


async def _send_pages(handle: Handle, plan: PipelinePlan) -> None:
    """Send what the pipeline lacks: it answers each page with how many apps have come."""
    came = 0
    for page in pages_of(plan)[1:]:
        if page.first >= came:
            came = await _send(handle, page)


async def _send(handle: Handle, page: PlanPage) -> int:
    """How many apps of the plan have come, with those of `page`."""
    name = handle.id.removeprefix("pipeline/")
    try:
        async with asyncio.timeout(_PAGE_S):
            return await _update(handle, page)
    except (TimeoutError, ServerAwayError) as error:
        message = f"no worker takes the plan of pipeline {name}"
        next_step = "submit it again when a worker runs"
        raise PlatformError(ErrorCode.UNAVAILABLE, message, next_step=next_step) from error
    except WorkflowUpdateFailedError as error:
        cause: Any = error.cause or error
        message = f"pipeline {name} refused a page of its plan: {cause.message}"
        raise PlatformError(ErrorCode.FAILED_PRECONDITION, message) from error
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise refused(error) from error
        message = f"pipeline {name} ended before its plan had come whole"
        raise AlreadyRanError(name, message) from error


async def _update(handle: Handle, page: PlanPage) -> int:
    # One update for all who send the same page at once.
    id_ = f"page-{page.first}-{page.digest[:16]}"
    try:
        return answer_of(await handle.execute_update(PipelineWorkflow.add_page, page, id=id_))
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        raise interrupted(error) from error
