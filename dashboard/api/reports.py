"""Reports: which forms are written, writing them, and the files themselves."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from contract.base import Authored
from control.actions import Action
from control.forms import FORMS
from control.report_documents import ReportForms, Writing
from control.report_forms import forms_of
from control.report_jobs import ReportJobs
from dashboard.access.audit import audited
from dashboard.downloads import download, jobs_of
from dashboard.known import Here, Operator, PipelineHere, Reader

router = APIRouter(tags=["reports"])
Jobs = Annotated[ReportJobs, Depends(jobs_of)]


class WriteReport(Authored):
    """What is to be written of a report.

    Attributes:
        forms: names of forms beside the report itself.
        anew: whether the report is written again though it speaks for what is recorded now.
    """

    forms: Annotated[tuple[str, ...], Field(max_length=len(FORMS))] = ()
    anew: bool = True


@router.get(
    "/pipelines/{pipeline_id}/reports",
    operation_id="pipeline_reports",
    summary="The written forms of a report",
)
async def reports(site: Here, jobs: Jobs, _: Reader, pipeline_id: PipelineHere) -> ReportForms:
    """Each form of the report: whether it is written, of which moment, and how large it is."""
    writing = jobs.writing(pipeline_id)
    return await forms_of(site.stored, site.data_dir, pipeline_id, writing)


@router.post(
    "/pipelines/{pipeline_id}/reports",
    operation_id="write_report",
    summary="Write a report",
    status_code=202,
)
async def write(
    request: Request, jobs: Jobs, actor: Operator, pipeline_id: PipelineHere, asked: WriteReport
) -> Writing:
    """Begin to write the report, and then these forms of it, in the background."""
    detail = f"forms: {', '.join(asked.forms)[:300] or 'the report alone'}"
    async with audited(request, actor, Action.REPORT, f"pipeline {pipeline_id}", detail):
        return await jobs.start(pipeline_id, asked.forms, by=actor.name, anew=asked.anew)


@router.get(
    "/pipelines/{pipeline_id}/writing",
    operation_id="report_writing",
    summary="How far the writing of a report is",
)
async def writing(jobs: Jobs, _: Reader, pipeline_id: PipelineHere) -> Writing | None:
    """The last writing that this dashboard was asked for since it started; null: none."""
    return jobs.writing(pipeline_id)


@router.get(
    "/pipelines/{pipeline_id}/reports/{form}",
    operation_id="download_report",
    summary="A form of a report as a file",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}, "application/zip": {}}}},
)
async def form_of(
    site: Here, _: Reader, pipeline_id: PipelineHere, form: str, file: str = ""
) -> Response:
    """Its one file, the file of this name, or all of them as a zip archive."""
    return await download(site.data_dir, pipeline_id, form, file)
