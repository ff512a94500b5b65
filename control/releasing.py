"""A worker makes its own build the current one: a release that nobody sets current gets no work.

Which build is to be current is said by what is deployed. A build that never was current takes over
as soon as its workers ask for work on every host. One that was current before takes over again when
no worker of the current build is left: it was deployed anew in its place. While there is one,
somebody went back from this build by command, and that stays.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from temporalio.client import Client

from contract.access import Change
from contract.errors import PlatformError
from control.access_kept import KeptAccess
from control.actions import Action
from control.audit import AuditLog
from control.deployment_documents import DeploymentStatus
from control.deployments import as_text, deployment_status, move_stranded, set_current
from control.stored import Stored

_SOON_S, _LATER_S = 5.0, 30.0
# Workers of several hosts ask for the same at once, and the server takes one change at a time.
_WAIT_S = 10.0

logger = logging.getLogger("assay.releasing")


@dataclass(frozen=True, slots=True)
class Release:
    """What a worker deploys.

    Attributes:
        deployment: that the build belongs to.
        build_id: of the worker's own code.
        host: of the worker, for the log of changes.
        store_url: of the store that has this log.
    """

    deployment: str
    build_id: str
    host: str
    store_url: str


def is_due(status: DeploymentStatus, build_id: str) -> bool:
    """Whether what begins is to begin on this build, which is not current.

    >>> is_due(DeploymentStatus(deployment="assay"), "not-known-yet")
    False
    """
    mine = next((one for one in status.versions if one.build_id == build_id), None)
    if mine is None or not mine.workers or status.current == build_id:
        return False
    return mine.last_current_at is None or not status.current_workers


async def keep_current(client: Client, release: Release) -> None:
    """Make the build current when it is due, and move to it what waits for workers that are gone.

    It goes on until it is cancelled. Why it cannot is logged once for each cause.
    """
    said = ""
    while True:
        wait_s = _SOON_S
        try:
            if await look(client, release):
                wait_s = _LATER_S
            said = ""
        except PlatformError as error:
            if error.message != said:
                logger.warning("build %s: %s", release.build_id, error.message)
            said = error.message
        except Exception:  # nothing that watches may end the worker
            if not said:
                logger.exception("build %s: its deployment cannot be seen to", release.build_id)
            said = "it"
        await asyncio.sleep(wait_s)


async def look(client: Client, release: Release) -> bool:
    """Do what is due now; whether the build is current.

    Raises:
        PlatformError: the server does not answer, or refuses it.
    """
    name, build = release.deployment, release.build_id
    status = await deployment_status(client, name)
    if status.current == build:
        if any(one.stranded for one in status.versions):
            moved = await move_stranded(client, name)
            await _tell(release, as_text(moved, build))
        return True
    if not is_due(status, build):
        return False
    switched = await set_current(client, name, build, wait_s=_WAIT_S)
    before = f" (before: {switched.former})" if switched.former else ""
    lines = [f"pipelines begin on build {build}{before}"]
    await _tell(release, [*lines, *as_text(switched.moved, build)])
    return True


async def _tell(release: Release, lines: Sequence[str]) -> None:
    """Say it in the worker's log, and in the log of changes, when it is done: it may be refused."""
    kept = KeptAccess(Stored(release.store_url, in_use=lambda: True))
    try:
        for line in lines:
            logger.info("%s", line)
            change = Change(
                who="worker",
                action=Action.VERSION,
                subject=f"deployment {release.deployment}",
                detail=line,
                address=f"worker@{release.host}",
            )
            async with AuditLog(kept).keeping(change, _unkept):
                pass
    finally:
        await kept.close()


def _unkept(why: str) -> None:
    logger.warning("not recorded in the audit log: %s", why)
