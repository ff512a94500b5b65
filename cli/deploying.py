"""Registers the command for versions of the workers' code."""

from typing import Annotated, Literal

import typer

from cli.arguments import JsonFlag
from cli.command import run


def register(app: typer.Typer) -> None:
    """Add `deployment`."""
    app.command(name="deployment")(_deployment)


def _deployment(
    action: Annotated[
        Literal["current", "set-current", "drain-status", "rollback", "move"],
        typer.Argument(
            help="current; set-current BUILD; drain-status: what runs on which build; rollback: to "
            "the one before; move BUILD: let what runs on it go on on the current one.",
            metavar="current|set-current|drain-status|rollback|move",
        ),
    ],
    build: Annotated[
        str,
        typer.Argument(help="Build ID, or `unversioned`: workers without one.", metavar="[BUILD]"),
    ] = "",
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="set-current, rollback: also if workers of task queues are missing."
        ),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Say on which version of the workers pipelines begin, and what still runs on others."""
    if bool(build) is not (action in ("set-current", "move")):
        needs = "needs a BUILD" if not build else "takes no BUILD"
        raise typer.BadParameter(f"{action} {needs}")
    if force and action not in ("set-current", "rollback"):
        raise typer.BadParameter("--force belongs to set-current and rollback")
    from cli.commands.deployment import run_deployment

    run(lambda settings: run_deployment(settings, action, build, force=force, as_json=as_json))
