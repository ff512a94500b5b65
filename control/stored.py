"""Reads pipelines from the store; needs no server."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from contract.errors import ErrorCode, PlatformError
from contract.history import History
from contract.plan import Reopening
from contract.progress import PipelineProgress
from contract.record import PipelineHead, PipelineListing, PipelineRecord
from contract.scans import ScanRun
from contract.spec import AppRef, PipelinePlan, PipelineSpec
from control.errors import NotStoredError, PrunedError, StoreGoneError, WrongInputError
from control.kept_store import KeptStores, ask_once
from control.listing import progress_of, state_of
from store.engine import parse_url
from store.migrate import upgrade
from store.results import SqlResultStore

Answer = TypeVar("Answer")


async def require_comparable(stored: "Stored", plan: PipelinePlan) -> None:
    """Refuse a baseline that the store does not have.

    Raises:
        NotStoredError: there is no such pipeline.
        WrongInputError: the pipeline is its own baseline.
    """
    name = plan.spec.baseline
    if name is None:
        return
    if name == plan.pipeline_id:
        raise WrongInputError(
            f"baseline: pipeline {name} is its own", next_step="name an earlier pipeline"
        )
    await stored.answered(name, lambda store: store.overview(name))


def _was_used(folder: Path) -> bool:
    """Whether a data folder holds what a worker writes after it has made the store."""
    return any((folder / "artifacts" / "sha256").glob("*")) or any(
        (folder / "reports").glob("[!.]*")
    )


@dataclass(frozen=True, slots=True)
class Stored:
    """The store of an installation, as it is read by those who only look.

    A store of an earlier version, which the next worker would bring to the newest schema, is
    brought there by the first reader, unless a worker may be using it.

    Attributes:
        url: SQLAlchemy URL of the store.
        in_use: whether a worker may be using it now.
        read_url: of a replica, for those questions whose answer may be a moment old; empty: `url`.
        open: keeps the store open between questions; None: each question opens it.
        seen: files of stores that this process has seen: one that is not there any more is gone.
    """

    url: str
    in_use: Callable[[], bool]
    read_url: str = ""
    open: KeptStores | None = None
    seen: set[Path] = field(default_factory=set[Path], compare=False)

    def kept(self) -> "Stored":
        """The same store for a process that asks often; `close` it at the end."""
        return replace(self, open=self.open or KeptStores())

    async def close(self) -> None:
        """Close what is kept open."""
        if self.open is not None:
            await self.open.close()

    def exists(self) -> bool:
        """Whether there is something to read: a SQLite file is only made by the first worker.

        Raises:
            PlatformError: UNAVAILABLE: it was there, and is gone.
        """
        url = parse_url(self.url)
        if url.get_backend_name() != "sqlite":
            return True
        file = Path(url.database or "")
        if file.is_file():
            self.seen.add(file)
            return True
        if file in self.seen or _was_used(file.parent):
            raise StoreGoneError(file)
        return False

    async def heads(self) -> list[PipelineHead]:
        """Every pipeline without its apps, in no order; none where there is no store yet.

        Raises:
            PlatformError: the store cannot be read.
        """
        if not self.exists():
            return []
        return await self._read(lambda store: store.pipeline_heads(), lags=True)

    async def pipelines(self, only: Collection[str] | None = None) -> tuple[PipelineListing, ...]:
        """Every pipeline, or those of these IDs; none where no worker has made a store yet.

        Raises:
            PlatformError: the store cannot be read.
        """
        if not self.exists():
            return ()
        return await self._read(lambda store: store.list_pipelines(only), lags=True)

    async def probe(self) -> None:
        """Whether the store answers; one that no worker has made yet lacks nothing.

        Raises:
            PlatformError: it does not.
        """
        if self.exists():
            await self._read(lambda store: store.probe())

    async def pruned(self) -> frozenset[str]:
        """IDs of the pipelines that were removed on purpose; none where there is no store yet.

        Raises:
            PlatformError: the store cannot be read.
        """
        if not self.exists():
            return frozenset()
        return await self._read(lambda store: store.pruned(), lags=True)

    async def require_kept(self, pipeline_id: str) -> None:
        """Refuse a pipeline that was removed on purpose: the server may know it for some time.

        Raises:
            PrunedError: it was.
            PlatformError: the store cannot be read.
        """
        if pipeline_id in await self.pruned():
            raise PrunedError(pipeline_id)

    async def history(self) -> History:
        """What recent pipelines took; nothing where no worker has made a store yet.

        Raises:
            PlatformError: the store cannot be read.
        """
        if not self.exists():
            return History()
        return await self._read(lambda store: store.history(), lags=True)

    async def scans(self, schedule: str, limit: int) -> Sequence[ScanRun]:
        """The latest runs of a schedule, newest first; none where there is no store yet.

        Raises:
            PlatformError: the store cannot be read.
        """
        if not self.exists():
            return ()
        return await self._read(lambda store: store.scans(schedule, limit))

    async def outline(self, pipeline_id: str, app: AppRef | None = None) -> PipelineRecord:
        """What is known of the pipeline without its findings; of one app alone, if it is named.

        Raises:
            NotStoredError: there is no such pipeline, or no store.
            PlatformError: the store cannot be read.
        """
        return await self._of(
            pipeline_id, lambda store: store.load_outline(pipeline_id, app), lags=True
        )

    async def record(self, pipeline_id: str) -> PipelineRecord:
        """All that is recorded of the pipeline.

        Raises:
            NotStoredError: there is no such pipeline, or no store.
            PlatformError: the store cannot be read.
        """
        return await self._of(
            pipeline_id, lambda store: store.load_pipeline(pipeline_id), lags=True
        )

    async def plan(self, pipeline_id: str) -> PipelinePlan:
        """The plan of the pipeline, with the apps that were added while it ran.

        Raises:
            NotStoredError: there is no such pipeline, or no store.
            PlatformError: the store cannot be read.
        """
        record = await self._of(pipeline_id, lambda store: store.load_outline(pipeline_id))
        return PipelinePlan(
            pipeline_id=record.pipeline_id,
            spec=PipelineSpec.model_validate(record.spec),
            apps=tuple(app.planned for app in record.apps),
            templates=record.templates,
        )

    async def reopening(self, pipeline_id: str, labels: Collection[str]) -> Reopening:
        """What a run needs that goes on with the pipeline after its end.

        Args:
            pipeline_id: of the pipeline.
            labels: the apps (`model/appN`) to run again; none: those that lack a measurement.

        Raises:
            NotStoredError: there is no such pipeline, or no store.
            WrongInputError: it has no such app.
            PlatformError: the store cannot be read.
        """
        return await self.answered(pipeline_id, lambda store: store.reopening(pipeline_id, labels))

    async def progress(self, pipeline_id: str) -> tuple[PipelineProgress, str]:
        """Where the pipeline is, and its state in one word.

        Raises:
            NotStoredError: there is no such pipeline, or no store.
            PlatformError: the store cannot be read.
        """
        record = await self.outline(pipeline_id)
        state = state_of(record.state, None)
        return progress_of(record, state), state

    async def answered(
        self,
        pipeline_id: str,
        question: Callable[[SqlResultStore], Awaitable[Answer]],
        *,
        lags: bool = False,
    ) -> Answer:
        """The answer of the store to a question about a pipeline.

        Args:
            pipeline_id: of the pipeline.
            question: is asked of the open store.
            lags: whether a replica may be asked, whose answer is a moment old; it only reads.

        Raises:
            NotStoredError: there is no such pipeline, or no store.
            WrongInputError: the question is wrong.
            PlatformError: the store cannot be read.
        """
        try:
            return await self._of(pipeline_id, question, lags=lags)
        except WrongInputError:
            raise
        except PlatformError as error:
            if error.code is not ErrorCode.INVALID_ARGUMENT:
                raise
            raise WrongInputError(error.message, next_step=error.next_step) from error

    async def _of(
        self,
        pipeline_id: str,
        ask: Callable[[SqlResultStore], Awaitable[Answer]],
        *,
        lags: bool = False,
    ) -> Answer:
        if not self.exists():
            message = f"no pipeline {pipeline_id} in the store: there is none yet"
            raise NotStoredError(pipeline_id, message)
        try:
            return await self._read(ask, lags=lags)
        except NotStoredError:
            raise
        except PlatformError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
            if pipeline_id in await self.pruned():
                raise PrunedError(pipeline_id) from error
            message = f"no pipeline {pipeline_id!r} in the store"
            raise NotStoredError(pipeline_id, message) from error

    async def _read(
        self, ask: Callable[[SqlResultStore], Awaitable[Answer]], *, lags: bool = False
    ) -> Answer:
        asked = self.open.ask if self.open else ask_once
        if lags and self.read_url:
            return await asked(self.read_url, ask)
        try:
            return await asked(self.url, ask)
        except PlatformError as error:
            local = parse_url(self.url).get_backend_name() == "sqlite"
            old = error.code is ErrorCode.FAILED_PRECONDITION
            if not (old and local) or self.in_use():
                raise
        await upgrade(self.url)
        return await asked(self.url, ask)
