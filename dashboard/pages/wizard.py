"""A new pipeline, asked for step by step; each step carries the answers of all others along."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from contract.analyzers import AnalyzerKind
from contract.errors import PlatformError
from control.actions import Action
from control.analyzer_health import ask_all
from control.authoring import (
    Answers,
    Step,
    answered,
    checked,
    require_pipeline,
    text_of,
)
from control.declared import tools_of
from control.errors import ServerAwayError
from control.fleet import folder_of, require_inside
from control.fleets import Fleet, find_fleets, look_at
from control.launching import launch
from control.more_options import is_reference, offered, told
from control.naming import name_of, new_id
from control.specs import SpecExistsError, spec_path, write_spec
from control.starting import require_startable
from control.surveying import Survey
from dashboard.access.audit import audited
from dashboard.known import Here, Operator, Reader, Temporal
from dashboard.pages import specs
from dashboard.problems import Problem, problem_of
from dashboard.rendering import page
from dashboard.site import Site
from dashboard.urls import spec_url, with_query
from dashboard.wizard.form import CHECK, STEPS, Form, settled
from dashboard.wizard.survey import planned, shown, surveyed

router = APIRouter()
_SEE_OTHER = 303
_FIELDS_MAX = 50_000  # two for each app number


@router.get("/new")
async def new(request: Request, site: Here, _: Reader) -> Response:
    """The step of the wizard that was asked for, or the first one whose answer is wrong."""
    return await _shown(request, site, Form.of(request.query_params.multi_items()))


@router.post("/new/step")
async def step(request: Request, site: Here, _: Reader) -> Response:
    """The same, for answers that may be too long for an address."""
    return await _shown(request, site, Form.of(await _sent(request)))


@router.get("/new/step")
async def begin(_: Reader) -> Response:
    """Begin anew: the answers were in the form that was sent here, not in its address."""
    return RedirectResponse("/new", _SEE_OTHER)


@router.post("/new")
async def create(request: Request, site: Here, server: Temporal, actor: Operator) -> Response:
    """Write the spec, and start it if that was asked for; refused, the last step is shown again."""
    items = await _sent(request)
    typed, form = dict(items), replace(Form.of(items), at=CHECK)
    reached = await _reached(request, site, form)
    if isinstance(reached, Response):
        return reached
    form, fleet = reached
    try:
        name, id_ = typed.get("name", "").strip(), typed.get("id", "").strip()
        path = spec_path(site.data_dir, name)
        spec = await asyncio.to_thread(checked, form.answers, fleet)
        plan = await planned(site, spec, id_)
        text = await asyncio.to_thread(text_of, form.answers, fleet)
        if typed.get("do") == "start":  # refused before anything is written
            with suppress(ServerAwayError):  # the spec is kept for when it answers
                await require_startable(await server.client(), plan)
        async with audited(request, actor, Action.SPEC, f"spec {name}", f"of {fleet.root}"):
            await asyncio.to_thread(write_spec, path, text, replace="replace" in typed)
        if typed.get("do") != "start":
            return RedirectResponse(with_query(spec_url(name), {"done": "written"}), _SEE_OTHER)
        async with audited(request, actor, Action.START, f"pipeline {id_}", f"spec {name}"):
            await launch(await server.client(), plan, actor.name)
    except PlatformError as error:
        return await _check_page(request, site, form, fleet, typed, error)
    return RedirectResponse(specs.started_url(name, id_), _SEE_OTHER)


async def _sent(request: Request) -> list[tuple[str, str]]:
    sent = (await request.form(max_fields=_FIELDS_MAX)).multi_items()
    return [(name, value) for name, value in sent if isinstance(value, str)]


async def _shown(request: Request, site: Site, form: Form) -> Response:
    """The step that can be shown; at an address of its own, if its answers are short enough."""
    reached = await _reached(request, site, form)
    if isinstance(reached, Response):
        return reached
    form, fleet = reached
    if request.method == "POST" and (address := form.address(form.at)):
        return RedirectResponse(address, _SEE_OTHER)
    if form.at == CHECK:
        return await _check_page(request, site, form, fleet, {})
    return await _step_page(request, site, form, fleet, None)


async def _reached(request: Request, site: Site, form: Form) -> tuple[Form, Fleet] | Response:
    """The form with what its folder holds; or the page of the first step with a wrong answer."""
    if form.at == Step.FOLDER or not form.answers.root:
        return await _folder_page(request, site, form, None)
    try:
        fleet = await asyncio.to_thread(_fleet, site, form.answers.root)
    except PlatformError as error:
        return await _folder_page(request, site, form, problem_of(error))
    answers = form.answers.model_copy(update={"root": fleet.root})
    if Step.APPS not in form.seen:
        answers = answered(Step.APPS, answers, fleet)
    form = replace(form, answers=settled(answers, fleet))
    for step in tuple(Step)[1 : STEPS.index(form.at)]:
        try:
            await asyncio.to_thread(checked, form.answers, fleet, step)
            if step is Step.LIMITS:
                await require_pipeline(site.stored, form.answers.baseline)
        except PlatformError as error:
            wrong = replace(form, at=step.value)
            return await _step_page(request, site, wrong, fleet, problem_of(error))
    return form, fleet


def _fleet(site: Site, text: str) -> Fleet:
    """What a folder below that of all fleets holds."""
    root = folder_of(site.fleets, text, "the folder")
    require_inside(root, site.fleets, "the folder")
    return look_at(root, site.fleets)


async def _folder_page(
    request: Request, site: Site, form: Form, problem: Problem | None
) -> Response:
    found = await asyncio.to_thread(find_fleets, site.fleets)
    return page(
        request,
        "new_folder.html.j2",
        status=problem.status if problem else 200,
        root=form.answers.root,
        kept=form.items(Step.FOLDER, Step.APPS),
        links={fleet.root: form.of_fleet(fleet.root).url(Step.APPS) for fleet in found.fleets},
        found=found,
        problem=problem,
    )


async def _step_page(
    request: Request, site: Site, form: Form, fleet: Fleet, problem: Problem | None
) -> Response:
    step = Step(form.at)
    return page(
        request,
        f"new_{form.at}.html.j2",
        status=problem.status if problem else 200,
        own=form.answers,
        fleet=fleet,
        kept=form.items(step),
        step=form.at,
        next=STEPS[STEPS.index(form.at) + 1],
        problem=problem,
        **await _known(site, step, form.answers),
    )


async def _known(site: Site, step: Step, answers: Answers) -> dict[str, Any]:
    """What a step shows beside the answers."""
    if step is Step.ANALYZERS:
        asked = {one.health.analyzer: one for one in await ask_all(site.analyzers)}
        tools = await asyncio.to_thread(lambda: {kind: tools_of(kind) for kind in AnalyzerKind})
        return {"kinds": tuple(AnalyzerKind), "tools": tools, "asked": asked}
    if step is Step.LIMITS:
        listed = await site.stored.pipelines()
        names = tuple(line.pipeline_id for line in listed[:200])
        return {
            "pipelines": names,
            "pipelines_left_out": len(listed[200:]),
            "questions": offered(answers.analyzers),
            "told": told(answers, answers.analyzers),
            "is_reference": is_reference,
        }
    return {}


async def _check_page(
    request: Request,
    site: Site,
    form: Form,
    fleet: Fleet,
    typed: Mapping[str, str],
    error: PlatformError | None = None,
) -> Response:
    """The last step: what would run, take, show and miss; with the error beside what was typed."""
    stem, found = Path(fleet.root).name, None
    problem = problem_of(error) if error else None
    try:
        found = await _look(site, form, fleet)
    except PlatformError as trouble:
        problem = problem or problem_of(trouble)
    return page(
        request,
        "new_check.html.j2",
        status=problem.status if problem else 200,
        address=form.address(CHECK),
        kept=form.items(),
        text=await asyncio.to_thread(text_of, form.answers, fleet),
        name=typed.get("name") or name_of(stem),
        id=typed.get("id") or new_id(stem),
        exists=isinstance(error, SpecExistsError),
        problem=problem,
        **shown(request, site, found),
    )


async def _look(site: Site, form: Form, fleet: Fleet) -> Survey:
    spec = await asyncio.to_thread(checked, form.answers, fleet)
    return await surveyed(site, spec, "your answers", fleet.notes)
