"""Commands for the local stack: up and down."""

import asyncio

from cli.exits import Exit
from cli.program import command
from cli.session import open_session
from cli.stack.lifecycle import Stack, running_stack, stop_stack
from cli.terminal import print_json, say, stdout
from clients.temporal import connect
from contract.errors import PlatformError
from control.documents import StackDown, StackUp
from control.pipelines import running_pipelines
from settings import Settings


async def run_up(settings: Settings, *, as_json: bool) -> Exit:
    """Bring the local stack up and leave it."""
    async with open_session(settings, say, start=True, keep=True) as session:
        stack, started = session.stack, session.started
    document = StackUp(started=started)
    if stack:
        document = StackUp(
            started=started,
            temporal=stack.temporal_address,
            ui=stack.ui_url,
            data=stack.data_dir,
        )
    if as_json:
        print_json(document)
    elif stack is None:
        stdout.print("TEMPORAL_* names a server: no local stack is needed")
    else:
        stdout.print(f"Temporal UI: {document.ui}")
        stdout.print(f"Temporal:    {document.temporal}, namespace default")
        stdout.print(f"stop it with: {command('down')}")
    return Exit.OK


async def run_down(settings: Settings, *, as_json: bool) -> Exit:
    """Stop the local stack; running pipelines go on when it is started again."""
    stack = running_stack(settings)
    unfinished: list[str] = []
    if stack is None:
        say(f"no local stack runs for {settings.data_dir}")
    else:
        unfinished = await _unfinished(stack, settings)
        await asyncio.to_thread(stop_stack, stack)
    if as_json:
        print_json(StackDown(stopped=stack is not None, unfinished=tuple(unfinished)))
        return Exit.OK
    if stack:
        stdout.print("stopped")
    for name in unfinished:
        stdout.print(f"pipeline {name} is unfinished; it goes on at the next {command('up')}")
    return Exit.OK


async def _unfinished(stack: Stack, settings: Settings) -> list[str]:
    try:
        keys = settings.payload_key_text
        client = await connect(address=stack.temporal_address, namespace="default", keys=keys)
    except PlatformError:  # its server died: all the more reason to stop the rest
        return []
    return await running_pipelines(client)
