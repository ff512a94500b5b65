"""Slots of a task queue that an activity can give back before it ends.

A slot stands for what is scarce: a build's share of the host, the one load test. What an activity
does after that (waiting until an app answers, fetching a result) is waiting, and costs none.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable

from temporalio.worker import (
    CustomSlotSupplier,
    SlotMarkUsedContext,
    SlotPermit,
    SlotReleaseContext,
    SlotReserveContext,
)


class Slots(CustomSlotSupplier):
    """So many activities at once, not counting those that gave theirs back.

    The server's library asks from threads of its own.

    Args:
        size: how many.
    """

    def __init__(self, size: int) -> None:
        self._free = size
        self._given_back = 0
        self._lock = threading.Lock()
        self._waiting: deque[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = deque()

    def once(self) -> Callable[[], None]:
        """What one activity calls when its work is done and waiting begins; later calls are none.

        When another activity ends first, it is that one's slot which stays away until this one
        has ended: never are there more than `size` at work.
        """
        called = False

        def give_back() -> None:
            nonlocal called
            if not called:
                called = True
                with self._lock:
                    self._given_back += 1
                    self._free += 1
                self._wake()

        return give_back

    async def reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit:
        """Wait for a free slot."""
        loop = asyncio.get_running_loop()
        while True:
            turn: asyncio.Future[None] = loop.create_future()
            with self._lock:
                if self._free > 0:
                    self._free -= 1
                    return SlotPermit()
                self._waiting.append((loop, turn))
            try:
                await turn
            except asyncio.CancelledError:
                self._wake()  # it may have been our turn just now
                raise

    def try_reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit | None:
        """A slot where one is free."""
        with self._lock:
            if self._free <= 0:
                return None
            self._free -= 1
            return SlotPermit()

    def mark_slot_used(self, ctx: SlotMarkUsedContext) -> None:
        """Nothing to note."""

    def release_slot(self, ctx: SlotReleaseContext) -> None:
        """An activity ended, or a poll found none: then no slot was given back for it."""
        with self._lock:
            if ctx.slot_info is not None and self._given_back:
                self._given_back -= 1
            else:
                self._free += 1
        self._wake()

    def _wake(self) -> None:
        """Let everybody who waits look again; there are as many as there are polls."""
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
        for loop, turn in waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_set, turn)


def _set(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
