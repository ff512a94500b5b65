"""The specs that were written here, and starting them."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from contract.errors import PlatformError
from control.actions import Action
from control.launching import launch, left_aside
from control.naming import new_id
from control.specs import list_specs, read_spec, spec_text, specs_folder
from control.surveying import Survey
from dashboard.access.audit import audited
from dashboard.known import Here, Operator, Reader, Temporal
from dashboard.paging import opened, sealed
from dashboard.problems import Problem, problem_of
from dashboard.rendering import page
from dashboard.site import Site
from dashboard.urls import spec_url, with_query
from dashboard.wizard.survey import planned, shown, surveyed

router = APIRouter()
_SEE_OTHER = 303
_QUESTION = {"page": "specs"}


@router.get("/specs")
async def specs(
    request: Request, site: Here, _: Reader, after: Annotated[str, Query(max_length=2_000)] = ""
) -> Response:
    """The specs that were written here."""
    found = await asyncio.to_thread(list_specs, site.data_dir, opened(after, _QUESTION))
    place = sealed(found.after, _QUESTION)
    more = with_query("/specs", {"after": place}) if place else ""
    folder = specs_folder(site.data_dir)
    return page(request, "specs.html.j2", specs=found.specs, more=more, folder=folder)


@router.get("/specs/{name}")
async def spec(
    request: Request,
    site: Here,
    name: str,
    _: Reader,
    done: Annotated[str, Query(max_length=20)] = "",
    started: Annotated[str, Query(pattern=r"^[A-Za-z0-9._-]{0,63}$")] = "",
) -> Response:
    """A spec, and what it would run as things are now."""
    return await _page(request, site, name, done=done, pipeline=started)


@router.get("/specs/{name}/text")
async def text(site: Here, name: str, _: Reader) -> Response:
    """The file of a spec."""
    content = await asyncio.to_thread(spec_text, site.data_dir, name)
    kept = {"Content-Disposition": f'attachment; filename="{name}.yaml"'}
    return PlainTextResponse(content, headers=kept)


@router.post("/specs/{name}/start")
async def start(
    request: Request,
    site: Here,
    server: Temporal,
    name: str,
    actor: Operator,
    id: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Start a spec that was written; refused, its page is shown again."""
    try:
        read, _ = await asyncio.to_thread(read_spec, site.data_dir, name)
        plan = await planned(site, read, id.strip())
        id_, detail = plan.pipeline_id, f"spec {name}"
        async with audited(request, actor, Action.START, f"pipeline {id_}", detail):
            await launch(await server.client(), plan, actor.name)
    except PlatformError as error:
        return await _page(request, site, name, id_=id, problem=problem_of(error))
    return RedirectResponse(started_url(name, id_), _SEE_OTHER)


def started_url(name: str, pipeline_id: str) -> str:
    """The page of a spec that was just started; it links to the pipeline."""
    return with_query(spec_url(name), {"started": pipeline_id})


async def _page(
    request: Request,
    site: Site,
    name: str,
    *,
    done: str = "",
    pipeline: str = "",
    id_: str = "",
    problem: Problem | None = None,
) -> Response:
    content = await asyncio.to_thread(spec_text, site.data_dir, name)
    found: Survey | None = None
    note = ""
    try:
        read, _ = await asyncio.to_thread(read_spec, site.data_dir, name)
        note = left_aside(read)
        if not pipeline:  # else there is nothing left to decide
            found = await surveyed(site, read, name)
    except PlatformError as trouble:
        problem = problem or problem_of(trouble)
    return page(
        request,
        "spec.html.j2",
        status=problem.status if problem else 200,
        name=name,
        text=content,
        id=id_ or new_id(name),
        done=done,
        started=pipeline,
        note=note,
        problem=problem,
        **shown(request, site, found),
    )
