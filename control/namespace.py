"""Checks that a Temporal namespace exists, and that a worker polls in it."""

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from contract.errors import ErrorCode, PlatformError
from contract.ids import TASK_QUEUE_CONTROL
from control.errors import NoWorkerError
from control.server_errors import refused


async def require_namespace(client: Client, *, with_worker: bool) -> None:
    """Refuse a namespace that is not there, or, with `with_worker`, one without a worker.

    Raises:
        NoWorkerError: no worker polls there.
        PlatformError: there is no such namespace; the server refuses the question.
    """
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=TASK_QUEUE_CONTROL),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    try:
        described = await client.workflow_service.describe_task_queue(request)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise refused(error) from error
        raise PlatformError(
            ErrorCode.INVALID_ARGUMENT,
            f"no namespace {client.namespace} on {client.service_client.config.target_host}",
            next_step="correct TEMPORAL_NAMESPACE, or make it: "
            f"temporal operator namespace create -n {client.namespace}",
        ) from error
    if with_worker and not described.pollers:
        raise NoWorkerError(TASK_QUEUE_CONTROL, client.namespace)
