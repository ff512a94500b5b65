"""Makes rows from a journal, by the code that made them when it happened."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from activities.ports import ResultStore
from activities.recording import LoadReport, Recording
from activities.result_cache import LOST
from contract.analysis import AnalyzerReport, ArtifactRef
from contract.errors import PlatformError
from contract.journal import (
    AppRecorded,
    JournalEntry,
    PageRegistered,
    SkippedRecorded,
    StateRecorded,
    SubtaskRecorded,
)


@dataclass(slots=True)
class Replayed:
    """What came of a journal.

    Attributes:
        entries: how many were replayed.
        lost: subtasks whose result cannot be read any more; their cells are not measured.
    """

    entries: int = 0
    lost: list[str] = field(default_factory=list)


async def replay(
    journal: Iterable[JournalEntry], results: ResultStore, load_report: LoadReport
) -> Replayed:
    """Do again what a journal says. Twice changes nothing.

    Args:
        journal: entries in their order; those of one app must not be in two journals at once.
        results: where the rows are made.
        load_report: reads the report of a result archive.

    Raises:
        PlatformError: the store refuses an entry, or cannot be written.
    """
    replayed = Replayed()

    async def loaded(archive: ArtifactRef) -> AnalyzerReport:
        try:
            return await load_report(archive)
        except PlatformError as error:
            if error.code in LOST:
                replayed.lost.append(archive.name or archive.key)
            raise

    recording = Recording(results, loaded)
    for entry in journal:
        await _again(entry, recording)
        replayed.entries += 1
    return replayed


async def _again(entry: JournalEntry, recording: Recording) -> None:
    match entry:
        case PageRegistered():
            await recording.page(entry.header, entry.page, entry.at)
        case SubtaskRecorded():
            await recording.subtask(entry.app, entry.outcome, entry.at)
        case AppRecorded():
            await recording.app(entry.app, entry.outcome)
        case SkippedRecorded():
            await recording.skipped(entry.skipped, lambda _note: None, entry.at)
        case StateRecorded():
            await recording.state(entry.pipeline_id, entry.state, entry.detail, entry.at)


def parts_of(journal: Sequence[JournalEntry], size: int) -> Iterable[Sequence[JournalEntry]]:
    """The journal in parts of so many entries."""
    return (journal[first : first + size] for first in range(0, len(journal), size))
