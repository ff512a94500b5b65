"""The models of a pipeline side by side."""

import asyncio

from fastapi import APIRouter, Request, Response

from contract.analysis import Severity
from control.models import models_told
from control.written import FleetFigures, written_of
from dashboard.known import Here, PipelineHere, Reader
from dashboard.rendering import page
from reports.names import JSON_NAME
from reports.view_models import ModelsView

router = APIRouter()
# Tables of more templates are for programs.
_TEMPLATES_SHOWN = 200


@router.get("/pipelines/{pipeline_id}/models")
async def models(request: Request, site: Here, _: Reader, pipeline_id: PipelineHere) -> Response:
    """Rates, figures with intervals, tied sets; counts alone while there is no report."""
    written = await written_of(site.stored, site.data_dir, pipeline_id)
    told = await models_told(site.stored, written)
    view = await asyncio.to_thread(_view, written.fresh) if written.fresh else None
    return page(
        request,
        "models_page.html.j2",
        pipeline_id=pipeline_id,
        told=told,
        view=view,
        severities=tuple(Severity),
        most_templates=_TEMPLATES_SHOWN,
        json_name=JSON_NAME,
    )


def _view(figures: FleetFigures) -> ModelsView:
    return ModelsView(figures.models, figures.totals, figures.study)
