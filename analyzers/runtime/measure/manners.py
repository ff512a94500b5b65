"""Giving way: what of an analyzer's work waits while a load test runs on its host.

A static run is short and keeps every core busy: it gives way as a whole, and is waited for as a
whole. A scan is long and leaves the cores idle: its tools give way one by one, and none begins in
the short time between two load tests; but a load test lets a scan that has begun end, if that does
not take too long.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path

from contract.analyzers import AnalyzerKind
from contract.quiet import SCAN_CALM_S, Work, give_way, scan

# What one subtask waits in all; a load test takes three minutes at most, unless it is repeated.
PATIENCE_S = 240.0

Tell = Callable[[str], None]


class Manners:
    """How one subtask gives way.

    Args:
        kind: of the analyzer; its row says what of a subtask gives way.
        load_lock: of the host; None: nothing is given way to.
    """

    def __init__(self, kind: AnalyzerKind, load_lock: Path | None) -> None:
        self._gives_way = kind.row.gives_way
        self._lock = load_lock
        self._left_s = PATIENCE_S
        self._scan: Work | None = None

    @asynccontextmanager
    async def run(self, tell: Tell) -> AsyncGenerator[None]:
        """Around a whole subtask."""
        work = await self._work(tell, 0.0) if self._gives_way == "whole" else None
        try:
            yield
        finally:
            for one in filter(None, (work, self._scan)):
                one.end()

    @asynccontextmanager
    async def tool(self, waiting: AbstractContextManager[None], tell: Tell) -> AsyncGenerator[None]:
        """Around one tool; `waiting` is entered while it gives way."""
        work = None
        if self._gives_way == "tools":
            with waiting:
                work = await self._work(tell, SCAN_CALM_S)
            if self._scan is None and self._lock is not None:
                self._scan = scan(self._lock)
        try:
            yield
        finally:
            if work:
                work.end()

    async def _work(self, tell: Tell, calm_s: float) -> Work | None:
        if self._lock is None:
            return None
        work = await give_way(self._lock, self._left_s, tell, calm_s)
        self._left_s = max(0.0, self._left_s - work.waited_s)
        return work
