"""Heartbeats: by them an activity learns of a cancel, and Temporal of a dead worker."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from temporalio import activity

from activities.errors import Deferred, as_application_error
from activities.work import WorkLog
from contract.attempt import WORKER_LOST, Beat, Span
from contract.errors import PlatformError
from contract.limits import BEAT_INTERVAL_S
from contract.protocol import Progress


class Attempt:
    """One attempt of an activity: it sends heartbeats and turns platform faults into failures.

    The whole body of an activity stands in `async with Attempt() as attempt:`.
    """

    def __init__(self, message: str = "") -> None:
        before = _previous()
        earlier = activity.info().attempt - 1
        causes = (*before.causes, *[WORKER_LOST] * earlier)[:earlier]
        self._beat = before.model_copy(update={"message": message, "causes": causes})
        self._work = WorkLog(before.spans)
        self._task: asyncio.Task[None] | None = None

    @property
    def causes(self) -> tuple[str, ...]:
        """Why each earlier attempt ended, the first one first."""
        return self._beat.causes

    @property
    def begun(self) -> bool:
        """Whether this attempt, or one before it, got as far as the work itself."""
        return self._beat.begun

    def begin(self) -> None:
        """Note that the work has begun: a later attempt goes on with it."""
        if not self._beat.begun:
            self._beat = self._beat.model_copy(update={"begun": True})

    def note(self, message: str) -> None:
        """Set what the next heartbeat says of this attempt."""
        self._beat = self._beat.model_copy(update={"message": message})

    @property
    def apps(self) -> Mapping[str, str]:
        """What the last heartbeat, of this attempt or the one before, says of the running apps."""
        return self._beat.apps

    def tell_apps(self, apps: Mapping[str, str]) -> None:
        """Set what each running app does now, by its label; a change is sent at once."""
        if apps != self._beat.apps:
            self._beat = self._beat.model_copy(update={"apps": dict(apps)})
            self._send()

    @property
    def spans(self) -> tuple[Span, ...]:
        """The work that this attempt and earlier ones saw."""
        return self._work.spans

    def saw_work(self, progress: Progress) -> None:
        """Note which tools an analyzer says are at work; a tool that waits does not work."""
        self._work.saw(progress, time.time())

    async def __aenter__(self) -> Self:
        """Send the first heartbeat, and go on in the background."""
        self._send()
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop; the last heartbeat carries the cause of a failure to the next attempt."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if exc is None or isinstance(exc, asyncio.CancelledError):
            return
        if isinstance(exc, Deferred):
            self._send()
            raise exc.as_application_error(self._beat) from None
        cause = exc.code.value if isinstance(exc, PlatformError) else type(exc).__name__
        self._beat = self._beat.model_copy(update={"causes": (*self._beat.causes, cause)})
        self._send()
        if isinstance(exc, PlatformError):
            # Without its causes: the server keeps no failure of more than 4 KB for those who look.
            raise as_application_error(exc, self._beat) from None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(BEAT_INTERVAL_S)
            self._send()

    def _send(self) -> None:
        self._work.reach(time.time())
        self._beat = self._beat.model_copy(update={"spans": self._work.spans})
        activity.heartbeat(self._beat)


def _previous() -> Beat:
    details: list[Any] = list(activity.info().heartbeat_details)
    return Beat.model_validate(details[0]) if details else Beat()
