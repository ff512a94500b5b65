"""Makes the code of a local stack the current version; until then no pipeline gets a worker."""

from collections.abc import Callable

from temporalio.client import Client

from cli.stack.model import Stack
from control.deployment_documents import Switched
from control.deployments import as_text, current_build, deployment_status, set_current

# Workers register within 2 s, once they poll; a loaded machine takes longer.
_LIMIT_S = 60.0


async def make_current(
    client: Client, stack: Stack, say: Callable[[str], None], *, started: bool
) -> Switched | None:
    """Let pipelines begin on the worker of `stack`; says what had to be moved to it.

    A stack that ran already keeps what somebody chose, if there are workers of that version. So
    this also ends what a command that was killed while it started a stack left undone.

    Returns:
        What was changed; None: nothing was.

    Raises:
        PlatformError: the server does not know the worker's version in time.
    """
    if not stack.build_id:
        return None
    if not started and await _has_choice(client, stack):
        return None
    switched = await set_current(
        client, stack.deployment, stack.build_id, wait_s=_LIMIT_S, force=True
    )
    if switched.former and switched.former != switched.current:
        say(f"new pipelines begin on build {switched.current} (before: {switched.former})")
    for line in as_text(switched.moved, switched.current):
        say(line)
    return switched if switched.moved or switched.former != switched.current else None


async def _has_choice(client: Client, stack: Stack) -> bool:
    current = await current_build(client, stack.deployment)
    if current in ("", stack.build_id):
        return bool(current)
    status = await deployment_status(client, stack.deployment)
    return any(one.workers for one in status.versions if one.build_id == current)
