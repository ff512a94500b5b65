"""One way to see a pipeline, kept up to date for all who see it in this way."""

import asyncio
import re
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator

from control.live_documents import LivePipeline
from dashboard.live.changes import Changes

# Proxies close what is silent; a comment is no event.
BEAT_S = 15.0
_BEAT = b": here\n\n"
_LINE_END = re.compile(r"\r\n|\r|\n")


class View(ABC):
    """What its viewers see is made by `_make`, and told by `_told`.

    Attributes:
        used_s: when somebody looked last; by the monotonic clock.
    """

    def __init__(self) -> None:
        self.used_s = time.monotonic()
        self._news = asyncio.Condition()
        self._closed = False
        self._taking = asyncio.Lock()
        self._seen: LivePipeline | None = None
        self._encoded: dict[int, bytes] = {}

    @property
    @abstractmethod
    def changes(self) -> Changes:
        """The parts that it consists of."""

    @abstractmethod
    async def _make(self, seen: LivePipeline) -> bool:
        """Bring the parts up to date; whether any changed."""

    @abstractmethod
    def _told(self, version: int) -> str:
        """The event, without its ID, that brings a viewer of that version up to date.

        Of version 0 nothing is known: the whole state.
        """

    async def update(self, seen: LivePipeline) -> None:
        """Take in how the pipeline looks now, unless it has been."""
        async with self._taking:
            if seen is self._seen:
                return
            changed = await self._make(seen)
            self._seen = seen
        if changed:
            self._encoded.clear()
            async with self._news:
                self._news.notify_all()

    async def close(self) -> None:
        """Let all viewers go."""
        self._closed = True
        async with self._news:
            self._news.notify_all()

    def since(self, version: int) -> bytes:
        """Server-sent events for a viewer of that version; each is made once for all of them."""
        if version not in self._encoded:
            self._encoded[version] = f"id: {self.changes.id}\n{self._told(version)}\n".encode()
        return self._encoded[version]

    async def events(self, last_id: str, until_s: float) -> AsyncGenerator[bytes]:
        """Events from the one with `last_id` on; ends at `until_s` of the monotonic clock.

        Who comes back with an ID of an earlier life of the dashboard gets the whole state.
        """
        version = self.changes.version_of(last_id)
        yield b"retry: 1000\n\n"
        while not self._closed and time.monotonic() < until_s:
            if version != self.changes.version or version == 0:
                bytes_ = self.since(version)
                version = self.changes.version
                yield bytes_
            elif not await self._changed(version):
                yield _BEAT

    async def _changed(self, version: int) -> bool:
        """Wait for the next version; False after a while without one."""
        try:
            async with asyncio.timeout(BEAT_S), self._news:
                await self._news.wait_for(lambda: self._closed or self.changes.version != version)
        except TimeoutError:
            return False
        return True


def event(data: str, name: str = "") -> str:
    """The fields of one event, without an ID; lines end there as a reader of events ends them."""
    lines = "".join(f"data: {line}\n" for line in _LINE_END.split(data))
    return f"event: {name}\n{lines}" if name else lines
