"""The weaknesses of a fleet, by filter."""

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from contract.analysis import Confidence, Severity
from contract.analyzers import Category
from contract.findings import FoundWeakness
from contract.owasp import CATEGORIES
from contract.standing import Standing
from control.errors import WrongInputError
from control.findings import Findings, standing_of
from control.findings_asked import Asked, asked
from control.findings_page import Choices, choices, listed
from control.findings_unseen import unseen
from dashboard import urls
from dashboard.filters import Typed, question_of
from dashboard.known import Here, PipelineHere, Reader
from dashboard.pages import suppressions
from dashboard.paging import opened, sealed
from dashboard.problems import problem_of
from dashboard.rendering import page

router = APIRouter()
FIXED = "fixed"
_VALUES = {
    "severity": tuple(Severity),
    "state": (*Standing, FIXED),
    "confidence": tuple(Confidence),
    "category": (*Category, "all"),
    "owasp": tuple(CATEGORIES),
}


class Row(NamedTuple):
    """A weakness in the list."""

    item: FoundWeakness
    standing: Standing
    suppress: str


@router.get("/pipelines/{pipeline_id}/findings")
async def findings(request: Request, site: Here, _: Reader, pipeline_id: PipelineHere) -> Response:
    """The list; a filter that is wrong is shown again, with what is wrong."""
    typed = Typed.of(request, Asked)
    problem, found, status = None, None, 200
    try:
        if typed.has("state", FIXED):
            return _fixed(pipeline_id, typed, await choices(site.stored, pipeline_id))
        wanted = asked(typed)
        question = question_of(pipeline_id, wanted)
        place = opened(request.query_params.get("after", ""), question)
        answer = await listed(site.stored, pipeline_id, wanted, place)
        found, named = answer.found, answer.choices
        found = found.model_copy(update={"after": sealed(found.after, question)})
    except WrongInputError as error:
        problem, status = problem_of(error), 400
        named = await choices(site.stored, pipeline_id)
    return page(
        request,
        "findings_list.html.j2",
        status=status,
        pipeline_id=pipeline_id,
        typed=typed,
        problem=problem,
        found=found,
        rows=list(_rows(found, typed)) if found else [],
        summary=summary_of(found, first="after" not in request.query_params) if found else "",
        unseen=unseen(found) if found else [],
        choices=named,
        values=_VALUES,
        titles=CATEGORIES,
        told=suppressions.TOLD.get(request.query_params.get("told", ""), ""),
    )


def summary_of(found: Findings, *, first: bool) -> str:
    """How many there are, as far as that is known; no zero that nobody proved."""
    shown = len(found.findings)
    if found.total is not None and (found.total or not unseen(found)):
        more = "more than " if found.total_at_least else ""
        return f"{more}{found.total:,} {'weakness' if found.total == 1 else 'weaknesses'}"
    if not shown:
        return "none in the part that was searched" if found.after else "none is listed"
    if first and found.after is None:
        return f"{shown} {'weakness' if shown == 1 else 'weaknesses'}"
    return f"{shown} on this page; nobody counted all of them"


def _rows(found: Findings, typed: Typed) -> Iterator[Row]:
    back = urlencode(typed.pairs)
    for item in found.findings:
        known = item.weakness.finding.fingerprint
        url = urls.suppress_url(found.pipeline_id, known, item.ref.label, back) if known else ""
        yield Row(item, standing_of(item), url)


def _fixed(pipeline_id: str, typed: Typed, named: Choices) -> Response:
    """What is fixed is in the earlier pipeline alone: the comparison lists it."""
    if not named.baseline:
        raise WrongInputError(
            f"pipeline {pipeline_id} has no baseline, so nothing is known to be fixed in it",
            next_step="compare it with an earlier pipeline",
        )
    url = urls.compare_url(named.baseline, pipeline_id, typed.pairs)
    return RedirectResponse(url, status_code=303)
