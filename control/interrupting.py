"""Long blocking work that ends when its command is interrupted."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Event
from typing import TypeVar

Result = TypeVar("Result")
Check = Callable[[], None]
"""Is called by the work now and then; raises `StoppedError` to end it."""


class StoppedError(Exception):
    """The command was interrupted."""


async def interruptible(work: Callable[[Check], Result]) -> Result:
    """Do `work` in a thread. If it is cancelled, have it end, and wait until it has cleaned up."""
    stop = Event()

    def check() -> None:
        if stop.is_set():
            raise StoppedError

    doing = asyncio.create_task(asyncio.to_thread(work, check))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        stop.set()
        with suppress(Exception):
            await doing
        raise
