"""Which tools run when: side by side within a CPU budget, load generators alone, readers last."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from analyzers.runtime.tool import Tool

_CANCEL_LIMIT_S = 5.0  # within the wrap-up that `measure.py` keeps back from a deadline


class CpuBudget:
    """Hands out shares of the cores, first come, first served.

    Args:
        cores: the whole budget; a tool that costs more is given all of it.
    """

    def __init__(self, cores: float) -> None:
        self._cores = cores
        self._free = cores
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def hold(self, cost: float) -> AsyncGenerator[None]:
        """Wait for a share of `cost` cores and hold it."""
        share = min(max(cost, 0.0), self._cores)
        await self._acquire(share)
        try:
            yield
        finally:
            self._free += share
            self._wake()

    async def _acquire(self, share: float) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((share, turn))
        self._wake()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._free += share
            self._wake()
            raise

    def _wake(self) -> None:
        while self._waiting:
            share, turn = self._waiting[0]
            if not turn.cancelled():
                if share > self._free + 1e-9:
                    return
                self._free -= share
                turn.set_result(None)
            self._waiting.popleft()


async def run_in_order(
    tools: Sequence[Tool],
    start: Callable[[Tool], Awaitable[None]],
    on_change: Callable[[int, tuple[str, ...]], None],
) -> None:
    """Run `start` for each tool once the tools it wants to read from have ended.

    An exclusive tool starts when no other runs, and nothing starts beside it. `start` must not
    raise. A circle of `after` is broken in the order of `tools`. Cancellation ends them all.

    Args:
        tools: what to run.
        start: measures one tool.
        on_change: told how many have ended and which were begun, after each change.
    """
    pending = list(tools)
    running: dict[asyncio.Task[None], Tool] = {}
    try:
        while pending or running:
            for tool in _startable(pending, list(running.values())):
                pending.remove(tool)
                running[asyncio.ensure_future(_call(start, tool))] = tool
            on_change(
                len(tools) - len(pending) - len(running),
                tuple(tool.name for tool in running.values()),
            )
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                del running[task]
    finally:
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=_CANCEL_LIMIT_S)


async def _call(start: Callable[[Tool], Awaitable[None]], tool: Tool) -> None:
    await start(tool)


def _startable(pending: Sequence[Tool], running: Sequence[Tool]) -> list[Tool]:
    if any(tool.exclusive for tool in running):
        return []
    unfinished = {tool.name for tool in (*pending, *running)}
    ready = [tool for tool in pending if not (set(tool.after) - {tool.name}) & unfinished]
    if not ready and not running:
        ready = list(pending[:1])
    shared = [tool for tool in ready if not tool.exclusive]
    return shared if shared or running else ready[:1]
