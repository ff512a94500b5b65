"""Reports that are made again from what is recorded; needs no server."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from activities.report_writing import ReportWriting
from clients.artifacts import FileArtifactStore
from clients.report_writer import FileReportWriter
from contract.errors import ErrorCode, PlatformError
from contract.progress import ENDED
from control.errors import (
    DamagedReportError,
    NoReportError,
    NotStoredError,
    OldReportError,
    StoreGoneError,
)
from control.reports import read_report
from control.stored import Stored
from reports.model import FleetReport

Note = Callable[[str], None]


async def write_anew(stored: Stored, data_dir: Path, pipeline_id: str, note: Note) -> FleetReport:
    """Write the report of a pipeline from what is recorded until now, and read it.

    Args:
        stored: the store.
        data_dir: with the artifacts; the report is written here.
        pipeline_id: of the pipeline; it may still run.
        note: is told how far the work is.

    Raises:
        NotStoredError: there is no such pipeline, or no store.
        PlatformError: the store cannot be read, or the disk not written.
    """
    writer = FileReportWriter(data_dir / "reports")
    artifacts = FileArtifactStore(data_dir / "artifacts")
    await stored.answered(
        pipeline_id, lambda store: ReportWriting(store, writer, artifacts).write(pipeline_id, note)
    )
    return await asyncio.to_thread(read_report, data_dir, pipeline_id)


async def report_of(stored: Stored, data_dir: Path, pipeline_id: str, note: Note) -> FleetReport:
    """The written report; it is written first where it is missing, damaged, or of another version.

    Raises:
        NoReportError: there is none, and the pipeline has not ended, or nothing is recorded of it.
        PlatformError: it cannot be read, and nothing is recorded to write it from; or the store
            cannot be read, or the disk not written.
    """
    try:
        return read_report(data_dir, pipeline_id)
    except (NoReportError, DamagedReportError, OldReportError) as error:
        unread = error
    try:
        outline = await stored.outline(pipeline_id)
    except (NotStoredError, StoreGoneError) as error:
        raise _lost(unread, error) from error
    if isinstance(unread, NoReportError) and outline.state not in ENDED:
        raise unread
    note(f"{unread.message}: writing it anew")
    return await write_anew(stored, data_dir, pipeline_id, note)


def _lost(unread: PlatformError, error: PlatformError) -> PlatformError:
    """The error where a report can neither be read nor written anew."""
    if isinstance(unread, NoReportError):
        return unread if isinstance(error, NotStoredError) else error
    return PlatformError(
        ErrorCode.FAILED_PRECONDITION,
        f"{unread.message}; it cannot be written anew: {error.message}",
        next_step="use the store and the data folder of the worker that wrote it",
    )
