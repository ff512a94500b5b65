"""Heartbeats: without them an activity never learns of a cancel, nor Temporal of a dead worker."""

import asyncio
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from temporalio import activity

from activities.errors import Aside, as_application_error
from contract.base import Frozen
from contract.errors import PlatformError

WORKER_LOST = "WORKER_LOST"
BEAT_INTERVAL_S = 2.0


class Span(Frozen):
    """Work that one attempt saw: Unix time in seconds, and seconds summed over tools at once."""

    began_s: float
    ended_s: float
    tool_seconds: float = 0.0


class Beat(Frozen):
    """Heartbeat details: what people see of a pending activity, and what the next attempt knows.

    Attributes:
        message: what it does now.
        causes: why each attempt before the next one ended; padded with `WORKER_LOST`,
            since a killed worker says nothing.
        spans: the work each attempt saw, so that a later one can tell how much of it was thrown
            away.
        begun: whether the work itself was under way, so that a later attempt goes on with it.
    """

    message: str = ""
    causes: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    begun: bool = False


class Attempt:
    """One attempt of an activity: beats in the background and turns platform faults into failures.

    `async with Attempt() as attempt:` around the whole body of an activity.
    """

    def __init__(self, message: str = "") -> None:
        before = _previous()
        earlier = activity.info().attempt - 1
        causes = (*before.causes, *[WORKER_LOST] * earlier)[:earlier]
        self.earlier_spans = before.spans
        self._beat = before.model_copy(update={"message": message, "causes": causes})
        self._span: Span | None = None
        self._at_work = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def causes(self) -> tuple[str, ...]:
        """Why each earlier attempt ended."""
        return self._beat.causes

    @property
    def begun(self) -> bool:
        """Whether this attempt, or one before it, got as far as the work itself."""
        return self._beat.begun

    def begin(self) -> None:
        """The work itself is under way: a later attempt goes on with it."""
        if not self._beat.begun:
            self._beat = self._beat.model_copy(update={"begun": True})

    def note(self, message: str) -> None:
        """Say what goes on; sent with the next beat."""
        self._beat = self._beat.model_copy(update={"message": message})

    def saw_work(self, tools: int) -> None:
        """Mark that so many tools are at work now; what they did since the last mark counts."""
        now_s = time.time()
        mine = self._span or Span(began_s=now_s, ended_s=now_s)
        done_s = (now_s - mine.ended_s) * self._at_work
        self._at_work = tools
        self._span = mine.model_copy(
            update={"ended_s": now_s, "tool_seconds": mine.tool_seconds + done_s}
        )
        self._beat = self._beat.model_copy(update={"spans": (*self.earlier_spans, self._span)})

    async def __aenter__(self) -> Self:
        """Start beating."""
        self._send()
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop beating; the last beat carries the cause of a failure to the next attempt."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if exc is None or isinstance(exc, asyncio.CancelledError):
            return
        if isinstance(exc, Aside):
            raise exc.as_application_error(self._beat) from exc
        cause = exc.code.value if isinstance(exc, PlatformError) else type(exc).__name__
        self._beat = self._beat.model_copy(update={"causes": (*self._beat.causes, cause)})
        self._send()
        if isinstance(exc, PlatformError):
            raise as_application_error(exc, self._beat) from exc

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(BEAT_INTERVAL_S)
            self._send()

    def _send(self) -> None:
        activity.heartbeat(self._beat)


def _previous() -> Beat:
    details: list[Any] = list(activity.info().heartbeat_details)
    return Beat.model_validate(details[0]) if details else Beat()
