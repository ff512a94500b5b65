"""Every change that was asked for through the dashboard, with who asked and what came of it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.requests import HTTPConnection

from contract.access import Change
from control.audit import AuditLog
from dashboard.access.who import Actor


@asynccontextmanager
async def audited(
    request: HTTPConnection, actor: Actor, action: str, subject: str = "", detail: str = ""
) -> AsyncGenerator[None]:
    """Keep that `actor` did this, before it is done, and how it ended.

    Args:
        request: that asked for it.
        actor: who asked.
        action: in one or two words, `pause`, `suppress`.
        subject: what was changed, `pipeline study-1`.
        detail: with what, in one line.

    Raises:
        PlatformError: the log cannot be written: then nothing is done.
    """
    log: AuditLog = request.app.state.audit
    change = Change(
        who=actor.name, action=action, subject=subject, detail=detail, address=actor.address
    )
    async with log.keeping(change):
        yield
