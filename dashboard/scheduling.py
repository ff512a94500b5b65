"""A change of a recurring scan that somebody asks for, by a page or by the API."""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import Request
from temporalio.client import Client

from control.actions import Action
from control.schedule_documents import ScheduleChanged
from control.schedules import pause_schedule, resume_schedule, run_now
from dashboard.access.audit import audited
from dashboard.access.who import Actor
from dashboard.server import Server

_CHANGES: Mapping[Action, Callable[[Client, str], Awaitable[ScheduleChanged]]] = {
    Action.SCHEDULE_PAUSE: pause_schedule,
    Action.SCHEDULE_RESUME: resume_schedule,
    Action.SCHEDULE_RUN: run_now,
}


async def changed(request: Request, actor: Actor, action: Action, schedule: str) -> ScheduleChanged:
    """What came of it; the log has it before the server is looked for.

    Raises:
        PlatformError: NOT_FOUND, or the server refuses it; or the log cannot be written.
    """
    server: Server = request.app.state.server
    async with audited(request, actor, action, f"schedule {schedule}"):
        return await _CHANGES[action](await server.client(), schedule)
