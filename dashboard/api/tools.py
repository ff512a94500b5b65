"""The tools of a pipeline and of this installation."""

from fastapi import APIRouter

from control.installed_tools import installed_tools
from control.tool_documents import InstalledTools, PipelineTools
from control.tools import tools_of
from dashboard.known import Here, PipelineHere, Reader

router = APIRouter(tags=["tools"])


@router.get("/tools", operation_id="installed_tools", summary="The tools of this installation")
async def installed(site: Here, _: Reader) -> InstalledTools:
    """Each analyzer and its tools as they answer now, with what recent pipelines say of them."""
    return await installed_tools(site.stored, site.data_dir, site.analyzers)


@router.get(
    "/pipelines/{pipeline_id}/tools",
    operation_id="pipeline_tools",
    summary="The tools of a pipeline",
)
async def of_pipeline(site: Here, _: Reader, pipeline_id: PipelineHere) -> PipelineTools:
    """Versions, rules, states, time, recall on the controls, and where tools were blind."""
    return await tools_of(site.stored, site.data_dir, pipeline_id)
