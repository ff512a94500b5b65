"""Recurring scans: which there are, what came of them, and three changes."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from control.actions import Action
from control.errors import ServerAwayError
from control.schedule_documents import SchedulesDocument
from control.schedule_reading import list_schedules
from dashboard.access.who import Actor
from dashboard.known import Here, Operator, Reader, ScheduleHere, Temporal
from dashboard.problems import problem_of
from dashboard.rendering import page
from dashboard.scheduling import changed
from dashboard.urls import with_query

router = APIRouter()
# What the page says after a form; nothing that an address may hold is shown.
_DONE = {
    Action.SCHEDULE_PAUSE: "It is paused: no run begins until it is resumed; what runs goes on.",
    Action.SCHEDULE_RESUME: "It runs again from now on.",
    Action.SCHEDULE_RUN: "A run begins now.",
}


@router.get("/schedules")
async def schedules(
    request: Request,
    site: Here,
    server: Temporal,
    _: Reader,
    done: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Each recurring scan with its latest runs; a server that is away is said."""
    listed, away = SchedulesDocument(), None
    try:
        listed = await list_schedules(await server.client(), site.stored)
    except ServerAwayError as error:
        away = problem_of(error)
    told = _DONE.get(Action(done), "") if done in list(Action) else ""
    return page(request, "schedules.html.j2", listed=listed, away=away, told=told)


@router.post("/schedules/{schedule}/pause")
async def post_pause(request: Request, schedule: ScheduleHere, actor: Operator) -> Response:
    """Begin no run until it is resumed."""
    return await _done(request, actor, Action.SCHEDULE_PAUSE, schedule)


@router.post("/schedules/{schedule}/resume")
async def post_resume(request: Request, schedule: ScheduleHere, actor: Operator) -> Response:
    """Run again from now on."""
    return await _done(request, actor, Action.SCHEDULE_RESUME, schedule)


@router.post("/schedules/{schedule}/run")
async def post_run(request: Request, schedule: ScheduleHere, actor: Operator) -> Response:
    """Begin a run now."""
    return await _done(request, actor, Action.SCHEDULE_RUN, schedule)


async def _done(request: Request, actor: Actor, action: Action, schedule: str) -> Response:
    await changed(request, actor, action, schedule)
    return RedirectResponse(with_query("/schedules", {"done": action}), 303)
