"""Giving way: what of an analyzer's work waits while a load test runs on its host.

A static run is short and keeps every core busy: the whole run waits for load tests, and load tests
wait for the whole run. A scan is long and leaves the cores idle: its tools wait one by one, and no
tool begins in the short time between two load tests. A load test waits for the end of a scan that
has begun, if that does not take too long.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path

from contract.analyzers import AnalyzerKind
from contract.limits import GIVE_WAY_S
from contract.quiet import SCAN_CALM_S, Work, give_way, scan
from telemetry.spans import waiting

Tell = Callable[[str], None]


class GivingWay:
    """How one subtask gives way to load tests.

    Args:
        kind: of the analyzer; its row says what of a subtask gives way.
        load_lock: of the host; None: the subtask never waits.
    """

    def __init__(self, kind: AnalyzerKind, load_lock: Path | None) -> None:
        self._gives_way = kind.row.gives_way
        self._lock = load_lock
        self._left_s = GIVE_WAY_S
        self._scan: Work | None = None

    @asynccontextmanager
    async def run(self, tell: Tell) -> AsyncGenerator[None]:
        """The whole subtask runs inside this block; one that gives way as a whole waits first."""
        work = await self._work(tell, 0.0) if self._gives_way == "whole" else None
        try:
            yield
        finally:
            for begun in filter(None, (work, self._scan)):
                begun.end()

    @asynccontextmanager
    async def tool(self, waiting: AbstractContextManager[None], tell: Tell) -> AsyncGenerator[None]:
        """One tool runs inside this block; if tools give way, it waits first, inside `waiting`."""
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
        with waiting("give way to load tests"):
            work = await give_way(self._lock, self._left_s, tell, calm_s)
        self._left_s = max(0.0, self._left_s - work.waited_s)
        return work
