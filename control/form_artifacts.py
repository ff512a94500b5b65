"""Forms that need more than the documents of a report: DuckDB, or the archives of analyzers."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from clients.archive_members import read_member
from clients.parquet import ParquetFolder
from contract.errors import PlatformError
from contract.spec import AppRole
from reports.forms.sbom import INDEX_NAME, MEMBER, index, named, source_of
from reports.model import AppReport, FleetReport
from reports.names import app_stem
from reports.tables.rows import TABLES, rows_of, rows_of_fleet, types_of
from reports.tables.schema import TABLES_VERSION, OneApp

_MAX_SBOM_BYTES = 64 * 1024**2


def parquet_files(report: FleetReport, apps: Iterable[AppReport], folder: Path) -> list[str]:
    """Write the star schema as Parquet; names of the files.

    Raises:
        PlatformError: a fault of the disk.
    """
    summaries = {one.ref: one for one in (*report.apps, *report.others)}
    facts = {
        "tables_version": TABLES_VERSION,
        "report_version": report.schema_version,
        "pipeline": report.pipeline.id,
        "generated_at": report.generated_at.isoformat(),
    }
    tables = {table.name: types_of(table) for table in TABLES}
    with ParquetFolder(folder, tables, facts) as parquet:
        for app in apps:
            for table, row in rows_of(OneApp(app, summaries.get(app.ref))):
                parquet.add(table, row)
        for table, row in rows_of_fleet(report):
            parquet.add(table, row)
        return [path.name for path in parquet.finish()]


def sbom_files(
    report: FleetReport, apps: Iterable[AppReport], data_dir: Path
) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Bills of materials of the apps, and an index that says why an app has none."""
    files: dict[str, str] = {}
    missing: dict[str, str] = {}
    for app in apps:
        if app.role is not AppRole.SUBJECT:
            continue
        document, why = _document(app, data_dir / "artifacts")
        if document is None:
            missing[app.ref.label] = why
            continue
        name = f"{app_stem(app.ref)}.cdx.json"
        files[app.ref.label] = name
        yield name, (document,)
    yield INDEX_NAME, (index(report.pipeline.id, files, missing),)


def _document(app: AppReport, artifacts: Path) -> tuple[bytes | None, str]:
    archive, why = source_of(app)
    if archive is None:
        return None, why
    try:
        return named(read_member(artifacts, archive, MEMBER, _MAX_SBOM_BYTES), app)
    except PlatformError as error:
        return None, error.message
