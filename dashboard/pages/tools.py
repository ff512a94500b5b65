"""The tools: of a pipeline, and of this installation."""

from fastapi import APIRouter, Request, Response

from control.installed_tools import installed_tools
from control.tools import tools_of
from dashboard.known import Here, PipelineHere, Reader
from dashboard.rendering import page

router = APIRouter()


@router.get("/tools")
async def installed(request: Request, site: Here, _: Reader) -> Response:
    """What the installation measures with, and who is blind now."""
    answer = await installed_tools(site.stored, site.data_dir, site.analyzers)
    return page(request, "tools.html.j2", installed=answer)


@router.get("/pipelines/{pipeline_id}/tools")
async def of_pipeline(
    request: Request, site: Here, _: Reader, pipeline_id: PipelineHere
) -> Response:
    """What one pipeline was measured with."""
    answer = await tools_of(site.stored, site.data_dir, pipeline_id)
    return page(request, "pipeline_tools.html.j2", pipeline_id=pipeline_id, tools=answer)
