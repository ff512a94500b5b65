"""On which version of the workers pipelines begin, as a part of the installation."""

import asyncio

from temporalio.client import Client

from contract.errors import PlatformError
from control.deployment_documents import DeployedVersion, DeploymentStatus
from control.deployments import deployment_status
from control.system_documents import Part, PartState

_ID, _NAME = "versions", "Versions of the workers"


async def versions_part(client: Client, deployment: str, limit_s: float) -> Part:
    """What the server says of the deployment within the limit."""
    try:
        async with asyncio.timeout(limit_s):
            status = await deployment_status(client, deployment)
    except TimeoutError:
        return _unknown("the server does not say it in time")
    except PlatformError as error:
        return _unknown(error.message)
    return part_of(status)


def part_of(status: DeploymentStatus) -> Part:
    """How the versions are, and what to do."""
    stranded = any(one.stranded for one in status.versions)
    shown = [one for one in status.versions if one.workers or one.workflows]
    return Part(
        id=_ID,
        name=_NAME,
        state=PartState.AWAY
        if stranded
        else PartState.ATTENTION
        if status.problem
        else PartState.OK,
        detail=status.problem or _begins(status),
        next_step=_step(status),
        facts={f"Build {one.build_id}": _says(one) for one in shown},
    )


def _begins(status: DeploymentStatus) -> str:
    if status.current:
        return f"pipelines begin on build {status.current}"
    return "the workers say no version: pipelines go on on whichever code runs"


def _step(status: DeploymentStatus) -> str:
    stranded = [one.build_id for one in status.versions if one.stranded]
    if stranded:
        return f"start workers of that build, or move what waits: deployment move {stranded[0]}"
    if not status.problem:
        return ""
    if status.current and not status.current_workers:
        return "start its workers, or make the other build current: deployment set-current BUILD"
    if status.current:
        return "start them with ASSAY_BUILD_ID, or stop them"
    return "make one current: deployment set-current BUILD"


def _says(one: DeployedVersion) -> str:
    return f"{one.state}; {one.workers} workers; {one.pipelines} pipelines run on it"


def _unknown(detail: str) -> Part:
    return Part(id=_ID, name=_NAME, state=PartState.UNKNOWN, detail=detail)
