"""Which pipelines there are, and how they stand, by the store and by the server together."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from cli.errors import UserError
from cli.exits import Exit
from cli.program import command
from cli.stack.lifecycle import running_stack
from contract.analysis import MeasurementState
from contract.errors import ErrorCode, PlatformError
from contract.progress import AppProgress, PipelinePhase, PipelineProgress
from contract.record import AppRecord, PipelineListing, PipelineRecord
from contract.spec import AppRef
from control.documents import PipelineLine
from control.pipelines import Served
from settings import Settings, temporal_is_configured
from store.engine import parse_url
from store.migrate import upgrade
from store.results import SqlResultStore

Told = TypeVar("Told")
UNFINISHED = "unfinished"
_RUNNING = "running"


def merged(
    stored: Iterable[PipelineListing], served: Mapping[str, Served] | None
) -> list[PipelineLine]:
    """A line for every pipeline, the newest first; `served` is None where no server was asked."""
    left = dict(served or {})
    lines = [
        PipelineLine(
            id=one.pipeline_id,
            state=state_of(one.state, left.pop(one.pipeline_id, None)),
            started_at=one.created_at,
            finished_at=one.finished_at,
            apps=one.apps,
            counts=one.counts,
        )
        for one in stored
    ]
    lines += [
        PipelineLine(
            id=one.id,
            state=state_of("", one),
            started_at=one.started_at,
            finished_at=one.closed_at,
        )
        for one in left.values()
    ]
    return sorted(lines, key=lambda line: (str(line.started_at), line.id), reverse=True)


def state_of(stored: str, served: Served | None) -> str:
    """One word for how a pipeline stands; `stored` is empty where the store does not know it."""
    if served is not None and served.status == _RUNNING:
        return served.phase if served.phase and stored in ("", _RUNNING) else _RUNNING
    if stored and stored != _RUNNING:
        return stored
    if served is None:
        return UNFINISHED
    if served.status == "completed":
        return served.phase or served.status
    return "cancelled" if served.status == "canceled" else served.status


def progress_of(record: PipelineRecord, state: str) -> PipelineProgress:
    """What the store tells of a pipeline that no server knows, in the words of its workflow."""
    apps = tuple(_app(app) for app in record.apps)
    states = [app.state for app in apps if app.state]
    ended = state != UNFINISHED
    return PipelineProgress(
        pipeline_id=record.pipeline_id,
        phase=PipelinePhase(record.state) if ended else PipelinePhase.WAITING,
        message=str(record.detail.get("message") or "")
        if ended
        else "nobody works on it now; it goes on when its stack runs",
        total=len(apps),
        finished=len(states),
        parallelism=int(record.detail.get("parallelism") or record.spec.get("parallelism") or 1),
        counts={state: states.count(state) for state in MeasurementState if state in states},
        apps=apps,
    )


def _app(app: AppRecord) -> AppProgress:
    return AppProgress(
        ref=app.ref,
        step="finished" if app.state else "waiting",
        state=app.state,
        reason=app.reason,
    )


def has_server(settings: Settings) -> bool:
    """Whether there is a server to ask: a configured one, or the local stack's."""
    return temporal_is_configured() or running_stack(settings) is not None


def has_store(settings: Settings) -> bool:
    """Whether there is something to read: a SQLite file is only made by the first worker."""
    url = parse_url(settings.database_url)
    return url.get_backend_name() != "sqlite" or Path(url.database or "").is_file()


async def stored_pipelines(settings: Settings) -> tuple[PipelineListing, ...]:
    """Every pipeline of the store; none where no worker has made one yet.

    Raises:
        PlatformError: the store cannot be read.
    """
    if not has_store(settings):
        return ()
    return await _told(settings, lambda store: store.list_pipelines())


async def outline(
    settings: Settings, pipeline_id: str, app: AppRef | None = None
) -> PipelineRecord | None:
    """What the store knows of the pipeline, see `load_outline`; None where there is no store.

    Raises:
        PlatformError: NOT_FOUND, or the store cannot be read.
    """
    if not has_store(settings):
        return None
    return await _told(settings, lambda store: store.load_outline(pipeline_id, app))


async def stored_progress(
    settings: Settings, pipeline_id: str, missing: UserError | None = None
) -> tuple[PipelineProgress, str]:
    """Where the store says the pipeline is, and its state in one word.

    Raises:
        UserError: it knows no such pipeline: `missing`, or that no server runs either.
    """
    try:
        record = await outline(settings, pipeline_id)
    except PlatformError as error:
        if error.code is not ErrorCode.NOT_FOUND:
            raise
        record = None
    if record is not None:
        state = state_of(record.state, None)
        return progress_of(record, state), state
    raise missing or UserError(
        f"no pipeline {pipeline_id} in the store, and no local stack runs for {settings.data_dir}",
        next_step=f"start it with {command('up')}, or name a server with TEMPORAL_ADDRESS",
        code=Exit.UNAVAILABLE,
    )


async def stored_record(settings: Settings, pipeline_id: str) -> PipelineRecord:
    """All that is recorded of the pipeline.

    Raises:
        PlatformError: NOT_FOUND, or the store cannot be read.
    """
    return await _told(settings, lambda store: store.load_pipeline(pipeline_id))


async def _told(settings: Settings, ask: Callable[[SqlResultStore], Awaitable[Told]]) -> Told:
    """What the store answers.

    A store of an earlier version, which the next `up` would bring to the newest schema, is brought
    there now, unless a stack runs on it.
    """
    try:
        return await _asked(settings, ask)
    except PlatformError as error:
        local = parse_url(settings.database_url).get_backend_name() == "sqlite"
        old = error.code is ErrorCode.FAILED_PRECONDITION
        if not (old and local) or has_server(settings):
            raise
    await upgrade(settings.database_url)
    return await _asked(settings, ask)


async def _asked(settings: Settings, ask: Callable[[SqlResultStore], Awaitable[Told]]) -> Told:
    store = SqlResultStore.from_url(settings.database_url)
    try:
        return await ask(store)
    finally:
        await store.close()
