"""Changes by command in the log that the dashboard shows: who typed what, when and where."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Protocol

from cli.installation import store_of
from cli.output import say
from cli.person import person
from cli.safe import one_line
from contract.access import Change
from contract.errors import PlatformError
from control.access_kept import KeptAccess
from control.audit import AuditLog
from control.stored import Stored
from settings import Settings


class Opened(Protocol):
    """What is known of a session: whether a local stack of these settings is used."""

    @property
    def settings(self) -> Settings:
        """Of this installation."""
        ...

    @property
    def stack(self) -> object | None:
        """The local stack; None: a configured server is used."""
        ...


def typed(action: str, subject: str = "", detail: str = "") -> Change:
    """A change that was typed here."""
    return Change(
        who=person(),
        action=action,
        subject=subject,
        detail=detail,
        address=f"cli@{socket.gethostname()}",
    )


@asynccontextmanager
async def recorded(
    settings: Settings, change: Change, *, make: bool = True
) -> AsyncGenerator[bool]:
    """Keep a change before it is made inside this context, and how it ended.

    Who can run a command here can change this installation without Assay, too: a log that cannot
    be written is said aloud, and does not keep anybody from cancelling a pipeline.

    Args:
        settings: of this installation.
        change: see `typed`.
        make: whether a store that is not there yet is made for it.

    Yields:
        Whether it was kept.
    """
    stored = store_of(settings)
    if not make and not _is_there(stored):
        _unkept("there is no store here yet")
        yield False
        return
    kept = KeptAccess(stored)
    try:
        async with AuditLog(kept).keeping(change, _unkept) as is_kept:
            yield is_kept
    finally:
        await kept.close()


@asynccontextmanager
async def recorded_in(
    session: Opened, action: str, pipeline_id: str, detail: str = ""
) -> AsyncGenerator[None]:
    """Keep a change of a pipeline; where a configured server is used, the store may be elsewhere.

    Args:
        session: whose server is told of it.
        action: in one or two words.
        pipeline_id: which pipeline.
        detail: with what, in one line.
    """
    change = typed(action, f"pipeline {pipeline_id}", detail)
    async with recorded(session.settings, change, make=session.stack is not None):
        yield


def _is_there(stored: Stored) -> bool:
    try:
        return stored.exists()
    except PlatformError:  # it is gone: that is said when it is written
        return True


def _unkept(why: str) -> None:
    say(f"not recorded in the audit log: {one_line(why)}")
