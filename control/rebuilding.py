"""Makes the rows of a store again from histories and artifacts.

Rows are made in a store of their own, and take the place of the old ones in one transaction: until
then nothing is lost, and an interrupted rebuild begins again. What the histories no longer hold
stays as it is.
"""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from temporalio.client import Client

from activities.ports import ArtifactStore
from activities.result_cache import load_report
from clients.artifacts import FileArtifactStore
from contract.errors import ErrorCode, PlatformError
from contract.record import FINISHED_STATES
from control.documents import KeptRows, RebuiltPipeline, RebuiltStore
from control.errors import WrongInputError
from control.histories import is_whole, journal_of
from control.pipelines import all_running, list_pipelines
from control.replaying import parts_of, replay
from control.reporting import write_anew
from control.stored import Stored
from store.engine import parse_url
from store.migrate import upgrade
from store.results import SqlResultStore

_PART = 200
# What is wrong with one pipeline; other faults are those of the server, the store or the disk.
_OF_ONE_PIPELINE = frozenset(
    {
        ErrorCode.ALREADY_EXISTS,
        ErrorCode.DATA_LOSS,
        ErrorCode.FAILED_PRECONDITION,
        ErrorCode.INVALID_ARGUMENT,
        ErrorCode.NOT_FOUND,
        ErrorCode.UNAUTHENTICATED,
    }
)
Say = Callable[[str], None]


async def rebuild(client: Client, stored: Stored, data_dir: Path, say: Say) -> RebuiltStore:
    """Make the rows of every pipeline that the server knows again, and their reports.

    Args:
        client: of the server.
        stored: the store.
        data_dir: with the artifacts; the new rows are there until they are whole.
        say: is told what is done.

    Raises:
        WrongInputError: a pipeline runs.
        PlatformError: the server, the store or the disk does not do its work.
    """
    if running := await all_running(client):
        raise WrongInputError(
            f"pipelines run: {', '.join(running)}", next_step="wait for their end, or cancel them"
        )
    damaged = await _usable(stored.url, say)
    known = [pipeline.id for pipeline in await list_pipelines(client)]
    artifacts = FileArtifactStore(data_dir / "artifacts")
    with tempfile.TemporaryDirectory(prefix="rebuild-", dir=data_dir) as place:
        await upgrade(f"sqlite:///{place}/assay.db")
        made = SqlResultStore.from_url(f"sqlite:///{place}/assay.db")
        old = SqlResultStore.from_url(stored.url)
        try:
            reported = {folder.name for folder in (data_dir / "reports").glob("[!.]*")}
            rebuilt = await _rebuilt(client, known, made, old, artifacts, say)
            alone = reported.difference(known, await old.pruned(), await _ids(old))
        finally:
            await made.close()
            await old.close()
    for row in rebuilt.rebuilt:  # what only the fleet tells of a weakness is listed by its report
        await write_anew(stored, data_dir, row.pipeline_id, say)
    left = (
        KeptRows(pipeline_id=id_, stored=False, why="only its report is left")
        for id_ in sorted(alone)
    )
    return rebuilt.model_copy(update={"damaged": damaged, "kept": (*rebuilt.kept, *left)})


async def _ids(store: SqlResultStore) -> set[str]:
    return {listing.pipeline_id for listing in await store.list_pipelines()}


async def _rebuilt(
    client: Client,
    known: Sequence[str],
    made: SqlResultStore,
    old: SqlResultStore,
    artifacts: ArtifactStore,
    say: Say,
) -> RebuiltStore:
    removed = await old.pruned()
    stored = await _ids(old)
    kept = dict.fromkeys(stored.difference(known), "the server has no history of it")
    again: dict[str, RebuiltPipeline] = {}
    for pipeline_id in [id_ for id_ in dict.fromkeys(known) if id_ not in removed]:
        try:
            again[pipeline_id] = await _made_again(client, pipeline_id, made, artifacts, say)
        except PlatformError as error:
            if error.code not in _OF_ONE_PIPELINE:
                raise
            kept[pipeline_id] = error.message
    taken, stayed = await old.adopt(made, list(again))
    kept |= dict.fromkeys(stayed, "the store knows more of it than the histories still hold")
    return RebuiltStore(
        rebuilt=tuple(
            again[id_].model_copy(update={"cells": cells}) for id_, cells in taken.items()
        ),
        kept=tuple(
            KeptRows(pipeline_id=id_, stored=id_ in stored, why=why) for id_, why in kept.items()
        ),
    )


async def _made_again(
    client: Client, pipeline_id: str, made: SqlResultStore, artifacts: ArtifactStore, say: Say
) -> RebuiltPipeline:
    """Replay the journal of a pipeline; what is lost of it.

    Raises:
        PlatformError: as `journal_of` and `replay`; FAILED_PRECONDITION: its beginning is gone.
    """
    journal = await journal_of(client, pipeline_id)
    if not is_whole(journal):
        message = "the server no longer holds the beginning of its history"
        raise PlatformError(ErrorCode.FAILED_PRECONDITION, message)
    say(f"{pipeline_id}: {len(journal)} entries")
    lost: list[str] = []
    for part in parts_of(journal, _PART):
        async with made.together() as together:
            lost += (await replay(part, together, partial(load_report, artifacts))).lost
    return RebuiltPipeline(
        pipeline_id=pipeline_id,
        cells=0,
        lost=tuple(lost),
        lost_apps=await _unended(made, pipeline_id),
    )


async def _unended(made: SqlResultStore, pipeline_id: str) -> tuple[str, ...]:
    """Apps of an ended pipeline that have no end: the server forgets them before their pipeline."""
    outline = await made.load_outline(pipeline_id)
    if outline.state not in FINISHED_STATES:
        return ()
    return tuple(app.ref.label for app in outline.apps if app.state is None)


async def _usable(url: str, say: Say) -> str:
    """Bring the store to the newest schema. A file that is no database any more is put aside.

    Returns:
        Where a damaged file is now; empty: there was none.
    """
    try:
        await upgrade(url)
        await _checked(url)
    except PlatformError as error:
        if error.code is not ErrorCode.DATA_LOSS:
            raise
    else:
        return ""
    file = Path(parse_url(url).database or "")
    aside = next(
        path
        for number in range(1, 10_000)
        if not (path := file.with_name(f"{file.name}.damaged-{number}")).exists()
    )
    say(f"the store is damaged, and is kept as {aside}")
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            file.with_name(file.name + suffix).rename(aside.with_name(aside.name + suffix))
    await upgrade(url)
    return str(aside)


async def _checked(url: str) -> None:
    store = SqlResultStore.from_url(url)
    try:
        await store.check()
    finally:
        await store.close()
