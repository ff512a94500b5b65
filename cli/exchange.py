"""Registers the commands that carry results from one installation to another."""

from pathlib import Path
from typing import Annotated

import typer

from cli.arguments import IdOption, JsonFlag, PipelineArg
from cli.command import run
from control.naming import new_id

ArchiveArg = Annotated[Path, typer.Argument(help="Archive of a pipeline.", metavar="ARCHIVE")]


def register(app: typer.Typer) -> None:
    """Add `export`, `import`, `verify`, `rerun` and `import-sarif`."""
    app.command(name="export")(_export)
    app.command(name="import")(_import)
    app.command(name="verify")(_verify)
    app.command(name="rerun")(_rerun)
    app.command(name="import-sarif")(_import_sarif)


def _export(
    id: PipelineArg,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The archive; default: ID.assay.zip.", metavar="FILE"),
    ] = None,
    sources: Annotated[
        bool,
        typer.Option("--sources/--no-sources", help="Put the apps' source into it."),
    ] = True,
    as_json: JsonFlag = False,
) -> None:
    """Write an archive of an ended pipeline: results, report, tables, versions, source."""
    from cli.commands.exchange import run_export

    target = out or Path(f"{id}.assay.zip")
    run(lambda settings: run_export(settings, id, target, sources=sources, as_json=as_json))


def _import(archive: ArchiveArg, as_json: JsonFlag = False) -> None:
    """Take over the pipelines of an archive; twice changes nothing."""
    from cli.commands.exchange import run_import

    run(lambda settings: run_import(settings, archive, as_json=as_json))


def _verify(archive: ArchiveArg, as_json: JsonFlag = False) -> None:
    """Compute every table of an archive's report again, and say whether they match."""
    from cli.commands.exchange import run_verify

    run(lambda settings: run_verify(settings, archive, as_json=as_json))


def _rerun(
    archive: ArchiveArg,
    only: Annotated[
        str, typer.Option("--only", help="What to measure again.", metavar="MODEL/appN[/TOOL]")
    ],
    id: IdOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure cells of an archive again, and say whether they come out the same."""
    from cli.commands.rerun import run_rerun

    name = new_id(f"{archive.name.split('.')[0]}-rerun") if id is None else id
    run(lambda settings: run_rerun(settings, archive, only, name, as_json=as_json))


def _import_sarif(
    id: PipelineArg,
    app: Annotated[str, typer.Argument(help="Which app.", metavar="MODEL/appN")],
    log: Annotated[Path, typer.Argument(help="SARIF 2.1.0 log.", metavar="FILE")],
    tool: Annotated[str, typer.Option(help="Name of the tool; default: as in the log.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Add a log of another scanner as a further tool of one app; twice changes nothing."""
    from cli.commands.exchange import run_import_sarif

    run(lambda settings: run_import_sarif(settings, id, app, log, tool, as_json=as_json))
