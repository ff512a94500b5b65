"""Everybody who watches a pipeline, in front of one look a second at it.

Nothing is asked while nobody watches. However many watch, one task looks, and each view (the page
of a matrix, the API's document) is made once for all who see the same one.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from contract.errors import ErrorCode, PlatformError
from control.errors import NotStoredError
from control.live_documents import LivePipeline
from control.watching import Watcher
from dashboard.live.view import View

_LOG = logging.getLogger(__name__)
EVERY_S = 1.0
# Even after a look that took long there is a pause, so that two of them never touch.
_PAUSE_S = 0.2
# How long a view that nobody watches is kept: a page is followed by its events.
_KEPT_S = 30.0
_AWAY_S = 5.0
_SETTLE_S = 3.0
_VIEWS_MAX, _PIPELINES_MAX = 100, 200
Make = Callable[[Watcher], View]


class Channel:
    """One pipeline that somebody watches or has just looked at.

    Attributes:
        seen: the latest look; None: there was none yet.
        looks: how many looks there were.
        tasks: what looks, or ends its last look.
    """

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.seen: LivePipeline | None = None
        self.looks = 0
        self._seen_at: datetime | None = None
        self.used_s = time.monotonic()
        self._views: dict[Hashable, View] = {}
        self._followed = Counter[View]()  # each with how many follow it
        self._looking = asyncio.Lock()
        self._looked_s = self._poked_s = float("-inf")  # when the last look began
        self._poked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.tasks = set[asyncio.Task[None]]()

    async def view(self, name: Hashable, make: Make) -> View:
        """A view as it is now, or as the look that is under way last found it.

        Raises:
            NotStoredError: there is no such pipeline.
            PlatformError: the store is away; too many different views are watched.
        """
        await self.now()
        view = self._views.get(name)
        if view is None:
            self._make_room()
            view = self._views[name] = make(self.watcher)
        if self.seen is not None:
            await view.update(self.seen)
        self.used_s = view.used_s = time.monotonic()
        return view

    async def now(self) -> LivePipeline | None:
        """The look of this moment, the same for all who ask; None: its viewers were let go.

        Raises:
            NotStoredError: there is no such pipeline.
            PlatformError: the store is away.
        """
        self._forget()
        if self.seen is None or self._is_poked or not (self.is_watched or self._is_fresh):
            async with self._looking:
                if not self._is_fresh:
                    await self._look()
        self.used_s = time.monotonic()
        return self.seen

    @property
    def _is_fresh(self) -> bool:
        """Whether nobody need look again: those who are away are not asked at each page."""
        kept_s = _AWAY_S if self.seen and self.seen.away else EVERY_S
        young = time.monotonic() - self._looked_s <= kept_s
        return self.seen is not None and young and not self._is_poked

    @property
    def _is_poked(self) -> bool:
        """Whether no look began after the last message to the pipeline."""
        return self._poked_s > self._looked_s

    @asynccontextmanager
    async def watched(self, view: View) -> AsyncGenerator[None]:
        """Look once a second while somebody is within this context."""
        self._followed[view] += 1
        if not self.is_watched:
            self._task = asyncio.create_task(self._watch())
            self.tasks.add(self._task)
            self._task.add_done_callback(self.tasks.discard)
        try:
            yield
        finally:
            self._followed = +(self._followed - Counter([view]))
            self.used_s = view.used_s = time.monotonic()
            if not self._followed:
                # A look under way comes to its end: one that is cut off leaves a connection behind.
                self._task = None  # who comes while it ends needs one of their own
                self._poked.set()

    @property
    def is_idle(self) -> bool:
        """Whether nobody watches it, nor did lately; or there is no such pipeline."""
        old = time.monotonic() - self.used_s > _KEPT_S
        return self.is_free and (old or self.seen is None)

    @property
    def is_free(self) -> bool:
        """Whether nobody watches it, nor waits for a look."""
        return not self._followed and not self._looking.locked()

    @property
    def is_watched(self) -> bool:
        """Whether a task looks at it again and again."""
        return self._task is not None and not self._task.done()

    def poke(self) -> None:
        """Look at once: something was just asked of the pipeline."""
        self._poked_s = time.monotonic()
        self._poked.set()

    async def _watch(self) -> None:
        try:
            while self._task is asyncio.current_task():
                began_s = time.monotonic()
                async with self._looking:
                    if self._is_poked or began_s - self._looked_s > EVERY_S / 2:
                        await self._look()
                self._forget()
                pause_s = max(_PAUSE_S, began_s + EVERY_S - time.monotonic())
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._poked.wait(), pause_s)
                self._poked.clear()
        except NotStoredError:
            await self.close()
        except Exception:
            _LOG.exception("watching pipeline %s", self.watcher.id)
            await self.close()

    async def _look(self) -> None:
        self.looks += 1
        began_s = time.monotonic()
        self.seen = await self._seen()
        self._looked_s = began_s
        for view in list(self._followed):  # others take it in when somebody comes
            await view.update(self.seen)

    async def _seen(self) -> LivePipeline:
        try:
            seen = await self.watcher.look()
            self._seen_at = datetime.now(UTC)
            return seen
        except NotStoredError:
            raise
        except PlatformError as error:
            if self.seen is None:
                raise
            since = self.seen.away_since or self._seen_at
            return self.seen.model_copy(update={"away": error.message, "away_since": since})

    def _forget(self) -> None:
        """Views that nobody looks at any more."""
        old_s = time.monotonic() - _KEPT_S
        for name in [name for name in self._unfollowed if self._views[name].used_s < old_s]:
            del self._views[name]

    @property
    def _unfollowed(self) -> list[Hashable]:
        return [name for name, view in self._views.items() if view not in self._followed]

    def _make_room(self) -> None:
        """For one more view: that of whoever looked longest ago and does not follow goes."""
        if len(self._views) < _VIEWS_MAX:
            return
        if not self._unfollowed:
            raise _too_many("views of this pipeline")
        del self._views[min(self._unfollowed, key=lambda name: self._views[name].used_s)]

    async def close(self) -> None:
        """Let its viewers go; whoever comes back begins anew."""
        views = {*self._views.values(), *self._followed}
        self._views.clear()
        self.seen = None
        for view in views:
            await view.close()


class Hub:
    """The channels of one dashboard.

    Args:
        watcher: makes what looks at a pipeline.
    """

    def __init__(self, watcher: Callable[[str], Watcher]) -> None:
        self._watcher = watcher
        self._channels: dict[str, Channel] = {}

    async def close(self) -> None:
        """Let every viewer go."""
        for channel in list(self._channels.values()):
            await channel.close()

    async def settled(self) -> None:
        """Wait for looks under way, which use the store, for some seconds at most."""
        tasks = [task for channel in self._channels.values() for task in channel.tasks]
        if tasks:
            await asyncio.wait(tasks, timeout=_SETTLE_S)

    def channel(self, pipeline_id: str) -> Channel:
        """That of one pipeline.

        Raises:
            PlatformError: RESOURCE_EXHAUSTED: too many pipelines are watched.
        """
        for name in [name for name, channel in self._channels.items() if channel.is_idle]:
            del self._channels[name]
        if pipeline_id not in self._channels:
            self._make_room()
            self._channels[pipeline_id] = Channel(self._watcher(pipeline_id))
        return self._channels[pipeline_id]

    def _make_room(self) -> None:
        if len(self._channels) < _PIPELINES_MAX:
            return
        free = [name for name, channel in self._channels.items() if channel.is_free]
        if not free:
            raise _too_many("pipelines")
        del self._channels[min(free, key=lambda name: self._channels[name].used_s)]

    def poke(self, pipeline_id: str) -> None:
        """Something was just asked of this pipeline."""
        if pipeline_id in self._channels:
            self._channels[pipeline_id].poke()


def _too_many(what: str) -> PlatformError:
    message = f"too many different {what} are watched at once"
    next_step = "close some pages, or ask again later"
    return PlatformError(
        ErrorCode.RESOURCE_EXHAUSTED, message, next_step=next_step, retry_after_s=_KEPT_S
    )
