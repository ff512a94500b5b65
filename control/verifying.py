"""`verify`: makes the report of an archive again, without containers, and compares every table."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from activities.report_writing import ReportWriting
from clients.archive import ArchiveReader, open_archive
from clients.artifacts import FileArtifactStore
from clients.parquet_compare import compare_parquet
from clients.report_writer import FileReportWriter
from contract.base import first_problem
from contract.errors import ErrorCode, PlatformError
from control.archive_documents import Verified, VerifiedTable
from control.archiving import private_folder
from control.form_artifacts import parquet_files
from control.forms import Source
from control.reports import read_report
from control.unpacking import unpack
from reports.model import SCHEMA_VERSION, FleetReport
from reports.names import JSON_NAME
from store.migrate import upgrade
from store.results import SqlResultStore

Say = Callable[[str], None]
_REPORT, _TABLES = "report", "report/parquet"
_NAMED, _MAX_FILE_BYTES = 20, 512 * 1024**2


async def verify(path: Path, scratch: Path, say: Say) -> Verified:
    """Compute everything in an archive's report again from the results in it.

    Args:
        path: the archive.
        scratch: folder for what is made; nothing stays there.
        say: is told what is done.

    Raises:
        PlatformError: the archive is damaged, its report is of another version, or the disk does
            not hold what is made.
    """
    with open_archive(path) as archive, private_folder(scratch, "verify") as place:
        told = _told(archive)
        artifacts = FileArtifactStore(place / "artifacts")
        url = f"sqlite:///{place}/made.db"
        await upgrade(url)
        made = SqlResultStore.from_url(url)
        try:
            lost = await unpack(archive, artifacts, made, place, say)
            writing = ReportWriting(made, FileReportWriter(place / "reports"), artifacts)
            await writing.write(told.pipeline.id, say, told.generated_at)
        finally:
            await made.close()
        say("comparing every table")
        return await asyncio.to_thread(_compared, archive, told, place, lost)


def _told(archive: ArchiveReader) -> FleetReport:
    """The report in the archive.

    Raises:
        PlatformError: there is none that this version can read.
    """
    name = f"{_REPORT}/{JSON_NAME}"
    try:
        report = FleetReport.model_validate_json(archive.read(name))
    except ValidationError as error:
        message = f"{name} cannot be read: {first_problem(error)}"
        raise PlatformError(ErrorCode.DATA_LOSS, message) from error
    if report.schema_version != SCHEMA_VERSION:
        raise PlatformError(
            ErrorCode.FAILED_PRECONDITION,
            f"{name} is of schema {report.schema_version}, and this Assay writes {SCHEMA_VERSION}",
            next_step=f"verify it with the version that made it: {archive.manifest.made_by}",
        )
    return report


def _compared(
    archive: ArchiveReader, told: FleetReport, place: Path, lost: tuple[str, ...]
) -> Verified:
    again = read_report(place, told.pipeline.id)
    fresh = place / "tables"
    names = parquet_files(again, Source(place, again, "").apps(), fresh)
    tables = [
        _table(archive, name, fresh / name, place) for name in names if name.endswith(".parquet")
    ]
    made = place / "reports" / told.pipeline.id
    other = sorted(_other_files(archive, made))
    return Verified(
        pipeline_id=told.pipeline.id,
        tables=tuple(tables),
        files=len(_names(made)),
        other_files=tuple(other[:_NAMED]),
        other_figures=tuple(_other_figures(told, again)),
        lost=lost,
        matches=not other and told == again and all(table.matches for table in tables),
    )


def _names(made: Path) -> set[str]:
    """Files of a report, but for `report.json`, whose fields are compared."""
    files = (path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    return {name for name in files if name != JSON_NAME}


def _other_files(archive: ArchiveReader, made: Path) -> Iterator[str]:
    """Files that are not the same, or that only one of the two has."""
    told = {name.removeprefix(f"{_REPORT}/") for name in archive.names(_REPORT)}
    told = {name for name in told if not name.startswith("parquet/") and name != JSON_NAME}
    again = _names(made)
    yield from told ^ again
    for name in told & again:
        if (made / name).read_bytes() != archive.read(f"{_REPORT}/{name}", _MAX_FILE_BYTES):
            yield name


def _table(archive: ArchiveReader, name: str, fresh: Path, place: Path) -> VerifiedTable:
    member = f"{_TABLES}/{name}"
    if member not in archive:
        return VerifiedTable(name=fresh.stem, why="the archive does not have it")
    try:
        found = compare_parquet(archive.extract(member, place / "told.parquet"), fresh, place)
    except PlatformError as error:
        if error.code is not ErrorCode.DATA_LOSS:
            raise
        return VerifiedTable(name=fresh.stem, why=error.message)
    return VerifiedTable(
        name=fresh.stem,
        rows=found.rows,
        only_archive=found.only_first,
        only_recomputed=found.only_second,
        matches=not found.only_first and not found.only_second,
    )


def _other_figures(told: FleetReport, again: FleetReport) -> Iterable[str]:
    """Fields of the fleet's report that came out differently."""
    for name in FleetReport.model_fields:
        if getattr(told, name) != getattr(again, name):
            yield name
