"""A message to a pipeline that somebody asks for, by a page or by the API: one name in the log."""

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import TypeVar

from fastapi import Request

from control.pipelines import Pipeline
from dashboard.access.audit import audited
from dashboard.access.who import Actor
from dashboard.live.hubs import hub_of
from dashboard.server import Server

_Answer = TypeVar("_Answer")


class Action(StrEnum):
    """As the log of changes names it."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    PARALLELISM = "set parallelism"
    BREAKER = "reset breaker"
    RETRY = "retry"
    ADD = "add apps"


def named(labels: Sequence[str]) -> str:
    """Apps as the log tells them: their number first, since it does not keep long lists whole.

    >>> named(["m/app1"]), named(["m/app1", "m/app2"])
    ('m/app1', '2 apps: m/app1, m/app2')
    """
    text = ", ".join(labels)
    return f"{len(labels)} apps: {text}" if len(labels) > 1 else text


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
