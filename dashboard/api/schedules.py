"""Recurring scans: which there are, what came of them, and three changes."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from control.actions import Action
from control.schedule_documents import ScheduleChanged, ScheduleDocument, SchedulesDocument
from control.schedule_reading import RUNS_MAX, list_schedules, read_schedule
from dashboard.known import Here, Operator, Reader, ScheduleHere, Temporal
from dashboard.scheduling import changed

router = APIRouter(tags=["schedules"])


@router.get("/schedules", operation_id="list_schedules")
async def get_schedules(site: Here, server: Temporal, _: Reader) -> SchedulesDocument:
    """Recurring scans by name, each with its latest five runs."""
    return await list_schedules(await server.client(), site.stored)


@router.get("/schedules/{schedule}", operation_id="schedule")
async def get_schedule(
    site: Here,
    server: Temporal,
    schedule: ScheduleHere,
    _: Reader,
    runs: Annotated[int, Query(ge=1, le=RUNS_MAX, description="At most so many runs.")] = 20,
) -> ScheduleDocument:
    """One recurring scan, with its latest runs."""
    return await read_schedule(await server.client(), site.stored, schedule, runs)


@router.post("/schedules/{schedule}/pause", operation_id="pause_schedule")
async def post_pause(request: Request, schedule: ScheduleHere, actor: Operator) -> ScheduleChanged:
    """Begin no run until it is resumed; what runs goes on."""
    return await changed(request, actor, Action.SCHEDULE_PAUSE, schedule)


@router.post("/schedules/{schedule}/resume", operation_id="resume_schedule")
async def post_resume(request: Request, schedule: ScheduleHere, actor: Operator) -> ScheduleChanged:
    """Run again from now on; times that passed meanwhile are not made up for."""
    return await changed(request, actor, Action.SCHEDULE_RESUME, schedule)


@router.post("/schedules/{schedule}/run", operation_id="run_schedule")
async def post_run(request: Request, schedule: ScheduleHere, actor: Operator) -> ScheduleChanged:
    """Begin a run now, also of a schedule that is paused."""
    return await changed(request, actor, Action.SCHEDULE_RUN, schedule)
