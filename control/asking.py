"""Questions that are asked again and again: some of them seldom, some no longer than is patient."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from contract.errors import ErrorCode, PlatformError

Answer = TypeVar("Answer")


class Seldom(Generic[Answer]):
    """An answer that is asked for again when it is so old, or when the question has changed.

    Attributes:
        answer: the last one.
    """

    def __init__(self, first: Answer, every_s: float) -> None:
        self.answer = first
        self._every_s = every_s
        self._asked_s = float("-inf")
        self._question: object = None

    async def of(self, ask: Callable[[], Awaitable[Answer]], question: object = None) -> Answer:
        """The answer to this question; raises what `ask` does, and is then asked anew."""
        old = time.monotonic() - self._asked_s > self._every_s
        if old or question != self._question:
            self.answer = await ask()
            self._asked_s, self._question = time.monotonic(), question
        return self.answer


class StoreInTime:
    """Questions to a store, each of them answered in time or not at all.

    A late one goes on, as one that is cut off leaves a connection behind; until it has ended, no
    other is asked.
    """

    def __init__(self) -> None:
        self._asked: asyncio.Future[Any] | None = None

    async def of(self, ask: Callable[[], Awaitable[Answer]], within_s: float) -> Answer:
        """The answer.

        Raises:
            PlatformError: UNAVAILABLE: there was none in time, or that of an earlier question is
                still to come; otherwise as `ask`.
        """
        if self._asked is not None and not self._asked.done():
            raise _late()
        asked = asyncio.ensure_future(ask())
        self._asked = asked
        asked.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        await asyncio.wait({asked}, timeout=within_s)
        if not asked.done():
            raise _late()
        return asked.result()


def _late() -> PlatformError:
    return PlatformError(
        ErrorCode.UNAVAILABLE,
        "the store does not answer in time",
        next_step="see that it runs; the page goes on when it answers",
    )
