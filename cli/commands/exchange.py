"""`export`, `import` and `verify`: results of one installation in another."""

from pathlib import Path

from cli.exits import Exit
from cli.installation import store_of
from cli.output import print_result, say
from cli.program import command, version
from cli.recorded import recorded, typed
from control.actions import Action
from control.archive_documents import Exported, Imported, ImportedTool, Verified, VerifiedTable
from control.archiving import export
from control.importing import import_archive
from control.sarif_import import import_log
from control.verifying import verify
from settings import Settings

_NAMED = 10


async def run_export(
    settings: Settings, pipeline_id: str, target: Path, *, sources: bool, as_json: bool
) -> Exit:
    """Write an archive; needs no server."""
    exported = await export(
        store_of(settings),
        settings.data_dir,
        pipeline_id,
        target,
        sources=sources,
        assay=version().partition(" (")[0],
        say=say,
    )
    print_result(exported, *_exported(exported), as_json=as_json)
    return Exit.OK


async def run_import(settings: Settings, archive: Path, *, as_json: bool) -> Exit:
    """Take an archive over; needs no server."""
    async with recorded(settings, typed(Action.IMPORT, f"archive {archive}")):
        imported = await import_archive(store_of(settings), settings.data_dir, archive, say)
    print_result(imported, *_imported(imported), as_json=as_json)
    return Exit.LOST if imported.lost else Exit.OK


async def run_verify(settings: Settings, archive: Path, *, as_json: bool) -> Exit:
    """Compute an archive's report again; nothing of this installation is read or changed."""
    verified = await verify(archive, settings.data_dir / "tmp", say)
    print_result(verified, *_verified(verified), as_json=as_json)
    return Exit.OK if verified.matches else Exit.DIFFERS


async def run_import_sarif(
    settings: Settings, pipeline_id: str, app: str, log: Path, tool: str, *, as_json: bool
) -> Exit:
    """Record a log of another scanner; needs no server."""
    stored, data = store_of(settings), settings.data_dir
    change = typed(Action.IMPORT_SARIF, f"pipeline {pipeline_id}", f"{app}: {log}")
    async with recorded(settings, change, make=False):
        done = await import_log(stored, data, pipeline_id, app, log, say, tool)
    lines = [line for cell in done.tools for line in _imported_tool(cell)]
    lines.append(f"report: {command(f'report {pipeline_id}')}")
    print_result(done, *lines, as_json=as_json)
    return Exit.OK


def _imported_tool(cell: ImportedTool) -> list[str]:
    said = cell.reason or f"{cell.findings:,} findings"
    return [f"{cell.tool}: {cell.state}, {said}", *(f"  {note}" for note in cell.notes)]


def _exported(done: Exported) -> list[str]:
    lines = [f"{done.archive}: {done.members:,} files, {done.size_bytes / 1024**2:,.1f} MiB"]
    lines += [f"with its baseline {name}" for name in done.pipelines[1:]]
    return [*lines, *_listed("not in it", done.not_held)]


def _imported(done: Imported) -> list[str]:
    lines = [f"imported: {name}" for name in done.new]
    lines += [f"was there already: {name}" for name in done.there]
    lines += _listed("not measured, as its result is not in the archive", done.lost)
    return [*lines, f"report: {command(f'report {done.pipeline_id}')}"]


def _verified(done: Verified) -> list[str]:
    lines = [_table(table) for table in done.tables]
    differing = len(done.other_files)
    lines.append(
        f"{done.files:,} pages, documents and logs: "
        + ("all match" if not differing else f"{differing} or more differ")
    )
    lines += _listed("differs", done.other_files)
    lines += _listed("differs in report.json", done.other_figures)
    lines += _listed("not in the archive", done.lost)
    verdict = (
        "every table matches" if done.matches else "the report does not follow from the results"
    )
    return [*lines, f"{done.pipeline_id}: {verdict}"]


def _table(table: VerifiedTable) -> str:
    if table.why:
        return f"{table.name}: {table.why}"
    if table.matches:
        return f"{table.name}: {table.rows:,} rows match"
    return (
        f"{table.name}: {table.only_archive:,} rows are only in the archive, "
        f"{table.only_recomputed:,} only in what was computed again"
    )


def _listed(what: str, names: tuple[str, ...]) -> list[str]:
    lines = [f"{what}: {name}" for name in names[:_NAMED]]
    more = len(names) - _NAMED
    return [*lines, f"and {more:,} more"] if more > 0 else lines
