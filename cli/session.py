"""A command's connection: to the server the user configured, or to the local stack."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from threading import Event
from typing import TextIO
from urllib.parse import quote

from temporalio.client import Client

from cli.errors import UserError, expected, explained
from cli.exits import Exit
from cli.installation import require_token
from cli.output import print_lines, print_where
from cli.program import command
from cli.recorded import recorded, typed
from cli.stack.lifecycle import hold_stack, running_stack, start_stack, stop_unless_held
from cli.stack.model import Stack
from cli.stack.versions import make_current
from clients.shared_keys import require_shared_keys
from clients.temporal import connect
from contract.errors import PlatformError
from contract.ids import pipeline_workflow_id
from control.actions import Action
from control.deployment_documents import Switched
from control.deployments import as_text
from control.namespace import require_namespace
from control.pipelines import running_pipelines
from settings import Settings, temporal_is_configured

# Client processes that end within milliseconds of their last call crash at interpreter exit now and
# then (sdk-python issue 300); this pause before the loop closes avoids it, also after an error.
_EXIT_PAUSE_S = 0.3


@dataclass(slots=True)
class Session:
    """An open connection.

    Attributes:
        stack: the local stack behind it; None for a server the user configured.
        started: this command started the stack.
        keep: leave the stack up at the end although this command started it.
        abandoned: a pipeline of this command that was interrupted; it does not keep the stack up.
    """

    client: Client
    settings: Settings
    stack: Stack | None
    started: bool
    keep: bool = False
    abandoned: str = ""

    @property
    def deployment(self) -> str:
        """The deployment that its workers belong to."""
        return self.stack.deployment if self.stack else self.settings.deployment

    def ui_link(self, pipeline_id: str) -> str:
        """Where the Temporal Web UI shows the pipeline; empty when its address is not known."""
        if self.stack is None:
            return ""
        workflow = quote(pipeline_workflow_id(pipeline_id), safe="")
        return f"{self.stack.ui_url}/namespaces/{self.client.namespace}/workflows/{workflow}"

    def dashboard_link(self, pipeline_id: str) -> str:
        """Where the dashboard shows the pipeline; empty when its address is not known."""
        if self.stack is None or not self.stack.dashboard_url:
            return ""
        return f"{self.stack.dashboard_url}/pipelines/{quote(pipeline_id, safe='')}"

    def print_where(self, pipeline_id: str, *, as_json: bool) -> None:
        """Print where the pipeline is shown, as far as that is known."""
        dashboard, ui = self.dashboard_link(pipeline_id), self.ui_link(pipeline_id)
        print_where(dashboard=dashboard, ui=ui, as_json=as_json)
        if dashboard and self.started and not self.keep and not as_json:
            print_lines(f"without the stack: {command('dashboard')}")


@asynccontextmanager
async def open_session(
    settings: Settings, say: Callable[[str], None], *, start: bool, keep: bool = False
) -> AsyncGenerator[Session]:
    """Connect; with `start`, bring the local stack up first when no server is configured.

    A stack that this call started is stopped at the end unless `keep` (or `session.keep`) is set,
    or others still use it.

    Raises:
        UserError: no server, or nobody works on it.
    """
    try:
        async with _opened(settings, say, start=start, keep=keep) as session:
            yield session
    finally:
        await asyncio.sleep(_EXIT_PAUSE_S)


@asynccontextmanager
async def _opened(
    settings: Settings, say: Callable[[str], None], *, start: bool, keep: bool
) -> AsyncGenerator[Session]:
    if temporal_is_configured():
        client = await _connect_configured(settings)
        await require_namespace(client, with_worker=start)
        await require_shared_keys(client)
        yield Session(client, settings, None, started=False)
        return
    if not start:
        stack = _running(settings)
        client = await _connect_local(stack, settings)
        yield Session(client, settings, stack, started=False)
        return
    if running_stack(settings) is None:
        await require_token(settings, settings.dashboard_host)
    with await asyncio.to_thread(hold_stack, settings.data_dir) as lease:
        stack, started = await _start(settings, say, lease)
        session = None
        try:
            client = await _connect_local(stack, settings)
            if switched := await make_current(client, stack, say, started=started):
                await _keep_switch(settings, switched)
            session = Session(client, settings, stack, started=started, keep=keep)
            yield session
        finally:
            if started and not (session and session.keep):
                await _stop(stack, session, lease, say)


async def _keep_switch(settings: Settings, switched: Switched) -> None:
    """Keep in the log of changes what a start changed beyond the stack's processes."""
    parts = [f"to build {switched.current}"] if switched.former != switched.current else []
    detail = "; ".join([*parts, *as_text(switched.moved, switched.current)])
    change = typed(Action.VERSION, f"deployment {switched.deployment}", detail)
    async with recorded(settings, change):
        pass


async def _stop(
    stack: Stack, session: Session | None, lease: TextIO, say: Callable[[str], None]
) -> None:
    """Stop the stack that this command started, unless other pipelines or commands use it."""
    names = await running_pipelines(session.client) if session else []
    others = [name for name in names if session and name != session.abandoned]
    if others:
        say(f"the local stack is left up: pipeline {', '.join(others)} still runs on it")
    elif await asyncio.to_thread(stop_unless_held, stack, lease):
        return
    else:
        say("the local stack is left up: another command uses it")
    say(f"stop it with: {command('down')}")


def _running(settings: Settings) -> Stack:
    stack = running_stack(settings)
    if stack is None:
        raise UserError(
            f"no local stack runs for {settings.data_dir}",
            next_step=f"start it with {command('up')}, or name a server with TEMPORAL_ADDRESS",
            code=Exit.UNAVAILABLE,
        )
    return stack


async def _start(
    settings: Settings, say: Callable[[str], None], lease: TextIO
) -> tuple[Stack, bool]:
    """Start the stack in a thread; if interrupted, stop what was started."""
    interrupted = Event()
    starting = asyncio.create_task(asyncio.to_thread(start_stack, settings, say, interrupted))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        interrupted.set()
        with suppress(*expected()):
            stack, started = await starting
            if started:
                await asyncio.to_thread(stop_unless_held, stack, lease)
        raise


async def _connect_local(stack: Stack, settings: Settings) -> Client:
    keys = settings.payload_key_text
    client = await connect(address=stack.temporal_address, namespace="default", keys=keys)
    await require_shared_keys(client)
    return client


async def _connect_configured(settings: Settings) -> Client:
    try:
        return await connect(keys=settings.payload_key_text)
    except PlatformError as error:
        raise UserError(
            error.message,
            next_step="start it, or correct TEMPORAL_ADDRESS / temporal.toml; unset them to use "
            "the embedded server",
            code=explained(error).code,
        ) from error
