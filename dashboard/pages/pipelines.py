"""The list of pipelines."""

from fastapi import APIRouter, Request, Response

from control.listing import merged
from dashboard.known import Here, Reader
from dashboard.rendering import page

router = APIRouter()


@router.get("/pipelines")
async def pipelines(request: Request, site: Here, _: Reader) -> Response:
    """Every pipeline, the newest first."""
    lines = merged(await site.stored.pipelines(), None)
    return page(request, "pipelines.html.j2", lines=lines)
