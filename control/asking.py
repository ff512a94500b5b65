"""Questions that are asked again and again: some of them seldom, some no longer than is patient."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Generic, NamedTuple, TypeVar

from contract.errors import ErrorCode, PlatformError

Answer = TypeVar("Answer")
_SETTLE_S = 3.0


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


class Beside(Generic[Answer]):
    """As `Seldom`; who asks does not wait long: the last answer stands until a late one has come.

    Args:
        first: the answer before there is one.
        every_s: how old an answer may be.
        within_s: how long the one who asks waits for it.
    """

    def __init__(self, first: Answer, every_s: float, within_s: float) -> None:
        self._answer = first
        self._every_s = every_s
        self._within_s = within_s
        self._asked_s = float("-inf")
        self._question: object = None
        self._asking: asyncio.Task[None] | None = None

    async def of(self, ask: Callable[[], Awaitable[Answer]], question: object = None) -> Answer:
        """The answer to this question, or the one before; raises what `ask` did."""
        self._raise()
        old = time.monotonic() - self._asked_s > self._every_s
        if self._asking is None and (old or question != self._question):
            self._asked_s, self._question = time.monotonic(), question
            self._asking = asyncio.create_task(self._take(ask))
            await asyncio.wait({self._asking}, timeout=self._within_s)
            self._raise()
        return self._answer

    async def _take(self, ask: Callable[[], Awaitable[Answer]]) -> None:
        self._answer = await ask()

    def _raise(self) -> None:
        if self._asking is not None and self._asking.done():
            asked, self._asking = self._asking, None
            asked.result()


class _Asked(NamedTuple, Generic[Answer]):
    """A question and when it was asked, by the monotonic clock."""

    task: "asyncio.Task[Answer]"
    began_s: float


class Together(Generic[Answer]):
    """Of those who ask the same within a moment, one asks and all get the answer.

    Args:
        for_s: how old an answer may be.
        most: questions that are remembered.

    Attributes:
        asked: how often anything was asked.
    """

    def __init__(self, for_s: float, most: int) -> None:
        self.asked = 0
        self._for_s = for_s
        self._most = most
        self._known: dict[Hashable, _Asked[Answer]] = {}

    async def of(
        self, question: Hashable, ask: Callable[[], Coroutine[Any, Any, Answer]]
    ) -> Answer:
        """The answer; raises what `ask` does, which is then asked anew by whoever comes next."""
        if not (asked := self._known.get(question)) or self._is_old(asked):
            self._forget()
            self.asked += 1
            asked = self._known[question] = _Asked(asyncio.create_task(ask()), time.monotonic())
            asked.task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(asked.task)

    async def close(self) -> None:
        """Let questions under way end: one that is cut off leaves a connection behind."""
        tasks = {asked.task for asked in self._known.values() if not asked.task.done()}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_SETTLE_S)
            for task in late:
                task.cancel()

    def _is_old(self, asked: _Asked[Answer]) -> bool:
        if not asked.task.done():
            return False
        failed = asked.task.cancelled() or asked.task.exception() is not None
        return failed or time.monotonic() - asked.began_s > self._for_s

    def _forget(self) -> None:
        """What is old; and, where too much is under way, what was asked first."""
        self._known = {name: one for name, one in self._known.items() if not self._is_old(one)}
        while len(self._known) >= self._most:
            del self._known[next(iter(self._known))]


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
