"""Slots of a task queue that an activity can give back before it ends.

A slot stands for something scarce: a share of the host for a build, the one load test. When that
work is done, the activity may still wait (until an app answers, for a result): it needs no slot.
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
    """Limits how many activities work at once; one that gave its slot back does not count.

    Temporal's library calls the methods from its own threads.

    Args:
        size: how many activities may work at once.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._given_back = 0
        self._lock = threading.Lock()
        self._waiting: deque[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = deque()

    @property
    def given_back(self) -> int:
        """How many running activities hold no slot any more."""
        return self._given_back

    def once(self) -> Callable[[], None]:
        """A function that one activity calls when its work is done; only its first call counts.

        Temporal frees a slot at the end of any activity. The next one that ends after the call
        frees none, so that never more than `size` activities work.
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
                self._wake()  # this poll may have been woken for a free slot
                raise

    def try_reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit | None:
        """A slot, if one is free."""
        with self._lock:
            if self._free <= 0:
                return None
            self._free -= 1
            return SlotPermit()

    def mark_slot_used(self, ctx: SlotMarkUsedContext) -> None:
        """Nothing to note."""

    def release_slot(self, ctx: SlotReleaseContext) -> None:
        """An activity ended, or a poll ended without one (then nothing was given back for it)."""
        with self._lock:
            if ctx.slot_info is not None and self._given_back:
                self._given_back -= 1
            else:
                self._free += 1
        self._wake()

    def _wake(self) -> None:
        """Let all waiting polls look again."""
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
        for loop, turn in waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_set, turn)


def _set(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
