"""Apps against their own history."""

from fastapi import APIRouter

from control.regression_documents import AppTrends, Regressions
from control.regressions import app_trends
from dashboard.known import AppHere, Here, PipelineHere, Reader, Regressed

router = APIRouter(prefix="/pipelines/{pipeline_id}", tags=["regressions"])


@router.get("/regressions", operation_id="list_regressions")
async def list_regressions(
    site: Here, kept: Regressed, _: Reader, pipeline_id: PipelineHere
) -> Regressions:
    """Which load figures and findings of its apps changed against earlier pipelines.

    Listed are 500 changes, those for the worse first; all are counted. What cannot be told is
    counted by its reason: too few measurements are no calm.
    """
    return await kept.ask(site.stored, pipeline_id)


@router.get("/apps/{model}/{app}/trends", operation_id="get_app_trends")
async def get_trends(site: Here, _: Reader, pipeline_id: PipelineHere, ref: AppHere) -> AppTrends:
    """Every figure of an app over the pipelines until this one: its values, and what they say."""
    return await app_trends(site.stored, ref, pipeline_id)
