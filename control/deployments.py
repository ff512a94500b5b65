"""Versions of the workers' code: which is current, what runs on which, and how to move it."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.deployment.v1 import WorkerDeploymentInfo, WorkerDeploymentVersion
from temporalio.api.enums.v1 import (
    RoutingConfigUpdateState,
    WorkerDeploymentVersionStatus,
)
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    SetWorkerDeploymentCurrentVersionRequest,
    UpdateWorkflowExecutionOptionsRequest,
)
from temporalio.client import Client
from temporalio.client import WorkflowExecution as Listed
from temporalio.service import RPCError, RPCStatusCode

from contract.errors import ErrorCode, PlatformError
from control.builds import current_of, info_of
from control.deployment_documents import DeployedVersion, DeploymentStatus, Moved, Switched
from control.errors import ALIVE_S, ServerAwayError, WrongInputError
from control.polling import workers_of_builds
from control.server_errors import AWAY, refused, server_asked

_LIMIT = timedelta(seconds=5)
_SETS_LIMIT = timedelta(seconds=15)  # a workflow of the server tells each task queue of it
_EVERY_S, _ROUTED_S = 0.2, 10.0
_AT_ONCE, _ROUNDS = 8, 5
# It knows no such version yet, or not all task queues of it; or it takes no more changes now: each
# worker that starts is one.
_NOT_YET = AWAY | {RPCStatusCode.NOT_FOUND, RPCStatusCode.ABORTED}
_STATE = "WORKER_DEPLOYMENT_VERSION_STATUS_"
_NEVER = datetime.fromtimestamp(0, UTC)


async def deployment_status(client: Client, deployment: str) -> DeploymentStatus:
    """What the server knows of the deployment; a few cheap calls, however many pipelines run.

    Raises:
        PlatformError: it does not answer, or has no Worker Versioning.
    """
    with server_asked():
        info = await info_of(client, deployment)
        seen = await workers_of_builds(client, deployment)
        now = current_of(info)
        versions = [
            await _version(client, one, seen[one.deployment_version.build_id])
            for one in info.version_summaries
        ]
    versions.sort(key=lambda one: (one.build_id == now, one.last_current_at or _NEVER))
    before = [one for one in versions if one.last_current_at and one.build_id != now]
    return DeploymentStatus(
        deployment=deployment,
        current=now,
        former=before[-1].build_id if before else "",
        versions=tuple(reversed(versions)),
        unversioned_workers=seen[""],
    )


async def current_build(client: Client, deployment: str) -> str:
    """Build ID of the current version; empty: none is. Raises as `deployment_status`."""
    with server_asked():
        return current_of(await info_of(client, deployment))


async def set_current(
    client: Client,
    deployment: str,
    build_id: str,
    *,
    wait_s: float = 0.0,
    force: bool = False,
    moves: bool = True,
) -> Switched:
    """Let begin what begins on `build_id`, and what waits for workers that are gone go on there.

    What runs on a version that has workers stays on it. Safe to repeat.

    Args:
        client: of the server.
        deployment: whose version it is.
        build_id: empty: workers that are not versioned.
        wait_s: how long workers of that version may take until the server knows them.
        force: also if the version lacks task queues that the former one has, or has no workers.
        moves: whether what waits for workers that are gone is moved.

    Raises:
        WrongInputError: no worker has said that it is of this version.
        PlatformError: the server does not answer, or refuses it.
    """
    deadline = time.monotonic() + wait_s
    former = await current_build(client, deployment)
    if build_id and not force:
        await _require_workers(client, deployment, build_id, deadline)
    while True:
        try:
            await _set(client, deployment, build_id, force=force or not build_id)
            break
        except RPCError as error:
            if error.status not in _NOT_YET or time.monotonic() > deadline:
                if error.status is RPCStatusCode.NOT_FOUND:
                    known = await _builds(client, deployment)
                    raise _unknown(deployment, build_id, known) from error
                raise _explained(error, build_id) from error
            await asyncio.sleep(_EVERY_S)
    await _routed(client, deployment)
    moved = await move_stranded(client, deployment) if moves else ()
    return Switched(deployment=deployment, current=build_id, former=former, moved=moved)


async def _require_workers(client: Client, deployment: str, build_id: str, deadline: float) -> None:
    """Wait until somebody would work; the server would also take a version whose workers died."""
    with server_asked():
        while not await _has_workers(client, deployment, build_id, deadline):
            if time.monotonic() > deadline:
                known = await _builds(client, deployment)
                if build_id not in known:
                    raise _unknown(deployment, build_id, known)
                raise PlatformError(
                    ErrorCode.FAILED_PRECONDITION,
                    f"build {build_id} cannot be current now: none of its workers asked for work "
                    f"within the last {ALIVE_S:g} s",
                    next_step="start its workers first, or use --force",
                )
            await asyncio.sleep(_EVERY_S)


async def _has_workers(client: Client, deployment: str, build_id: str, deadline: float) -> bool:
    try:
        return (await workers_of_builds(client, deployment))[build_id] > 0
    except RPCError as error:
        if error.status in AWAY and time.monotonic() < deadline:
            return False
        raise


async def _builds(client: Client, deployment: str) -> list[str]:
    """Build IDs that workers have named and the server has not forgotten."""
    with server_asked():
        known = (await info_of(client, deployment)).version_summaries
    return sorted(one.deployment_version.build_id for one in known)


def _unknown(deployment: str, build_id: str, known: Sequence[str]) -> WrongInputError:
    return WrongInputError(
        f"no worker has said that it is build {build_id} of deployment {deployment}; "
        f"there are {', '.join(known) or 'none'}",
        next_step=f"name one of them, or start workers with ASSAY_BUILD_ID={build_id} first",
    )


async def move_stranded(client: Client, deployment: str) -> tuple[Moved, ...]:
    """Move what runs on versions without workers to the current one; raises as `set_current`."""
    status = await deployment_status(client, deployment)
    stranded = [one.build_id for one in status.versions if one.stranded]
    return tuple([await move(client, deployment, one, status.current) for one in stranded])


async def move(client: Client, deployment: str, build_id: str, to: str) -> Moved:
    """Let all that runs on `build_id` go on, once, on the version `to`; what begins stays as it is.

    It replays its history on the other code. Moved apps start anew what waited for a worker.

    Args:
        client: of the server.
        deployment: of both versions.
        build_id: the version to empty.
        to: build ID of another one; empty: workers that are not versioned.

    Raises:
        WrongInputError: nothing runs on `build_id`, and no worker ever said that it is of it.
        PlatformError: the server does not answer, or refuses it.
    """
    ids = set[str]()
    for _ in range(_ROUNDS):  # what is moved may have begun something meanwhile
        with server_asked():
            listed = [one async for one in client.list_workflows(_running_on(deployment, build_id))]
            left = [one for one in listed if one.id not in ids]
            for start in range(0, len(left), _AT_ONCE):
                batch = left[start : start + _AT_ONCE]
                await asyncio.gather(*(_move_one(client, one, deployment, to) for one in batch))
        if not left:
            break
        ids.update(one.id for one in left)
        await asyncio.sleep(_EVERY_S)
    if not ids and build_id not in (known := await _builds(client, deployment)):
        raise _unknown(deployment, build_id, known)
    names = sorted(id_.removeprefix("pipeline/") for id_ in ids if id_.count("/") == 1)
    return Moved(build_id=build_id, workflows=len(ids), pipelines=tuple(names))


async def _move_one(client: Client, listed: Listed, deployment: str, to: str) -> None:
    target = WorkerDeploymentVersion(deployment_name=deployment, build_id=to)
    once = VersioningOverride.OneTimeOverride(target_deployment_version=target)
    override = VersioningOverride(one_time=once) if to else VersioningOverride(auto_upgrade=True)
    request = UpdateWorkflowExecutionOptionsRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=listed.id, run_id=listed.run_id),
        workflow_execution_options=WorkflowExecutionOptions(versioning_override=override),
        update_mask=FieldMask(paths=["versioning_override"]),
    )
    try:
        await client.workflow_service.update_workflow_execution_options(request, timeout=_LIMIT)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # it has ended meanwhile
            raise


async def _version(
    client: Client, one: WorkerDeploymentInfo.WorkerDeploymentVersionSummary, workers: int
) -> DeployedVersion:
    name, build = one.deployment_version.deployment_name, one.deployment_version.build_id
    state = WorkerDeploymentVersionStatus.Name(one.status).removeprefix(_STATE).lower()
    query, workflows, pipelines = _running_on(name, build), 0, 0
    if state != "drained":
        workflows = (await client.count_workflows(query)).count
    if workflows:
        only = f"{query} AND WorkflowType = 'Pipeline'"
        pipelines = (await client.count_workflows(only)).count
    at = one.last_current_time
    return DeployedVersion(
        build_id=build,
        state=state,
        workers=workers,
        pipelines=pipelines,
        workflows=workflows,
        stranded=workflows > 0 and workers == 0 and state != "current",
        last_current_at=at.ToDatetime(tzinfo=UTC) if at.ToSeconds() else None,
    )


def _running_on(deployment: str, build_id: str) -> str:
    return (
        f"TemporalWorkerDeploymentVersion = '{deployment}:{build_id}' "
        "AND ExecutionStatus = 'Running'"
    )


async def _set(client: Client, deployment: str, build_id: str, *, force: bool) -> None:
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace,
        deployment_name=deployment,
        build_id=build_id,
        identity=client.identity,
        ignore_missing_task_queues=force,
        allow_no_pollers=force,
    )
    await client.workflow_service.set_worker_deployment_current_version(
        request, timeout=_SETS_LIMIT
    )


async def _routed(client: Client, deployment: str) -> None:
    """Wait until every task queue knows which version is current; not for long."""
    deadline = time.monotonic() + _ROUTED_S
    underway = RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS
    with suppress(ServerAwayError), server_asked():
        while time.monotonic() < deadline:
            if (await info_of(client, deployment)).routing_config_update_state != underway:
                return
            await asyncio.sleep(_EVERY_S)


def _explained(error: RPCError, build_id: str) -> PlatformError:
    match error.status:
        case RPCStatusCode.FAILED_PRECONDITION:
            return PlatformError(
                ErrorCode.FAILED_PRECONDITION,
                f"build {build_id} cannot be current now: {error.message}",
                next_step="start its workers on every host first, or use --force",
            )
        case _:
            return refused(error)


def as_text(moved: Sequence[Moved], to: str) -> list[str]:
    """What was moved, a line for each version."""
    return [
        f"{one.workflows} workflows of {', '.join(one.pipelines) or 'no pipeline'} began on build "
        f"{one.build_id}, which has no worker any more; they go on on {to or 'unversioned workers'}"
        for one in moved
        if one.workflows
    ]
