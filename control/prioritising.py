"""How urgent a pipeline is, as the server knows it, and how that is changed while it runs."""

import asyncio
from datetime import timedelta

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import Priority as ServerPriority
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionOptionsRequest
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.common import Priority
from temporalio.service import RPCError, RPCStatusCode

from contract.ids import pipeline_workflow_id
from contract.priority import PipelinePriority
from control.server_errors import explained

_LIMIT = timedelta(seconds=5)
_AT_ONCE = 16


def priority_of(pipeline_id: str, priority: PipelinePriority) -> Priority:
    """What a pipeline is started with; all that it starts inherits it.

    The pipeline's ID is the key of fairness: pipelines that are as urgent take turns in every
    queue, however much each of them has waiting there.
    """
    return Priority(priority_key=priority.key, fairness_key=pipeline_id)


def priority_told(described: WorkflowExecutionDescription) -> PipelinePriority:
    """How urgent the server takes the pipeline to be now."""
    execution = described.raw_description.workflow_execution_info
    return PipelinePriority.of_key(execution.priority.priority_key)


async def change_priority(client: Client, pipeline_id: str, priority: PipelinePriority) -> int:
    """Let the pipeline, and its apps in flight, be as urgent as `priority`; how many those are.

    What it begins from now on inherits it, and what waits in a queue takes its new place there;
    what has a slot goes on. A pipeline that continues as new keeps it. Safe to repeat.

    Raises:
        PlatformError: the server knows no such pipeline, or does not answer.
    """
    id_ = pipeline_workflow_id(pipeline_id)
    try:
        # The pipeline first: what it starts from then on inherits the new one.
        await _change(client, id_, priority)
        described = await client.get_workflow_handle(id_).describe()
        apps = [one.workflow_id for one in described.raw_description.pending_children]
        for start in range(0, len(apps), _AT_ONCE):
            batch = apps[start : start + _AT_ONCE]
            await asyncio.gather(*(_change_app(client, app, priority) for app in batch))
    except RPCError as error:
        raise explained(error, pipeline_id) from error
    return len(apps)


async def _change_app(client: Client, workflow_id: str, priority: PipelinePriority) -> None:
    try:
        await _change(client, workflow_id, priority)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # it has ended meanwhile
            raise


async def _change(client: Client, workflow_id: str, priority: PipelinePriority) -> None:
    options = WorkflowExecutionOptions(priority=ServerPriority(priority_key=priority.key))
    request = UpdateWorkflowExecutionOptionsRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=workflow_id),
        workflow_execution_options=options,
        update_mask=FieldMask(paths=["priority.priority_key"]),
    )
    await client.workflow_service.update_workflow_execution_options(request, timeout=_LIMIT)
