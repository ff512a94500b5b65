"""The weaknesses of a pipeline, by filter; decisions about them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from contract.suppression import Suppression
from control.actions import Action
from control.deciding import Decisions, Suppressed, decision, decisions, suppress, withdraw
from control.findings import Findings
from control.findings_asked import Asked
from control.findings_export import ExportForm, exported
from control.findings_page import ROWS, listed
from dashboard.access.audit import audited
from dashboard.filters import question_of
from dashboard.known import Here, Operator, PipelineHere, Reader
from dashboard.paging import CURSOR_LETTERS, ROWS_MAX, opened, sealed

router = APIRouter(tags=["findings"])
_MEDIA = {"csv": "application/zip", "json": "application/json", "sarif": "application/json"}
_ENDINGS = {"csv": "zip"}


class AskedPage(Asked):
    """Filters, and which page.

    Attributes:
        after: the cursor that the page before gave; left out: the first page.
        limit: at most so many.
    """

    after: Annotated[str, Field(max_length=CURSOR_LETTERS)] = ""
    limit: Annotated[int, Field(ge=1, le=ROWS_MAX)] = ROWS


class AskedFile(Asked):
    """Filters, and the form of the file."""

    form: ExportForm = "csv"


@router.get("/pipelines/{pipeline_id}/findings", operation_id="list_findings")
async def list_findings(
    site: Here, _: Reader, pipeline_id: PipelineHere, wanted: Annotated[AskedPage, Query()]
) -> Findings:
    """Weaknesses that the filters leave, the gravest first.

    A page may hold few or none of them and have an `after` all the same: the search goes on there.
    """
    question = question_of(pipeline_id, wanted)
    place = opened(wanted.after, question)
    found = (await listed(site.stored, pipeline_id, wanted, place, wanted.limit)).found
    return found.model_copy(update={"after": sealed(found.after, question)})


@router.get(
    "/pipelines/{pipeline_id}/findings/export",
    operation_id="export_findings",
    response_class=StreamingResponse,
    responses={200: {"content": {media: {} for media in ("application/zip", "application/json")}}},
)
async def export_findings(
    site: Here, _: Reader, pipeline_id: PipelineHere, wanted: Annotated[AskedFile, Query()]
) -> StreamingResponse:
    """All weaknesses that the filters leave, as a file that is written as it is read.

    `csv` is a zip archive: `findings.csv`, and in `not_known.csv` a line for what nobody could see.
    If reading fails on the way the connection is cut: a file that came to its end is whole.
    """
    pieces = await exported(site.stored, pipeline_id, wanted, wanted.form)
    name = f"{pipeline_id}-findings.{_ENDINGS.get(wanted.form, wanted.form)}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(pieces, media_type=_MEDIA[wanted.form], headers=headers)


@router.get("/pipelines/{pipeline_id}/suppressions", operation_id="list_suppressions")
async def list_suppressions(site: Here, _: Reader, pipeline_id: PipelineHere) -> Decisions:
    """All decisions for a pipeline, also those that it inherits from its baselines."""
    return await decisions(site.stored, pipeline_id)


@router.post("/pipelines/{pipeline_id}/suppressions", operation_id="suppress")
async def post_suppression(
    request: Request,
    site: Here,
    actor: Operator,
    pipeline_id: PipelineHere,
    made: Suppression,
) -> Suppressed:
    """Keep a decision that weaknesses need no action; one about the same ones is replaced."""
    kept = decision(**made.model_dump())
    told = f"{kept.subject}: {kept.why}"
    async with audited(request, actor, Action.SUPPRESS, f"pipeline {pipeline_id}", told):
        return await suppress(site.stored, pipeline_id, kept)


class Withdrawal(Suppression):
    """A decision that is taken back: what it is about, who takes it back and why."""


@router.post("/pipelines/{pipeline_id}/suppressions/withdraw", operation_id="withdraw_suppression")
async def post_withdrawal(
    request: Request, site: Here, actor: Operator, pipeline_id: PipelineHere, made: Withdrawal
) -> Suppressed:
    """Forget the decision about exactly these weaknesses; the reason is in the log of changes."""
    told = f"{made.subject}: {made.who}: {made.why}"
    async with audited(request, actor, Action.WITHDRAW, f"pipeline {pipeline_id}", told):
        return await withdraw(site.stored, pipeline_id, made.key)
