"""When each tool runs: side by side within a CPU budget, load generators alone, readers last."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

from analyzers.runtime.measure.cores import CpuBudget
from analyzers.runtime.tool import Tool
from telemetry.spans import waiting

_CANCEL_LIMIT_S = 5.0  # within the wrap-up that `measure.py` keeps back from a deadline


class Allowance:
    """A run's time: what it may still take, not counting what it spent waiting for others.

    The run waits while at least one of its tools waits for cores or for another run, and none of
    its tools is at work. The extension is bounded, because a client does not wait any longer.

    Args:
        limit_s: from now on.
        max_extension_s: the most that waiting may add.
    """

    def __init__(self, limit_s: float, max_extension_s: float) -> None:
        self._ends_at = time.monotonic() + limit_s
        self._left_s = max_extension_s
        self._wanting = 0
        self._holding = 0
        self._since: float | None = None
        self._timeout: asyncio.Timeout | None = None
        self.waited_s = 0.0

    @property
    def ends_at(self) -> float:
        """`time.monotonic()` at which the run ends, as far as it is known now."""
        now = time.monotonic()
        waiting_s = now - self._since if self._since is not None else 0.0
        return self._ends_at + min(waiting_s, self._left_s)

    @asynccontextmanager
    async def limit(self) -> AsyncGenerator[None]:
        """Ends its body when the time is over. Raises: TimeoutError."""
        async with asyncio.timeout(self._ends_at - time.monotonic()) as self._timeout:
            yield

    @contextmanager
    def waiting(self) -> Generator[None]:
        """The block is no work on the app: its time counts only while another tool works."""
        self._change(wanting=1)
        try:
            yield
        finally:
            self._change(wanting=-1)

    @contextmanager
    def aside(self) -> Generator[None]:
        """A tool at work waits for something that other runs hold."""
        self._change(wanting=1, holding=-1)
        try:
            yield
        finally:
            self._change(wanting=-1, holding=1)

    @asynccontextmanager
    async def hold(
        self, budget: CpuBudget, cores: float, owner: str, urgency: float = 0.0
    ) -> AsyncGenerator[None]:
        """`budget.hold`; the time until the share is there does not count."""
        async with AsyncExitStack() as stack:
            with self.waiting(), waiting("wait for cores", cores=cores):
                await stack.enter_async_context(budget.hold(cores, owner, urgency))
            self._change(holding=1)
            stack.callback(self._change, holding=-1)
            yield

    def _change(self, wanting: int = 0, holding: int = 0) -> None:
        self._wanting += wanting
        self._holding += holding
        waits = self._wanting > 0 and self._holding == 0
        now = time.monotonic()
        if waits and self._since is None:
            self._since = now
            self._reschedule(self._ends_at + self._left_s)
        elif not waits and self._since is not None:
            more_s = min(now - self._since, self._left_s)
            self.waited_s += now - self._since
            self._ends_at += more_s
            self._left_s -= more_s
            self._since = None
            self._reschedule(self._ends_at)

    def _reschedule(self, ends_at: float) -> None:
        """While the run waits, its end moves, at most by the whole extension."""
        if self._timeout is not None and not self._timeout.expired():
            loop = asyncio.get_running_loop()
            self._timeout.reschedule(loop.time() + max(ends_at - time.monotonic(), 0.0))


async def run_in_order(
    tools: Sequence[Tool],
    start: Callable[[Tool], Awaitable[None]],
    on_change: Callable[[int, tuple[str, ...]], None],
) -> None:
    """Run `start` for each tool when the tools in its `after` have ended.

    An exclusive tool starts when no other runs, and nothing starts beside it. `start` must not
    raise. A circle of `after` is broken in the order of `tools`. Cancellation ends them all.

    Args:
        tools: what to run.
        start: measures one tool.
        on_change: called after each change, with how many have ended and which have begun.
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
