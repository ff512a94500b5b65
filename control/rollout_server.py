"""Checks of what an installation shares: server, namespace, workers, store, janitor."""

from collections.abc import Iterable

from contract.errors import PlatformError
from control.deployments import deployment_status
from control.rollout import RolloutCheck, failed, passed, unmeasured
from control.system import Installation, system_health
from control.system_documents import Part, PartState, ScheduleHealth

_ASKED = ("server", "namespace", "worker", "store")
_NAMES = {"worker": "worker polls"}


async def check_server(installation: Installation, deployment: str) -> tuple[RolloutCheck, ...]:
    """One check for each of them, and whether the workers' `deployment` keeps work from anybody."""
    health = await system_health(installation)
    parts = [part for part in health.parts if part.id in _ASKED]
    told = tuple(map(_of_part, parts))
    if any(part.id == "server" and part.state is PartState.AWAY for part in parts):
        return told
    return (*told, _janitor(health.schedules), await _builds(installation, deployment))


async def _builds(installation: Installation, deployment: str) -> RolloutCheck:
    """Whether what begins, and what runs, finds workers of its version."""
    name = "worker versions"
    try:
        status = await deployment_status(await installation.connect(), deployment)
    except PlatformError as error:
        return unmeasured(name, error.message, error.next_step)
    if status.problem:
        step = "make the version of the new workers current, or start workers of the other one"
        return failed(name, status.problem, step)
    current = f"{status.current} is current" if status.current else "workers are not versioned"
    return passed(name, current)


def _of_part(part: Part) -> RolloutCheck:
    name = _NAMES.get(part.id, part.id)
    match part.state:
        case PartState.AWAY:
            return failed(name, part.detail, part.next_step or "see that it runs")
        case PartState.UNKNOWN:
            return unmeasured(name, part.detail, part.next_step)
        case _:
            return passed(name, part.detail)


def _janitor(schedules: Iterable[ScheduleHealth] | None) -> RolloutCheck:
    if schedules is None:
        return unmeasured("janitor", "the server does not list its schedules")
    ours = [one for one in schedules if one.purpose.startswith("removes what is left")]
    still = [one for one in ours if one.state is not PartState.OK]
    if not ours:
        return failed("janitor", "no worker has made its schedule", "start a worker")
    if still:
        step = still[0].next_step or "start the worker of that host anew"
        return failed("janitor", f"{still[0].id} does not run", step)
    return passed("janitor", f"{len(ours)} scheduled, one for each host")
