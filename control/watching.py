"""Looks at one pipeline again and again: asks the server and the store what may have changed."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from temporalio.client import Client

from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode, PlatformError
from contract.overview import PipelineOverview
from contract.progress import ENDED, AppProgress, PipelineProgress
from contract.spec import AppRef
from control.asking import Beside, Seldom, StoreInTime
from control.documents import PipelineStatus, TimeLeft
from control.errors import NoPipelineError, NotStoredError, PrunedError, ServerAwayError
from control.estimate import Estimate
from control.hosts import HostsAtWork, hosts_at_work
from control.listing import counts_of, progress_of, state_of
from control.live_documents import LivePipeline
from control.pipelines import Pipeline
from control.stored import Stored
from control.time_left import Span
from control.void_tools import ToolKey, believed, void_tools
from control.waiting import waits_of
from store.results import SqlResultStore

Connect = Callable[[], Awaitable[Client]]
_Answer = TypeVar("_Answer")
_Left = tuple[TimeLeft | None, str]
_Told = tuple[Pipeline, PipelineProgress, bool]  # what it does, and whether it runs

# How long the server and the worker may take before they count as away: those that answered a
# moment ago, and others, for which somebody waits in front of an empty page.
_PATIENCE_S, _FIRST_PATIENCE_S = 4.0, 2.0
_STORE_PATIENCE_S = 4.0
_NOBODY = HostsAtWork()
_ASK_SERVER_S = 1.0
# Who works, and which tools are void, changes seldom.
_SELDOM_S = 10.0
_LEFT_S = 5.0
# What no look waits for any longer: the last answer stands until a late one has come.
_BESIDE_S = 0.3
_SPANS = 400
# Names no app: of the pipeline itself there is one row to read.
_NO_APP = AppRef(model="-", app_number=1)


class Watcher:
    """What one pipeline looks like now. Not for two tasks at once.

    Attributes:
        revision: of what the store has of it, as last seen; empty: nothing yet.
    """

    def __init__(self, connect: Connect, stored: Stored, pipeline_id: str) -> None:
        self.id = pipeline_id
        self.revision = ""
        self._connect = connect
        self._stored = stored
        self._in_time = StoreInTime()
        self._estimate: Estimate | None = None
        self._ended: PipelineProgress | None = None
        self._last: LivePipeline | None = None
        self._told_at: datetime | None = None
        self._overview: PipelineOverview | None = None
        self._hosts = Beside[HostsAtWork | None](None, _SELDOM_S, _BESIDE_S)
        self._void = Seldom[Mapping[ToolKey, str] | None](None, _SELDOM_S)
        self._left = Beside[_Left]((None, "not known yet"), _LEFT_S, _BESIDE_S)
        self._store_trouble: PlatformError | None = None
        self._pruned: PrunedError | None = None

    @property
    def spans(self) -> list[Span]:
        """When its latest apps began and ended, as the server lists them; none: it does not."""
        return (self._estimate and self._estimate.spans) or []

    async def look(self) -> LivePipeline:
        """Where the pipeline is now.

        Raises:
            NotStoredError: neither the server nor the store knows it.
            ServerAwayError: the server does not answer, and the store does not know it.
            PlatformError: the store cannot be read.
        """
        self._overview, told = await asyncio.gather(self._counted(), self._asked_server())
        if isinstance(told, NoPipelineError):
            self._last = await self._recorded()
        elif isinstance(told, ServerAwayError):
            self._last = await self._left_alone(told)
        else:
            self._last = await self._served(*told)
            self._told_at = datetime.now(UTC)
        return self._last

    async def _counted(self) -> PipelineOverview | None:
        """The pipeline in counts; None: the store does not know it (yet)."""
        self._store_trouble = None
        try:
            return await self._asked(self._count)
        except NotStoredError as error:
            self._pruned = error if isinstance(error, PrunedError) else None
            return None
        except PlatformError as error:
            self._store_trouble = error
            return self._overview

    async def _asked(self, question: Callable[[SqlResultStore], Awaitable[_Answer]]) -> _Answer:
        """The answer of the store, which may be a moment old, in time."""
        return await self._in_time.of(
            lambda: self._stored.answered(self.id, question, lags=True), _STORE_PATIENCE_S
        )

    async def _count(self, store: SqlResultStore) -> PipelineOverview:
        revision = await store.revision(self.id)
        if self._overview is None or not revision or revision != self.revision:
            self._overview = await store.overview(self.id)
        self.revision = revision
        return self._overview

    async def _asked_server(self) -> _Told | NoPipelineError | ServerAwayError:
        """What its workflow tells, or why nobody does."""
        try:
            pipeline = Pipeline(await self._client(), self.id)
            try:
                async with asyncio.timeout(self._patience_s):
                    return pipeline, *await self._progress(pipeline)
            except (TimeoutError, ServerAwayError):
                return await _who_is_away(pipeline)
        except (NoPipelineError, ServerAwayError) as error:
            return error

    async def _served(
        self, pipeline: Pipeline, progress: PipelineProgress, running: bool
    ) -> LivePipeline:
        """As its workflow tells it."""
        if self._pruned and self._overview is None and not running:
            raise self._pruned
        if not running:
            return await self._whole(PipelineStatus.of(progress, told_by="server"), _NOBODY)
        kinds = [readiness.analyzer for readiness in progress.analyzers]
        (left, unknown), hosts = await asyncio.gather(
            self._time_left(pipeline, progress), self._who_works(pipeline.client, kinds)
        )
        status = PipelineStatus.of(progress, told_by="server", left=left, left_unknown=unknown)
        return await self._whole(status, hosts)

    @property
    def _patience_s(self) -> float:
        answered = self._last and self._last.told_by == "server" and not self._last.away
        return _PATIENCE_S if answered else _FIRST_PATIENCE_S

    async def _client(self) -> Client:
        try:
            async with asyncio.timeout(self._patience_s):
                return await self._connect()
        except TimeoutError as error:
            raise _server_away() from error
        except PlatformError as error:
            if error.code is not ErrorCode.UNAVAILABLE:
                raise
            raise ServerAwayError(error.message, next_step=error.next_step) from error

    async def _time_left(self, pipeline: Pipeline, progress: PipelineProgress) -> _Left:
        estimate = self._estimate = self._estimate or Estimate(pipeline, _SPANS)

        async def ask() -> _Left:
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
        if not running:  # one that was terminated left its apps as they were
            apps = tuple(app if app.state else _left(app) for app in progress.apps)
            progress = progress.model_copy(update={"apps": apps, "in_flight": 0})
        self._ended = None if running else progress
        return progress, running

    async def _left_alone(self, error: ServerAwayError) -> LivePipeline:
        """As it was last told, while nobody answers; of an ended pipeline the store has it all."""
        if self._overview and self._overview.listing.finished_at:
            return await self._recorded()
        seen = self._last
        if seen is None or seen.told_by == "store":
            if self._overview is None:
                raise error if isinstance(error, _WorkerAwayError) else self._unknown(error)
            recorded = await self._recorded()
            unknown = {} if recorded.phase in ENDED else {"message": "", "hosts": None}
            return recorded.model_copy(update={**unknown, "away": error.message})
        left = {"left": None, "left_unknown": "not known: nobody answers"}
        away = {"away": error.message, "away_since": self._told_at}
        return await self._whole(seen.model_copy(update=left | away), None)

    def _unknown(self, error: ServerAwayError) -> PlatformError:
        """The fault of a pipeline that the store does not know, while the server says nothing."""
        if known := self._store_trouble or self._pruned:
            return known
        message = f"no pipeline {self.id!r} in the store, and {error.message}"
        return NotStoredError(self.id, message)

    async def _recorded(self) -> LivePipeline:
        """As the store has it, without lines of single apps: there may be thousands."""
        record = await self._asked(lambda store: store.load_outline(self.id, _NO_APP))
        state = state_of(record.state, None)
        progress = progress_of(record, state)
        if self._overview is not None:
            progress = progress.model_copy(update=counts_of(self._overview))
        return await self._whole(PipelineStatus.of(progress, told_by="store", state=state), _NOBODY)

    async def _whole(self, status: PipelineStatus, hosts: HostsAtWork | None) -> LivePipeline:
        """The status with what the store counts."""
        fields: dict[str, Any] = {n: getattr(status, n) for n in type(status).model_fields}
        if status.phase not in ENDED and status.told_by == "server":
            fields["waits"] = waits_of(status)
        if self._overview is not None:
            listing = self._overview.listing
            fields |= {"started_at": listing.created_at, "finished_at": listing.finished_at}
            void = await self._void_tools(self._overview)
            if void is not None:
                of_controls = self._overview.control_cells
                fields["cells"] = tuple(believed(self._overview.cells, void, of_controls))
        trouble = self._store_trouble
        fields["hosts"], fields["hosts_left_out"] = hosts or (None, 0)
        fields["store_away"] = trouble.message if trouble else ""
        return LivePipeline(**fields)

    async def _void_tools(self, overview: PipelineOverview) -> Mapping[ToolKey, str] | None:
        """As last known while the store is away; None: nothing is."""

        async def ask() -> Mapping[ToolKey, str]:
            return await self._asked(lambda store: void_tools(store, self.id, overview))

        if self._store_trouble is None:
            try:
                return await self._void.of(ask, self.revision)
            except PlatformError as error:
                self._store_trouble = error
        return self._void.answer

    async def _who_works(self, client: Client, kinds: list[AnalyzerKind]) -> HostsAtWork | None:
        async def ask() -> HostsAtWork | None:
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    return await hosts_at_work(client, kinds)
            except (TimeoutError, PlatformError):
                return None

        return await self._hosts.of(ask)


class _WorkerAwayError(ServerAwayError):
    """The server knows the pipeline, and no worker answers for it."""


def _server_away() -> ServerAwayError:
    return ServerAwayError(
        "the Temporal server does not answer",
        next_step="see that it runs; the pipeline goes on when it does",
    )


async def _who_is_away(pipeline: Pipeline) -> ServerAwayError:
    """The worker, if the server itself answers."""
    try:
        async with asyncio.timeout(_ASK_SERVER_S):
            trouble = await pipeline.stranded()
    except (TimeoutError, PlatformError):
        return _server_away()
    if trouble:
        return _WorkerAwayError(
            f"{trouble.message}; {trouble.next_step}", next_step=trouble.next_step
        )
    return _WorkerAwayError(
        "no worker answers for the pipeline",
        next_step="see that a worker runs; the pipeline goes on when one does",
    )


def _left(app: AppProgress) -> AppProgress:
    return app.model_copy(update={"step": "", "workflow_id": ""})
