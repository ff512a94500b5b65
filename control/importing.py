"""`import`: the pipelines of an archive, with rows, results and report, in this installation."""

from collections.abc import Callable
from pathlib import Path

from clients.archive import ArchiveReader, open_archive
from clients.artifacts import FileArtifactStore
from contract.errors import ErrorCode, PlatformError
from contract.record import PipelineRecord
from control.archive_documents import Imported
from control.archiving import private_folder
from control.errors import WrongInputError
from control.reporting import write_anew
from control.stored import Stored
from control.unpacking import unpack
from store.migrate import upgrade
from store.results import SqlResultStore

Say = Callable[[str], None]
_BATCH_APPS = 10


async def import_archive(stored: Stored, data_dir: Path, path: Path, say: Say) -> Imported:
    """Take the pipelines of an archive over. Twice changes nothing.

    Rows are made in a store of their own and are taken over in one transaction: an archive that is
    damaged anywhere leaves nothing behind but results that nothing refers to.

    Args:
        stored: the store.
        data_dir: for artifacts and reports.
        path: the archive.
        say: is told what is done.

    Raises:
        WrongInputError: the store has another pipeline of that name.
        PlatformError: the archive is damaged, or the store or the disk cannot be written.
    """
    with open_archive(path) as archive, private_folder(data_dir / "tmp", "import") as place:
        artifacts = FileArtifactStore(data_dir / "artifacts")
        await upgrade(f"sqlite:///{place}/made.db")
        made = SqlResultStore.from_url(f"sqlite:///{place}/made.db")
        await upgrade(stored.url)
        old = SqlResultStore.from_url(stored.url)
        try:
            lost = await unpack(archive, artifacts, made, place, say)
            new = await _take_over(archive, made, old)
        finally:
            await made.close()
            await old.close()
        pipeline_id = archive.manifest.pipeline_id
    if pipeline_id in new:
        await write_anew(stored, data_dir, pipeline_id, say)
    return Imported(
        pipeline_id=pipeline_id,
        new=tuple(new),
        there=tuple(name for name in archive.manifest.pipelines if name not in new),
        lost=lost,
    )


async def _take_over(
    archive: ArchiveReader, made: SqlResultStore, old: SqlResultStore
) -> list[str]:
    """Take over the pipelines that the store does not have; their IDs."""
    new: list[str] = []
    for pipeline_id in archive.manifest.pipelines:
        mine = await _outline(old, pipeline_id)
        if mine is None:
            new.append(pipeline_id)
        elif not await _same(mine, old, made):
            raise WrongInputError(
                f"the store has a pipeline {pipeline_id} that is not the archive's, or has other "
                "results of it",
                next_step="prune that pipeline first, or import into another data folder",
            )
    # Decisions first: when the rows are there, all is there.
    for pipeline_id in new:
        for decision in await made.suppressions([pipeline_id]):
            await old.suppress(pipeline_id, decision.suppression)
    await old.adopt(made, new)
    return new


async def _outline(store: SqlResultStore, pipeline_id: str) -> PipelineRecord | None:
    try:
        return await store.load_outline(pipeline_id)
    except PlatformError as error:
        if error.code is ErrorCode.NOT_FOUND:
            return None
        raise


async def _same(mine: PipelineRecord, old: SqlResultStore, made: SqlResultStore) -> bool:
    """Whether both stores have the same results of one run of one plan."""
    theirs = await made.load_outline(mine.pipeline_id)
    if (mine.spec, mine.created_at, mine.apps) != (theirs.spec, theirs.created_at, theirs.apps):
        return False
    for first in range(0, len(mine.apps), _BATCH_APPS):
        refs = [app.ref for app in mine.apps[first : first + _BATCH_APPS]]
        one, other = [
            (await store.load_apps(mine.pipeline_id, refs)).cells for store in (old, made)
        ]
        if one != other:
            return False
    decided = [await store.suppressions([mine.pipeline_id]) for store in (old, made)]
    known, told = ([one.suppression for one in decisions] for decisions in decided)
    return all(decision in known for decision in told)
