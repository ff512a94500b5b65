"""Registers `logs`: what programs and apps said."""

from typing import Annotated, Literal

import typer

from cli.arguments import JsonFlag, PipelineArg
from cli.command import run

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


def _parts() -> list[str]:
    from control.log_records import PARTS

    return list(PARTS)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(logs)


def logs(
    id: PipelineArg,
    app: Annotated[
        str, typer.Argument(help="Which app; left out: all.", metavar="[MODEL/appN]")
    ] = "",
    name: Annotated[
        str, typer.Argument(help="One kept log (build.log) alone.", metavar="[LOG]")
    ] = "",
    lines: Annotated[int, typer.Option(help="Last lines of each; 0: all.", min=0)] = 200,
    part: Annotated[
        list[str] | None,
        typer.Option(
            help="Of this program alone: worker, dashboard, an analyzer; repeatable.",
            autocompletion=_parts,
        ),
    ] = None,
    level: Annotated[
        str, typer.Option(help="Records of the programs from this level on.")
    ] = "DEBUG",
    since: Annotated[
        str | None, typer.Option(help="Records since then: 10m, 2h, 2026-01-31T08:00Z.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until interrupted; JSON is by line.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Print what the local stack's programs said of a pipeline; of one app also its kept logs.

    Kept are the logs of an app's build, start and containers. All is merged by time.
    """
    from cli.commands.logs import Asked, run_logs

    asked = Asked(id, app, name, lines, tuple(part or ()), level, since, follow, as_json)
    run(lambda settings: run_logs(settings, asked))
