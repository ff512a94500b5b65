"""Registers the commands that save an installation, bring it back, and move its store's schema."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.arguments import JsonFlag
from cli.command import run


def register(app: typer.Typer) -> None:
    """Add `backup`, `restore` and `store`."""
    app.command(name="backup")(_backup)
    app.command(name="restore")(_restore)
    app.command(name="store")(_store)


def _backup(
    target: Annotated[
        Path,
        typer.Argument(
            help="A folder, where the next backup writes only what is new; or FILE.zip.",
            metavar="FOLDER|FILE.zip",
        ),
    ],
    secrets: Annotated[
        bool,
        typer.Option("--secrets", help="With the analyzers' token and the logins; else without."),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Save store, results, reports and the embedded server's database, also while pipelines run."""
    from cli.commands.backup import run_backup

    run(lambda settings: run_backup(settings, target, secrets=secrets, as_json=as_json))


def _restore(
    backup: Annotated[Path, typer.Argument(help="What 'backup' wrote.", metavar="BACKUP")],
    into: Annotated[
        Path | None,
        typer.Option(help="Another data folder; default: ASSAY_DATA.", metavar="FOLDER"),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Put aside what is there; it is kept.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Bring an installation back; pipelines that ran go on at the next 'up'."""
    from cli.commands.backup import run_restore

    run(lambda settings: run_restore(settings, backup, into, force=force, as_json=as_json))


def _store(
    action: Annotated[
        Literal["show", "upgrade", "downgrade"],
        typer.Argument(
            help="show its schema; upgrade to the newest; downgrade to SCHEMA, for an earlier "
            "version of Assay.",
            metavar="show|upgrade|downgrade",
        ),
    ],
    schema: Annotated[str, typer.Argument(help="Such as 0009.", metavar="[SCHEMA]")] = "",
    backup: Annotated[
        bool, typer.Option("--backup/--no-backup", help="Keep a copy of the store first.")
    ] = True,
    as_json: JsonFlag = False,
) -> None:
    """Show the store's schema, or move it; a copy of the store is kept first."""
    if bool(schema) is not (action == "downgrade"):
        raise typer.BadParameter(f"{action} {'takes no' if schema else 'needs a'} SCHEMA")
    from cli.commands.backup import run_store

    run(lambda settings: run_store(settings, action, schema, backup=backup, as_json=as_json))
