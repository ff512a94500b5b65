"""Worker Versioning: which version of a deployment a worker says it is."""

from datetime import timedelta

from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    ListWorkerDeploymentsRequest,
)
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig

from contract.errors import ErrorCode, PlatformError

_LIMIT = timedelta(seconds=10)
_UNSUPPORTED = frozenset(
    {
        RPCStatusCode.UNIMPLEMENTED,  # a server before 1.28
        RPCStatusCode.PERMISSION_DENIED,  # switched off for the namespace
        RPCStatusCode.INVALID_ARGUMENT,
    }
)


def deployment_config(deployment: str, build_id: str) -> WorkerDeploymentConfig | None:
    """What a worker is to be made with; None without a build ID: it is not versioned.

    A workflow stays on the version that it began with, unless its class says otherwise
    (`workflows_of`). That is said of the worker and not of each workflow: a server refuses the
    latter from a worker that is not versioned.
    """
    if not build_id:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_name=deployment, build_id=build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.PINNED,
    )


async def require_versioning(client: Client) -> None:
    """Refuse a server that cannot tell versions of workers apart; such a worker gets no work.

    Raises:
        PlatformError: FAILED_PRECONDITION: it cannot; UNAVAILABLE: it does not answer.
    """
    request = ListWorkerDeploymentsRequest(namespace=client.namespace, page_size=1)
    try:
        await client.workflow_service.list_worker_deployments(request, timeout=_LIMIT)
    except RPCError as error:
        if error.status not in _UNSUPPORTED:
            raise PlatformError(ErrorCode.UNAVAILABLE, f"Temporal: {error.message}") from error
        raise PlatformError(
            ErrorCode.FAILED_PRECONDITION,
            f"ASSAY_BUILD_ID is set, and this Temporal server has no Worker Versioning: "
            f"{error.message}; use a server of 1.29.1 or later, or unset ASSAY_BUILD_ID",
        ) from error


async def is_current(client: Client, deployment: str, build_id: str) -> bool:
    """Whether what begins is given to workers of this build; empty: to those without a version.

    Raises:
        RPCError: the server does not say.
    """
    request = DescribeWorkerDeploymentRequest(
        namespace=client.namespace, deployment_name=deployment
    )
    try:
        told = await client.workflow_service.describe_worker_deployment(request, timeout=_LIMIT)
    except RPCError as error:
        if error.status not in _UNSUPPORTED | {RPCStatusCode.NOT_FOUND}:
            raise
        return not build_id  # there are no versions
    routed = told.worker_deployment_info.routing_config
    return routed.current_deployment_version.build_id == build_id
