"""The apps of a pipeline against their own history."""

from fastapi import APIRouter, Request, Response

from control.naming import app_of
from dashboard.known import Here, PipelineHere, Reader, Regressed
from dashboard.rendering import page
from reports.trends.model import TrendState
from reports.trends.words import amount, said, titled

router = APIRouter()


@router.get("/pipelines/{pipeline_id}/regressions")
async def regressions(
    request: Request, site: Here, kept: Regressed, _: Reader, pipeline_id: PipelineHere
) -> Response:
    """What changed, and what cannot be told."""
    document = await kept.ask(site.stored, pipeline_id)
    return page(
        request,
        "regressions.html.j2",
        pipeline_id=pipeline_id,
        found=document,
        states=[(titled(state), document.figures[state]) for state in TrendState],
        rows=[(trend, app_of(trend.app), said(trend)) for trend in document.changes],
        amount=amount,
    )
