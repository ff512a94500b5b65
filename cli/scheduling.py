"""Registers the command of recurring scans."""

from typing import Annotated, Literal

import typer

from cli.arguments import JsonFlag
from cli.command import run

_OF_SPEC, _OF_NONE = ("add", "update"), ("list",)


def register(app: typer.Typer) -> None:
    """Add `schedule`."""
    app.command(name="schedule")(_schedule)


def _schedule(
    action: Annotated[
        Literal["add", "update", "list", "show", "pause", "resume", "run-now", "remove"],
        typer.Argument(
            help="add SPEC, update SPEC; list; show, pause, resume, run-now, remove NAME.",
            metavar="add|update|list|show|pause|resume|run-now|remove",
        ),
    ],
    what: Annotated[
        str, typer.Argument(help="Spec file, or name of a schedule.", metavar="[SPEC|NAME]")
    ] = "",
    name: Annotated[
        str,
        typer.Option(help="add, update: name; default: that of the spec's schedule, or its file."),
    ] = "",
    note: Annotated[str, typer.Option(help="pause: why, for people.")] = "",
    cancel: Annotated[
        bool, typer.Option("--cancel", help="remove: cancel what runs, too.")
    ] = False,
    runs: Annotated[
        int | None,
        typer.Option(help="show: how many of the latest runs; default: 20.", min=1, max=200),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Let a spec run again by itself, each run compared with the one before."""
    if bool(what) is (action in _OF_NONE):
        needs = "takes no argument" if what else "needs a SPEC" * (action in _OF_SPEC)
        raise typer.BadParameter(f"{action} {needs or 'needs a NAME'}")
    for option, given, owners in (
        ("--name", bool(name), _OF_SPEC),
        ("--note", bool(note), ("pause",)),
        ("--cancel", cancel, ("remove",)),
        ("--runs", runs is not None, ("show",)),
    ):
        if given and action not in owners:
            raise typer.BadParameter(f"{option} belongs to {' and '.join(owners)}")
    from cli.commands.schedule import Asked, run_schedule

    asked = Asked(action, what, name, note, cancel, runs or 20)
    run(lambda settings: run_schedule(settings, asked, as_json=as_json))
