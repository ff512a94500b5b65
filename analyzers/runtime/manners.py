"""Giving way: what of an analyzer's work waits while a load test runs on its host.

A static run is short and keeps every core busy: it gives way as a whole, and is waited for as a
whole. A scan is long and leaves the cores idle: its tools give way one by one, and none begins in
the short time between two load tests.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path

from contract.quiet import Work, give_way
from contract.spec import AnalyzerKind

# What one subtask waits in all; a load test takes three minutes at most, unless it is repeated.
PATIENCE_S = 240.0
# From the end of one load test to the beginning of the next app's.
_SCAN_CALM_S = 4.0

Tell = Callable[[str], None]


class Manners:
    """How one subtask gives way.

    Args:
        kind: of the analyzer; a load test gives way to none, a judge in the cloud needs none.
        load_lock: of the host; None: nothing is given way to.
    """

    def __init__(self, kind: AnalyzerKind, load_lock: Path | None) -> None:
        self._kind = kind
        self._lock = load_lock
        self._left_s = PATIENCE_S

    @asynccontextmanager
    async def run(self, tell: Tell) -> AsyncGenerator[None]:
        """Around a whole subtask."""
        work = await self._work(tell, 0.0) if self._kind is AnalyzerKind.STATIC else None
        try:
            yield
        finally:
            if work:
                work.end()

    @asynccontextmanager
    async def tool(self, waiting: AbstractContextManager[None], tell: Tell) -> AsyncGenerator[None]:
        """Around one tool; `waiting` is entered while it gives way."""
        work = None
        if self._kind is AnalyzerKind.DYNAMIC:
            with waiting:
                work = await self._work(tell, _SCAN_CALM_S)
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
