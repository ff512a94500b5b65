"""Decisions that weaknesses of a pipeline need no action: taken, listed and taken back."""

from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from contract.errors import PlatformError
from control.actions import Action
from control.deciding import as_file, decision, decisions, suppress, withdraw
from control.errors import WrongInputError
from control.suppressing import FILE_NAME
from dashboard import urls
from dashboard.access.audit import audited
from dashboard.access.who import Actor
from dashboard.known import Here, Operator, PipelineHere, Reader
from dashboard.problems import problem_of
from dashboard.rendering import page

router = APIRouter()
TOLD = {
    "suppressed": "It needs no action from now on. It stays listed, and is counted apart.",
    "unchanged": "It was decided like this already.",
    "withdrawn": "The decision was taken back: the weakness counts again.",
}
_FIELDS = ("fingerprint", "rule", "path", "app", "who", "why", "until")


class TakenBack(BaseModel):
    """The form that takes a decision back: which weaknesses it is about, and the reason."""

    fingerprint: str = ""
    rule: str = ""
    path: str = ""
    app: str = ""
    why: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What names the decision."""
        return (self.fingerprint, self.rule, self.path, self.app)


class Decided(TakenBack):
    """The form of a decision.

    Attributes:
        scope: `app`, or `every` app of the pipeline.
        back: the query of the list that it was opened from.
    """

    who: str = ""
    until: str = ""
    scope: str = "app"
    back: str = ""

    def fields(self) -> dict[str, str]:
        """The fields of the decision, without spaces around them."""
        named = self if self.scope != "every" else self.model_copy(update={"app": ""})
        return {name: getattr(named, name).strip() for name in _FIELDS}


@router.get("/pipelines/{pipeline_id}/suppressions")
async def suppressions(
    request: Request, site: Here, _: Reader, pipeline_id: PipelineHere
) -> Response:
    """Every decision for the pipeline, and the form to take one's own back."""
    return await _list(request, site, pipeline_id)


@router.get("/pipelines/{pipeline_id}/suppressions/file")
async def as_reviewed(site: Here, _: Reader, pipeline_id: PipelineHere) -> Response:
    """The decisions as a file that is kept with the fleet."""
    text = as_file(await decisions(site.stored, pipeline_id))
    headers = {"Content-Disposition": f'attachment; filename="{FILE_NAME}"'}
    return Response(text, media_type="application/yaml", headers=headers)


@router.get("/pipelines/{pipeline_id}/suppressions/new")
async def form(request: Request, site: Here, actor: Reader, pipeline_id: PipelineHere) -> Response:
    """The form of a decision."""
    await decisions(site.stored, pipeline_id)  # there is such a pipeline
    known = {name: value[:1_000] for name, value in request.query_params.items()}
    return _form(request, pipeline_id, {"who": actor.name, **known})


@router.post("/pipelines/{pipeline_id}/suppressions")
async def decide(
    request: Request,
    site: Here,
    actor: Operator,
    pipeline_id: PipelineHere,
    sent: Annotated[Decided, Form()],
) -> Response:
    """Keep a decision."""
    fields = sent.fields()
    try:
        made = decision(**fields)
        async with audited(
            request,
            actor,
            Action.SUPPRESS,
            f"pipeline {pipeline_id}",
            f"{made.subject}: {made.why}",
        ):
            done = await suppress(site.stored, pipeline_id, made)
    except WrongInputError as error:
        typed = {**fields, "app": sent.app, "scope": sent.scope, "back": sent.back}
        return _form(request, pipeline_id, typed, error)
    return _seen_to(urls.pipeline_url(pipeline_id, "findings"), done.done, sent.back)


@router.post("/pipelines/{pipeline_id}/suppressions/withdraw")
async def take_back(
    request: Request,
    site: Here,
    actor: Operator,
    pipeline_id: PipelineHere,
    sent: Annotated[TakenBack, Form()],
) -> Response:
    """Forget a decision; the reason is in the log of changes."""
    try:
        await _withdraw(request, site, actor, pipeline_id, sent.key, sent.why.strip())
    except WrongInputError as error:
        return await _list(request, site, pipeline_id, error, sent.key, sent.why)
    return _seen_to(urls.suppressions_url(pipeline_id), "withdrawn")


async def _withdraw(
    request: Request,
    site: Here,
    actor: Actor,
    pipeline_id: str,
    key: tuple[str, str, str, str],
    why: str,
) -> None:
    if not 0 < len(why) <= 1_000:
        raise WrongInputError(
            "a decision is taken back with a reason", next_step="write it, in up to 1,000 letters"
        )
    subject = " ".join(filter(None, key))
    async with audited(
        request, actor, Action.WITHDRAW, f"pipeline {pipeline_id}", f"{subject}: {why}"
    ):
        await withdraw(site.stored, pipeline_id, key)


def _form(
    request: Request, pipeline_id: str, typed: dict[str, Any], error: PlatformError | None = None
) -> Response:
    return page(
        request,
        "suppress.html.j2",
        status=400 if error else 200,
        pipeline_id=pipeline_id,
        typed={**dict.fromkeys((*_FIELDS, "back"), ""), "scope": "app", **typed},
        problem=problem_of(error) if error else None,
    )


async def _list(
    request: Request,
    site: Here,
    pipeline_id: str,
    error: PlatformError | None = None,
    key: tuple[str, ...] = (),
    why: str = "",
) -> Response:
    return page(
        request,
        "suppressions.html.j2",
        status=400 if error else 200,
        pipeline_id=pipeline_id,
        listed=(await decisions(site.stored, pipeline_id)).decisions,
        problem=problem_of(error) if error else None,
        wrong_key=key,
        why=why,
        told=TOLD.get(request.query_params.get("told", ""), ""),
    )


def _seen_to(url: str, told: str, back: str = "") -> Response:
    """Back to a page of ours, with the filters that were there."""
    pairs = [pair for pair in parse_qsl(back[:8_000]) if pair[0] != "told"]
    return RedirectResponse(urls.with_pairs(url, [*pairs, ("told", told)]), status_code=303)
