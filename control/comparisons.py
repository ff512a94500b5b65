"""Comparisons for many readers: each is made once, kept for a while, and made anew when it is old.

Two pipelines of thousands of apps take minutes: whoever asks hears how far it is, and asks again.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from activities.decisions import all_decisions
from contract.base import Frozen
from contract.errors import ErrorCode, PlatformError
from control.comparing import compare, require_tools
from control.comparing_asked import AskedChanges, fitting
from control.comparison import Comparison
from control.stored import Stored
from store.results import SqlResultStore

_KEPT, _AT_ONCE, _MOST_WAITING = 6, 2, 12
_PATIENCE_S, _FRESH_S = 1.5, 30.0
_LEFT_S = 60.0  # nobody waits for what was not asked for in this time
_CHANGES, _APPS = 4_000, 200
_Question = tuple[str, str, str]


class Comparing(Frozen):
    """A comparison that is being made.

    Attributes:
        then, now: the pipelines.
        done: apps that are compared.
        of: apps to compare; 0: not known yet.
    """

    then: str
    now: str
    done: int = 0
    of: int = 0


class Compared(Frozen):
    """A comparison that was made.

    Attributes:
        made_at: when it was begun.
        outdated: whether one of the pipelines has changed since.
    """

    comparison: Comparison
    made_at: datetime
    outdated: bool = False


@dataclass(slots=True)
class _Work:
    """One comparison, under way or done."""

    revision: str
    began_at: datetime
    task: asyncio.Task[Comparison] | None = None
    done: int = 0
    of: int = 0
    took_s: float = 0.0
    ended: float = 0.0
    began: float = field(default_factory=time.monotonic)
    asked: float = field(default_factory=time.monotonic)

    def progress(self, done: int, of: int) -> None:
        """Hear how far it is."""
        self.done, self.of = done, of

    def ends(self, task: asyncio.Task[Comparison]) -> None:
        """Hear that it has ended; whoever asks next is told why it failed."""
        if not task.cancelled():
            task.exception()
        self.ended = time.monotonic()
        self.took_s = self.ended - self.began

    def may_be_shown(self, revision: str) -> bool:
        """Whether it is of this moment, or was so long to make that a little age does no harm."""
        age_s = time.monotonic() - self.ended if self.ended else 0.0
        if self.revision == revision:
            return age_s < max(_FRESH_S, 20 * self.took_s)
        return self.took_s > _PATIENCE_S and age_s < 5 * self.took_s


class Comparisons:
    """Makes and keeps comparisons of one store; at most two are made at once."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._works: OrderedDict[_Question, _Work] = OrderedDict()
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def ask(self, then: str, now: str, wanted: AskedChanges) -> Compared | Comparing:
        """The comparison, or how far it is.

        Filters of the list change nothing of what is compared: where the whole list is kept, they
        are used on that.

        Raises:
            NotStoredError: one of the pipelines is not there.
            WrongInputError: it is the same one, or there is no such app, model or tool.
            PlatformError: the store cannot be read, or too many comparisons are under way.
        """
        fits = fitting(wanted)
        whole = await self._ask(then, now, wanted.compared)
        if isinstance(whole, Comparing) or wanted == wanted.compared:
            return whole
        if whole.comparison.changes_left_out:
            return await self._ask(then, now, wanted)
        await self._stored.answered(
            now, lambda results: require_tools(results, (then, now), wanted.tool), lags=True
        )
        changes = tuple(filter(fits, whole.comparison.changes))
        comparison = whole.comparison.model_copy(update={"changes": changes})
        return whole.model_copy(update={"comparison": comparison})

    async def _ask(self, then: str, now: str, wanted: AskedChanges) -> Compared | Comparing:
        revision = await self._revision(then, now)
        question = (then, now, wanted.model_dump_json())
        work = self._works.get(question)
        if work is None or (work.task and work.task.done() and not work.may_be_shown(revision)):
            work = self._begin(question, wanted, revision)
        self._works.move_to_end(question)
        work.asked = time.monotonic()
        assert work.task is not None  # noqa: S101 (it was begun)
        await asyncio.wait({work.task}, timeout=_PATIENCE_S)
        if not work.task.done():
            return Comparing(then=then, now=now, done=work.done, of=work.of)
        if (work.task.cancelled() or work.task.exception()) and self._works.get(question) is work:
            del self._works[question]
        outdated = work.revision != revision
        return Compared(comparison=work.task.result(), made_at=work.began_at, outdated=outdated)

    async def close(self) -> None:
        """End what is under way."""
        tasks = [work.task for work in self._works.values() if work.task]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _begin(self, question: _Question, wanted: AskedChanges, revision: str) -> _Work:
        self._forget()
        work = self._works[question] = _Work(revision, datetime.now(UTC))
        work.task = asyncio.create_task(self._made(question, wanted, work))
        work.task.add_done_callback(work.ends)
        return work

    async def _made(self, question: _Question, wanted: AskedChanges, work: _Work) -> Comparison:
        then, now, _ = question
        async with self._turn:
            return await compare(
                self._stored,
                then,
                now,
                wanted,
                limit=_CHANGES,
                most_apps=_APPS,
                on_progress=work.progress,
            )

    def _forget(self) -> None:
        """Forget those that nobody has asked for the longest, and end those that nobody awaits.

        Raises:
            PlatformError: RESOURCE_EXHAUSTED: too many are under way.
        """
        ended = [key for key, work in self._works.items() if work.task and work.task.done()]
        for key in ended[: max(0, len(ended) - _KEPT + 1)]:
            del self._works[key]
        for key, work in list(self._works.items()):
            if work.task and not work.task.done() and time.monotonic() - work.asked > _LEFT_S:
                work.task.cancel()
                del self._works[key]
        if len(self._works) - len(ended) >= _MOST_WAITING:
            raise PlatformError(
                ErrorCode.RESOURCE_EXHAUSTED,
                "too many comparisons are under way",
                next_step="ask again when one of them has ended",
                retry_after_s=_LEFT_S,
            )

    async def _revision(self, then: str, now: str) -> str:
        parts = [
            await self._stored.answered(name, _state_of(name), lags=True) for name in (then, now)
        ]
        today = datetime.now(UTC).date()
        return hashlib.sha256("\0".join((*parts, str(today))).encode()).hexdigest()


def _state_of(pipeline_id: str) -> Callable[[SqlResultStore], Awaitable[str]]:
    """What tells that a pipeline has changed: what is recorded of it, and the decisions for it."""

    async def ask(results: SqlResultStore) -> str:
        await results.overview(pipeline_id)  # there is such a pipeline
        decisions = await all_decisions(results, pipeline_id)
        told = "".join(each.model_dump_json() for each in decisions)
        return await results.revision(pipeline_id) + told

    return ask
