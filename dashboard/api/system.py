"""Whether every part of the installation works."""

from fastapi import APIRouter

from control.system import system_health
from control.system_documents import SystemHealth
from dashboard.installation import installation_of
from dashboard.known import Here, Reader, Temporal

router = APIRouter(tags=["system"])


@router.get("/system", operation_id="system_health", summary="Health of every part")
async def system(site: Here, server: Temporal, _: Reader) -> SystemHealth:
    """Server, namespace, queues, schedules, worker, analyzers, engine, store, disk, versions.

    A part that is away is an answer, not an error. Takes about two seconds at most.
    """
    return await system_health(installation_of(site, server))
