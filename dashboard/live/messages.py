"""A message to a pipeline that somebody asks for, by a page or by the API: one name in the log."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Request

from control.actions import Action
from control.pipelines import Pipeline
from dashboard.access.audit import audited
from dashboard.access.who import Actor
from dashboard.live.hubs import hub_of
from dashboard.server import Server

_Answer = TypeVar("_Answer")


async def sent(
    request: Request,
    actor: Actor,
    action: Action,
    pipeline_id: str,
    send: Callable[[Pipeline], Awaitable[_Answer]],
    detail: str = "",
) -> _Answer:
    """What came of it; the log has it before the server is looked for.

    Raises:
        PlatformError: as `send` does; or the log cannot be written, or no server answers.
    """
    server: Server = request.app.state.server
    async with audited(request, actor, action, f"pipeline {pipeline_id}", detail):
        answer = await send(Pipeline(await server.client(), pipeline_id))
    hub_of(request).poke(pipeline_id)
    return answer
