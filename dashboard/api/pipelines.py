"""Pipelines: the list of them, and one of them in counts."""

from typing import Annotated

from fastapi import APIRouter, Query

from contract.overview import PipelineOverview
from control.pipeline_list import (
    LINES_MAX,
    PipelinesAsked,
    PipelinesPage,
    pipelines_page,
)
from dashboard.known import Here, PipelineHere, Reader, Running
from dashboard.paging import opened, sealed

router = APIRouter(tags=["pipelines"])


@router.get("/pipelines", operation_id="list_pipelines")
async def list_pipelines(
    site: Here,
    running: Running,
    _: Reader,
    state: Annotated[list[str], Query(description="One of these states.")] = [],  # noqa: B006
    text: Annotated[str, Query(description="In the ID.")] = "",
    by: Annotated[str, Query(description="In the name of who started it.")] = "",
    after: Annotated[str, Query(description="`after` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=LINES_MAX)] = 50,
) -> PipelinesPage:
    """Pipelines, the newest first, page by page."""
    asked = PipelinesAsked(states=tuple(state), text=text.strip(), by=by.strip())
    question = asked.model_dump()
    place = opened(after, question)
    found = await pipelines_page(site.stored, await running.now(), asked, place, limit)
    return found.model_copy(update={"after": sealed(found.after, question)})


@router.get("/pipelines/{pipeline_id}/overview", operation_id="pipeline_overview")
async def pipeline_overview(site: Here, pipeline_id: PipelineHere, _: Reader) -> PipelineOverview:
    """A recorded pipeline in counts: apps by model, role and state; cells by tool and state."""
    return await site.stored.answered(
        pipeline_id, lambda store: store.overview(pipeline_id), lags=True
    )
