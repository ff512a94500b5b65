"""Which build of the workers' code a workflow is on, and which one is current."""

from datetime import timedelta

from temporalio.api.deployment.v1 import WorkerDeploymentInfo
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.client import WorkflowExecution as Listed
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from control.server_errors import server_asked

_VERSION = SearchAttributeKey.for_keyword("TemporalWorkerDeploymentVersion")
_LIMIT = timedelta(seconds=5)


def build_of(described: WorkflowExecutionDescription) -> str:
    """Build ID of the code that a workflow is on, or was moved to; empty: it is on no version."""
    info = described.raw_description.workflow_execution_info.versioning_info
    # One that waits for something to happen takes note of its move when it does.
    moved = info.versioning_override.one_time.target_deployment_version.build_id
    return moved or info.deployment_version.build_id


def deployment_of(described: WorkflowExecutionDescription) -> str:
    """The deployment that `build_of` belongs to; empty: it is on no version."""
    info = described.raw_description.workflow_execution_info.versioning_info
    moved = info.versioning_override.one_time.target_deployment_version.deployment_name
    return moved or info.deployment_version.deployment_name


def build_listed(workflow: Listed) -> str:
    """Build ID of the code that a listed workflow is on; empty: it is on no version."""
    version = workflow.typed_search_attributes.get(_VERSION) or ""
    return version.partition(":")[2]


async def is_of_other_code(client: Client, described: WorkflowExecutionDescription) -> bool:
    """Whether a workflow is on a version that is not current: it may have no worker any more."""
    info = described.raw_description.workflow_execution_info.versioning_info
    version = info.deployment_version
    if not version.build_id:
        return False
    with server_asked():
        return current_of(await info_of(client, version.deployment_name)) != version.build_id


async def info_of(client: Client, deployment: str) -> WorkerDeploymentInfo:
    """The deployment; an empty one where no worker ever said that it belongs to it."""
    request = DescribeWorkerDeploymentRequest(
        namespace=client.namespace, deployment_name=deployment
    )
    try:
        told = await client.workflow_service.describe_worker_deployment(request, timeout=_LIMIT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return WorkerDeploymentInfo(name=deployment)
        raise
    return told.worker_deployment_info


def current_of(info: WorkerDeploymentInfo) -> str:
    """Build ID of the current version; empty: none is."""
    return info.routing_config.current_deployment_version.build_id
