"""Looks at one pipeline again and again: asks the server and the store what may have changed."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from temporalio.client import Client

from contract.analyzers import AnalyzerKind
from contract.errors import PlatformError
from contract.overview import PipelineOverview
from contract.progress import PipelineProgress
from control.documents import PipelineStatus, TimeLeft
from control.errors import NoPipelineError, NotStoredError, ServerAwayError
from control.estimate import Estimate
from control.hosts import hosts_at_work
from control.listing import UNFINISHED
from control.live_documents import HostQueue, LivePipeline
from control.pipelines import ENDED, Pipeline
from control.stored import Stored
from control.time_left import Span
from control.void_tools import ToolKey, believed, void_tools
from control.waiting import waits_of

Connect = Callable[[], Awaitable[Client]]
_Answer = TypeVar("_Answer")

# How long the server and the worker may take before they count as away.
_PATIENCE_S = 4.0
_ASK_SERVER_S = 1.5
# Who works, and which tools are void, changes seldom.
_SELDOM_S = 10.0
_LEFT_S = 5.0
_SPANS = 400
_LINES = 500


class Watcher:
    """What one pipeline looks like now. Not for two tasks at once."""

    def __init__(self, connect: Connect, stored: Stored, pipeline_id: str) -> None:
        self.id = pipeline_id
        self._connect = connect
        self._stored = stored
        self._estimate: Estimate | None = None
        self._ended: PipelineProgress | None = None
        self._last: LivePipeline | None = None
        self._told_at: datetime | None = None
        self._overview: PipelineOverview | None = None
        self._record: tuple[PipelineOverview | None, PipelineProgress, str] | None = None
        self._hosts = _Seldom[tuple[HostQueue, ...] | None](None)
        self._void = _Seldom[Mapping[ToolKey, str]]({})
        self._left = _Seldom[tuple[TimeLeft | None, str]]((None, ""), _LEFT_S)
        self._store_away = ""

    @property
    def spans(self) -> list[Span]:
        """When its latest apps began and ended, as the server lists them; none: it does not."""
        return (self._estimate and self._estimate.spans) or []

    async def look(self) -> LivePipeline:
        """Where the pipeline is now.

        Raises:
            NotStoredError: neither the server nor the store knows it.
            PlatformError: the store cannot be read.
        """
        self._overview = await self._counted()
        try:
            seen = await self._served()
            self._told_at = datetime.now(UTC)
        except NoPipelineError:
            seen = await self._recorded()
        except ServerAwayError as error:
            seen = await self._left_alone(error)
        self._last = seen
        return seen

    async def _counted(self) -> PipelineOverview | None:
        """The pipeline in counts; None: the store does not know it (yet)."""
        self._store_away = ""
        try:
            return await self._stored.answered(
                self.id, lambda store: store.overview(self.id), lags=True
            )
        except NotStoredError:
            return None
        except PlatformError as error:
            self._store_away = error.message
            return self._overview

    async def _served(self) -> LivePipeline:
        """As its workflow tells it.

        Raises:
            NoPipelineError: the server knows no such pipeline.
            ServerAwayError: the server, or the worker, does not answer in time.
        """
        try:
            async with asyncio.timeout(_PATIENCE_S):
                client = await self._connect()
                pipeline = Pipeline(client, self.id)
                progress, running = await self._progress(pipeline)
        except TimeoutError as error:
            raise await self._who_is_away() from error
        left, unknown = await self._time_left(pipeline, progress) if running else (None, "")
        status = PipelineStatus.of(progress, told_by="server", left=left, left_unknown=unknown)
        kinds = [readiness.analyzer for readiness in progress.analyzers]
        hosts = await self._who_works(client, kinds) if running else ()
        return await self._whole(status, hosts)

    async def _time_left(
        self, pipeline: Pipeline, progress: PipelineProgress
    ) -> tuple[TimeLeft | None, str]:
        estimate = self._estimate = self._estimate or Estimate(pipeline, _SPANS)

        async def ask() -> tuple[TimeLeft | None, str]:
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    return await estimate.of(progress)
            except TimeoutError:
                return None, "not known: the server does not list the apps"

        return await self._left.of(ask, (progress.phase, progress.finished, progress.parallelism))

    async def _progress(self, pipeline: Pipeline) -> tuple[PipelineProgress, bool]:
        """Its progress; that of an ended pipeline is asked for once, until it runs again."""
        if self._ended is not None and not await pipeline.is_running():
            return self._ended, False
        progress, running = await pipeline.snapshot()
        self._ended = None if running else progress
        return progress, running

    async def _who_is_away(self) -> ServerAwayError:
        """The worker, if the server itself answers."""
        try:
            async with asyncio.timeout(_ASK_SERVER_S):
                await Pipeline(await self._connect(), self.id).is_running()
        except (TimeoutError, PlatformError):
            message, next_step = "the Temporal server does not answer", "see that it runs"
        else:
            message, next_step = "no worker answers for the pipeline", "see that a worker runs"
        return ServerAwayError(message, next_step=f"{next_step}; the pipeline goes on when it does")

    async def _left_alone(self, error: ServerAwayError) -> LivePipeline:
        """As it was last told, while nobody answers; of an ended pipeline the store has it all."""
        if self._overview and self._overview.listing.finished_at:
            return await self._recorded()
        seen = self._last
        if seen is None or seen.told_by == "store":
            return (await self._recorded()).model_copy(update={"away": error.message})
        left = {"left": None, "left_unknown": "not known: nobody answers"}
        away = {"away": error.message, "away_since": self._told_at}
        return await self._whole(seen.model_copy(update=left | away), None)

    async def _recorded(self) -> LivePipeline:
        """As the store has it; its apps are read again when their counts have changed."""
        known = self._record
        if known is None or known[0] is None or known[0] != self._overview:
            known = self._record = (self._overview, *await self._stored.progress(self.id))
        _, progress, state = known
        if state == UNFINISHED:
            apps = tuple(a if a.state else a.model_copy(update={"step": ""}) for a in progress.apps)
            progress = progress.model_copy(update={"apps": apps})
        lines = sorted(progress.apps, key=lambda app: app.state is not None)[:_LINES]
        progress = progress.model_copy(update={"apps": tuple(lines)})
        return await self._whole(PipelineStatus.of(progress, told_by="store", state=state), ())

    async def _whole(
        self, status: PipelineStatus, hosts: tuple[HostQueue, ...] | None
    ) -> LivePipeline:
        """The status with what the store counts."""
        fields: dict[str, Any] = {n: getattr(status, n) for n in type(status).model_fields}
        if status.phase not in ENDED and status.told_by == "server":
            fields["waits"] = waits_of(status)
        if self._overview is not None:
            listing = self._overview.listing
            fields |= {"started_at": listing.created_at, "finished_at": listing.finished_at}
            void = await self._void.of(self._void_tools)
            fields["cells"] = tuple(believed(self._overview.cells, void))
        fields["hosts"], fields["store_away"] = hosts, self._store_away
        return LivePipeline(**fields)

    async def _void_tools(self) -> Mapping[ToolKey, str]:
        overview = self._overview
        assert overview is not None  # noqa: S101 (asked only when the store knows the pipeline)
        return await self._stored.answered(
            self.id, lambda store: void_tools(store, self.id, overview), lags=True
        )

    async def _who_works(
        self, client: Client, kinds: list[AnalyzerKind]
    ) -> tuple[HostQueue, ...] | None:
        async def ask() -> tuple[HostQueue, ...] | None:
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    return await hosts_at_work(client, kinds)
            except (TimeoutError, PlatformError):
                return None

        return await self._hosts.of(ask)


class _Seldom(Generic[_Answer]):
    """An answer that is asked for again when it is so old, or when the question has changed."""

    def __init__(self, first: _Answer, every_s: float = _SELDOM_S) -> None:
        self._answer = first
        self._every_s = every_s
        self._asked_s = float("-inf")
        self._question: object = None

    async def of(self, ask: Callable[[], Awaitable[_Answer]], question: object = None) -> _Answer:
        old = time.monotonic() - self._asked_s > self._every_s
        if old or question != self._question:
            self._answer = await ask()
            self._asked_s, self._question = time.monotonic(), question
        return self._answer
