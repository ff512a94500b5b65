"""Starting a pipeline, or joining the one that runs; the plan that a history tells of."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from contract.errors import ErrorCode, PlatformError
from contract.ids import TASK_QUEUE_CONTROL, pipeline_workflow_id
from contract.progress import PipelineResult
from contract.spec import PipelinePlan, PlannedApp


async def start_pipeline(
    client: Client, plan: PipelinePlan, *, again: bool = False
) -> WorkflowHandle[Any, PipelineResult]:
    """Start the pipeline, or join it where this very plan runs already, whoever started it.

    A handle of a pipeline that was joined has no `first_execution_run_id`.

    Args:
        client: of the server.
        plan: what to do; a `PipelineRun` to go on from a state (retry of a closed pipeline).
        again: run a closed pipeline again; else its ID names the closed one for ever.

    Raises:
        PlatformError: ALREADY_EXISTS for a pipeline that has ended, FAILED_PRECONDITION for one
            that runs with another plan; nothing was started or changed then.
    """
    id_ = pipeline_workflow_id(plan.pipeline_id)
    reuse = WorkflowIDReusePolicy
    try:
        return await client.start_workflow(
            "Pipeline",
            plan,
            id=id_,
            task_queue=TASK_QUEUE_CONTROL,
            result_type=PipelineResult,
            id_reuse_policy=reuse.ALLOW_DUPLICATE if again else reuse.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            static_summary=f"{len(plan.apps)} apps x {', '.join(plan.spec.analyzers)}",
        )
    except WorkflowAlreadyStartedError as error:
        if again:
            message = f"pipeline {plan.pipeline_id} is running again already"
            raise PlatformError(ErrorCode.FAILED_PRECONDITION, message) from error
        handle = client.get_workflow_handle(id_, result_type=PipelineResult)
        await _require_same(client, handle, plan, error)
        return handle


async def _require_same(
    client: Client,
    handle: WorkflowHandle[Any, Any],
    plan: PipelinePlan,
    error: WorkflowAlreadyStartedError,
) -> None:
    name = f"pipeline {plan.pipeline_id}"
    if (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
        raise PlatformError(ErrorCode.ALREADY_EXISTS, f"{name} already ran") from error
    async for running in _plans(client, handle, page_size=1):
        if running.digest != plan.digest:
            message = f"{name} is running with a different spec or different sources"
            raise PlatformError(ErrorCode.FAILED_PRECONDITION, message) from error
        return


async def current_plan(client: Client, pipeline_id: str) -> PipelinePlan:
    """The plan of the pipeline's latest run, with the apps that were added while it ran.

    Apps count even where the store refused them afterwards: ask its record.

    Raises:
        PlatformError: NOT_FOUND when the history is gone.
    """
    handle = client.get_workflow_handle(pipeline_workflow_id(pipeline_id))
    plans = [plan async for plan in _plans(client, handle)]
    if not plans:
        raise PlatformError(ErrorCode.NOT_FOUND, f"the history of pipeline {pipeline_id} is gone")
    return plans[-1]


async def require_readable(client: Client, pipeline_id: str) -> None:
    """Whether this process has the keys of the pipeline's history, as far as that can be looked at.

    Raises:
        PlatformError: FAILED_PRECONDITION, naming the key that is missing.
    """
    handle = client.get_workflow_handle(pipeline_workflow_id(pipeline_id))
    with suppress(RPCError):
        async for _ in _plans(client, handle, page_size=1):
            return


async def _plans(
    client: Client, handle: WorkflowHandle[Any, Any], *, page_size: int | None = None
) -> AsyncIterator[PipelinePlan]:
    """The plan as it was at the start, then after each `add_apps`."""
    decode = client.data_converter.decode
    plan: PipelinePlan | None = None
    async for event in handle.fetch_history_events(page_size=page_size):
        if plan is None:
            started = event.workflow_execution_started_event_attributes
            (first,) = await decode(started.input.payloads[:1], [PipelinePlan])
            plan = first
            yield first
            continue
        for request in (
            event.workflow_execution_update_accepted_event_attributes.accepted_request,
            event.workflow_execution_update_admitted_event_attributes.request,  # after a reset
        ):
            if request.input.name == "add_apps":
                (added,) = await decode(request.input.args.payloads[:1], [list[PlannedApp]])
                apps = {app.ref: app for app in (*plan.apps, *added)}
                plan = plan.model_copy(update={"apps": tuple(apps.values())})
                yield plan
