"""`up` and `down`: the local stack."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

from cli.documents import StackDown, StackUp
from cli.exits import Exit
from cli.installation import require_token
from cli.output import print_result, say
from cli.program import command
from cli.recorded import recorded, typed
from cli.session import open_session
from cli.stack.lifecycle import running_stack, stop_stack
from cli.stack.model import Stack
from clients.temporal import connect
from contract.errors import PlatformError
from control.actions import Action
from control.pipelines import running_pipelines
from settings import Settings, temporal_is_configured


async def run_up(settings: Settings, *, as_json: bool) -> Exit:
    """Bring the local stack up and leave it."""
    async with (
        _recorded_start(settings),
        open_session(settings, say, start=True, keep=True) as session,
    ):
        stack, started = session.stack, session.started
    print_result(_up(stack, started=started), *_up_lines(stack), as_json=as_json)
    return Exit.OK


@asynccontextmanager
async def _recorded_start(settings: Settings) -> AsyncGenerator[None]:
    """Keep that somebody starts the local stack, unless it runs, or is not needed."""
    if temporal_is_configured() or running_stack(settings) is not None:
        yield
        return
    await require_token(settings, settings.dashboard_host)
    async with recorded(settings, typed(Action.UP, "the local stack")):
        yield


def _up(stack: Stack | None, *, started: bool) -> StackUp:
    if stack is None:
        return StackUp(started=started)
    return StackUp(
        started=started,
        temporal=stack.temporal_address,
        ui=stack.ui_url,
        data=stack.data_dir,
        dashboard=stack.dashboard_url,
        metrics=f"{stack.worker_url}/metrics" if stack.worker_url else "",
    )


def _up_lines(stack: Stack | None) -> Iterator[str]:
    if stack is None:
        yield "TEMPORAL_* names a server: no local stack is needed"
        return
    if stack.dashboard_url:
        yield f"dashboard:   {stack.dashboard_url}"
        yield f"             to change something there, log in by {command('token link')}"
    else:
        yield f"no dashboard: this stack is of an earlier version; {command('down')}, then up again"
    yield f"Temporal UI: {stack.ui_url}"
    yield f"Temporal:    {stack.temporal_address}, namespace default"
    if stack.worker_url:
        yield f"metrics:     {stack.worker_url}/metrics"
    yield f"stop it with: {command('down')}"


async def run_down(settings: Settings, *, as_json: bool) -> Exit:
    """Stop the local stack; running pipelines go on when it is started again."""
    stack = running_stack(settings)
    unfinished: list[str] = []
    if stack is None:
        say(f"no local stack runs for {settings.data_dir}")
    else:
        unfinished = await _unfinished(stack, settings)
        async with recorded(settings, typed(Action.DOWN, "the local stack")):
            await asyncio.to_thread(stop_stack, stack)
    document = StackDown(stopped=stack is not None, unfinished=tuple(unfinished))
    print_result(document, *_down_lines(document), as_json=as_json)
    return Exit.OK


def _down_lines(document: StackDown) -> Iterator[str]:
    if document.stopped:
        yield "stopped"
    for name in document.unfinished:
        yield f"pipeline {name} is unfinished; it goes on at the next {command('up')}"


async def _unfinished(stack: Stack, settings: Settings) -> list[str]:
    try:
        keys = settings.payload_key_text
        client = await connect(address=stack.temporal_address, namespace="default", keys=keys)
    except PlatformError:  # its server died: all the more reason to stop the rest
        return []
    return await running_pipelines(client)
