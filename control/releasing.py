"""A worker makes its own build the current one: a release that nobody sets current gets no work.

Which build is to be current is said by what is deployed. A build that never was current takes over
as soon as its workers ask for work on every host. One that was current before takes over again when
no worker of the current build is left: it was deployed anew in its place. While there is one,
somebody went back from this build by command, and that stays.

That workers are gone is believed when the server has said so for a minute: one that was started
anew, or moved a queue to another of its machines, knows none until they ask again.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from temporalio.client import Client

from contract.access import Change
from contract.errors import PlatformError
from control.access_kept import KeptAccess
from control.actions import Action
from control.audit import AuditLog
from control.deployment_documents import DeploymentStatus
from control.deployments import as_text, deployment_status, move_stranded, set_current
from control.stored import Stored

_SOON_S, _LATER_S, _SURE_S = 5.0, 15.0, 60.0
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


class Due(Enum):
    """When what begins is to begin on a build."""

    NEVER = "never"
    NOW = "now"
    WHEN_SURE = "when it is sure that no worker of the current one is left"


class Steady:
    """Whether something has been seen again and again for a minute.

    Args:
        sure_s: seconds in which nothing else was seen.
    """

    def __init__(self, sure_s: float = _SURE_S) -> None:
        self._sure_s = sure_s
        self._seen, self._since = "", 0.0

    def is_sure(self, seen: str) -> bool:
        """Note what is seen now; empty: nothing."""
        if seen != self._seen:
            self._seen, self._since = seen, time.monotonic()
        return bool(seen) and time.monotonic() - self._since >= self._sure_s


def due(status: DeploymentStatus, build_id: str) -> Due:
    """When what begins is to begin on this build.

    >>> due(DeploymentStatus(deployment="assay"), "not-known-yet")
    <Due.NEVER: 'never'>
    """
    mine = next((one for one in status.versions if one.build_id == build_id), None)
    if mine is None or not mine.workers or status.current == build_id:
        return Due.NEVER
    if mine.last_current_at is None:
        return Due.NOW
    return Due.NEVER if status.current_workers else Due.WHEN_SURE


async def keep_current(client: Client, release: Release) -> None:
    """Make the build current when it is due, and move to it what waits for workers that are gone.

    It goes on until it is cancelled. Why it cannot is logged once for each cause.
    """
    said, steady = "", Steady()
    while True:
        wait_s = _SOON_S
        try:
            if await look(client, release, steady):
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


async def look(client: Client, release: Release, steady: Steady) -> bool:
    """Do what is due now; whether the build is current.

    Raises:
        PlatformError: the server does not answer, or refuses it.
    """
    name, build = release.deployment, release.build_id
    status = await deployment_status(client, name)
    if status.current == build:
        stranded = [one.build_id for one in status.versions if one.stranded]
        if steady.is_sure(" ".join(stranded)):
            await _tell(release, as_text(await move_stranded(client, name), build))
        return True
    when = due(status, build)
    sure = steady.is_sure("" if when is not Due.WHEN_SURE else f"no worker of {status.current}")
    if when is Due.NEVER or (when is Due.WHEN_SURE and not sure):
        return False
    switched = await set_current(client, name, build, wait_s=_WAIT_S, moves=False)
    before = f" (before: {switched.former})" if switched.former else ""
    await _tell(release, [f"pipelines begin on build {build}{before}"])
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
