"""Registers the commands that keep a store small and whole."""

from typing import Annotated

import typer

from cli.arguments import JsonFlag, pipeline_ids
from cli.command import run
from control.naming import pipeline_id


def register(app: typer.Typer) -> None:
    """Add `prune` and `rebuild`."""
    app.command(name="prune")(_prune)
    app.command(name="rebuild")(_rebuild)


def _prune(
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            help="Ended pipelines; left out: see --older-than.",
            metavar="[ID]...",
            autocompletion=pipeline_ids,
        ),
    ] = None,
    older_than: Annotated[
        float | None,
        typer.Option(
            help="Also those that ended more than so many days ago; default: ASSAY_KEEP_DAYS.",
            metavar="DAYS",
            min=0,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; else only tell.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Remove ended pipelines, their reports, and results that nothing refers to any more."""
    from cli.commands.upkeep import run_prune
    from control.pruning import Choice

    named = tuple(map(pipeline_id, ids or []))
    run(
        lambda settings: run_prune(
            settings,
            Choice(named, settings.keep_days if older_than is None and not named else older_than),
            remove=yes,
            as_json=as_json,
        )
    )


def _rebuild(as_json: JsonFlag = False) -> None:
    """Make the store's rows again from the server's histories and the artifacts."""
    from cli.commands.upkeep import run_rebuild

    run(lambda settings: run_rebuild(settings, as_json=as_json))
