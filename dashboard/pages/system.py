"""Whether every part of the installation works."""

from fastapi import APIRouter, Request, Response

from control.system import system_health
from dashboard.installation import installation_of
from dashboard.known import Here, Reader, Temporal
from dashboard.rendering import page

router = APIRouter()


@router.get("/system")
async def system(request: Request, site: Here, server: Temporal, _: Reader) -> Response:
    """Every part, asked now."""
    health = await system_health(installation_of(site, server))
    return page(request, "system.html.j2", health=health)
