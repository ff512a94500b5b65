"""What the server lists of pipelines, asked at most once a second, for all who look."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.client import Client

from contract.errors import PlatformError
from control.pipelines import Served, list_pipelines
from control.server_errors import server_asked

_EVERY_S, _PATIENCE_S = 1.0, 1.5
# All pipelines are listed anew so often; in between, those that run or ended since then.
_WHOLE_S = 60.0
# The server's list lags behind by less than this.
_LAG = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class ServerView:
    """What is known of the server's pipelines.

    Attributes:
        pipelines: by ID; None: the server never answered.
        as_of: when it said so.
        away: why it does not answer now; empty: it does.
    """

    pipelines: Mapping[str, Served] | None = None
    as_of: datetime | None = None
    away: str = ""


def by_id(listed: Iterable[Served]) -> dict[str, Served]:
    """The latest run of each pipeline."""
    latest: dict[str, Served] = {}
    for served in listed:
        known = latest.get(served.id)
        if known is None or known.started_at < served.started_at:
            latest[served.id] = served
    return latest


class ServedPipelines:
    """Asks the server for those who look; nobody waits for a server that is away for long.

    Attributes:
        asked: how many times the server was asked.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Client]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._view = ServerView()
        self._whole: datetime | None = None
        self._began = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        self.asked = 0

    async def now(self) -> ServerView:
        """What is known, at most a second old while the server answers."""
        idle = self._asking is None or self._asking.done()
        if idle and self._clock() - self._began >= _EVERY_S:
            self._began = self._clock()
            self._asking = asyncio.create_task(self._ask())
        if self._asking and not self._asking.done():
            left = max(0.0, self._began + _PATIENCE_S - self._clock())
            await asyncio.wait([self._asking], timeout=left)
        if self._asking and not self._asking.done():
            return self._without("the Temporal server does not answer")
        return self._view

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    async def _ask(self) -> None:
        self.asked += 1
        try:
            with server_asked():
                self._view = await self._answer()
        except PlatformError as error:
            self._view = self._without(error.message)

    async def _answer(self) -> ServerView:
        client, now, known = await self._connect(), datetime.now(UTC), self._view.pipelines
        if known is None or self._whole is None or now - self._whole >= timedelta(seconds=_WHOLE_S):
            listed = by_id(await list_pipelines(client))
            self._whole = now
            return ServerView(listed, now)
        newer = await list_pipelines(client, since=self._whole - _LAG)
        return ServerView({**known, **by_id(newer)}, now)

    def _without(self, why: str) -> ServerView:
        return ServerView(self._view.pipelines, self._view.as_of, why)
