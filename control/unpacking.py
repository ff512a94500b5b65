"""Makes the rows of an archive's pipelines from its journals and results."""

import asyncio
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy.exc import StatementError

from activities.result_cache import load_report
from clients.archive import ArchiveReader, require_room
from clients.artifacts import FileArtifactStore
from contract.analysis import ArtifactRef
from contract.archive import artifact_member, journal_member, suppressions_member
from contract.base import first_problem
from contract.errors import ErrorCode, PlatformError
from contract.journal import ENTRY, AppRecorded, JournalEntry, SubtaskRecorded, pipeline_of
from control.archiving import SUPPRESSIONS
from control.replaying import replay
from store.results import SqlResultStore

# Entries and bytes of the journal that are in memory at once, and bytes of one entry.
_PART, _PART_BYTES, _MAX_LINE_BYTES = 100, 4 * 1024**2, 4 * 1024**2
Say = Callable[[str], None]


async def unpack(
    archive: ArchiveReader,
    artifacts: FileArtifactStore,
    made: SqlResultStore,
    folder: Path,
    say: Say,
) -> tuple[str, ...]:
    """Make the rows of all pipelines of an archive; its baselines first.

    Args:
        archive: where from.
        artifacts: its results are put here.
        made: an empty store.
        folder: for single files on their way.
        say: is told what is done.

    Returns:
        Results that the archive does not hold; their cells are not measured.

    Raises:
        PlatformError: DATA_LOSS or INVALID_ARGUMENT: the archive is not what it says it is; or the
            disk does not hold it.
    """
    require_room(folder, sum(member.size_bytes for member in archive.manifest.members))
    lost: list[str] = []
    for pipeline_id in reversed(archive.manifest.pipelines):
        say(f"{pipeline_id}: its journal and its results")
        part: list[JournalEntry] = []
        held = 0
        for size, entry in _entries(archive, pipeline_id):
            await asyncio.to_thread(_take_results, archive, artifacts, entry, folder)
            part.append(entry)
            held += size
            if len(part) == _PART or held > _PART_BYTES:
                lost += await _replayed(part, made, artifacts)
                part, held = [], 0
        lost += await _replayed(part, made, artifacts)
        await _decide(archive, pipeline_id, made)
    return tuple(dict.fromkeys(lost))


async def _replayed(
    part: list[JournalEntry], made: SqlResultStore, artifacts: FileArtifactStore
) -> list[str]:
    try:
        async with made.together() as together:
            return (await replay(part, together, partial(load_report, artifacts))).lost
    except (OverflowError, StatementError) as error:
        raise _wrong("its journal", " ".join(str(error).split())[:200]) from error


async def _decide(archive: ArchiveReader, pipeline_id: str, made: SqlResultStore) -> None:
    name = suppressions_member(pipeline_id)
    if name not in archive:
        return
    try:
        decisions = SUPPRESSIONS.validate_json(archive.read(name))
    except ValidationError as error:
        raise _wrong(name, first_problem(error)) from error
    for decision in decisions:
        await made.suppress(pipeline_id, decision.suppression)


def journal(archive: ArchiveReader, pipeline_id: str) -> Iterator[JournalEntry]:
    """What happened to a pipeline, entry by entry.

    Raises:
        PlatformError: DATA_LOSS: something in it is no entry of this pipeline.
    """
    return (entry for _, entry in _entries(archive, pipeline_id))


def _entries(archive: ArchiveReader, pipeline_id: str) -> Iterator[tuple[int, JournalEntry]]:
    """Each entry with the bytes that it takes."""
    name = journal_member(pipeline_id)
    for number, line in enumerate(_lines(archive.blocks(name), name), 1):
        try:
            entry = ENTRY.validate_json(line)
        except ValidationError as error:
            raise _wrong(f"{name}, line {number}", first_problem(error)) from error
        if pipeline_of(entry) != pipeline_id:
            raise _wrong(f"{name}, line {number}", f"it belongs to {pipeline_of(entry)}")
        yield len(line), entry


def _lines(blocks: Iterable[bytes], name: str) -> Generator[bytes]:
    """Lines of a text that comes in blocks; a line that would fill the memory is refused."""
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        if len(rest) > _MAX_LINE_BYTES:
            raise _wrong(name, f"a line has more than {_MAX_LINE_BYTES} bytes")
        yield from lines
    if rest:
        yield rest


def _take_results(
    archive: ArchiveReader, artifacts: FileArtifactStore, entry: JournalEntry, folder: Path
) -> None:
    for ref in _artifacts(entry):
        name = artifact_member(ref.sha256)
        if name in archive and artifacts.packed(ref) is None:
            packed = archive.extract(name, folder / "artifact.zst")
            artifacts.take_packed(ref, packed)


def _artifacts(entry: JournalEntry) -> Iterator[ArtifactRef]:
    if isinstance(entry, SubtaskRecorded) and entry.outcome.report is not None:
        yield entry.outcome.report
    if isinstance(entry, AppRecorded):
        yield from entry.outcome.facts.logs


def _wrong(where: str, why: str) -> PlatformError:
    return PlatformError(
        ErrorCode.DATA_LOSS,
        f"{where} is not what an archive holds: {why}",
        next_step="get the archive again",
    )
