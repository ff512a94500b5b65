"""The report of a pipeline in all its forms: to download, and to be written anew."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from control.actions import Action
from control.forms import FORMS
from control.report_forms import forms_of
from control.report_jobs import ReportJobs
from dashboard.access.audit import audited
from dashboard.downloads import download, jobs_of
from dashboard.known import Here, Operator, PipelineHere, Reader
from dashboard.rendering import page
from dashboard.urls import pipeline_url

router = APIRouter()
Jobs = Annotated[ReportJobs, Depends(jobs_of)]
_EVERY = "all"


@router.get("/pipelines/{pipeline_id}/reports")
async def reports(
    request: Request, site: Here, jobs: Jobs, _: Reader, pipeline_id: PipelineHere
) -> Response:
    """What is written, how old it is, and what is being written."""
    writing = jobs.writing(pipeline_id)
    told = await forms_of(site.stored, site.data_dir, pipeline_id, writing)
    return page(request, "reports.html.j2", pipeline_id=pipeline_id, told=told)


@router.post("/pipelines/{pipeline_id}/reports")
async def write(
    request: Request,
    jobs: Jobs,
    actor: Operator,
    pipeline_id: PipelineHere,
    form: Annotated[list[str] | None, Form()] = None,
    anew: Annotated[bool, Form()] = False,
) -> Response:
    """Begin to write the report, and the forms that are asked for; `all`: every form."""
    asked = form or []
    forms = FORMS if _EVERY in asked else tuple(asked)
    detail = f"{'anew; ' if anew else ''}forms: {', '.join(forms)[:300] or 'the report alone'}"
    async with audited(request, actor, Action.REPORT, f"pipeline {pipeline_id}", detail):
        await jobs.start(pipeline_id, forms, by=actor.name, anew=anew)
    return RedirectResponse(pipeline_url(pipeline_id, "reports"), 303)


@router.get("/pipelines/{pipeline_id}/reports/{form}")
async def form_of(
    site: Here, _: Reader, pipeline_id: PipelineHere, form: str, file: str = ""
) -> Response:
    """A form as a file to keep."""
    return await download(site.data_dir, pipeline_id, form, file)
