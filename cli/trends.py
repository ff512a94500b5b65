"""Registers `regressions` and `history`: apps against their own history."""

from typing import Annotated, Literal

import typer

from cli.arguments import JsonFlag, pipeline_argument, pipeline_option
from cli.command import run

Pipeline = pipeline_argument("Pipeline ID; left out: the newest one.", "[ID]")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(regressions)
    app.command()(history)


def regressions(
    id: Annotated[str | None, Pipeline] = None,
    recent: Annotated[
        int,
        typer.Option(help="A change is new if it began in one of the last so many.", min=1, max=20),
    ] = 3,
    fail_on: Annotated[
        Literal["worse"] | None,
        typer.Option(help="End with 13 if a figure is worse by a new change."),
    ] = None,
    limit: Annotated[
        int, typer.Option(help="List at most so many changes; all are counted.", min=0, max=10_000)
    ] = 100,
    as_json: JsonFlag = False,
) -> None:
    """Tell which load figures and findings of a pipeline's apps changed against their history."""
    from cli.commands.regressions import run_regressions

    gate = fail_on is not None
    run(lambda settings: run_regressions(settings, id, recent, limit, gate=gate, as_json=as_json))


def history(
    app: Annotated[str, typer.Argument(help="Which app.", metavar="MODEL/appN")],
    until: Annotated[
        str | None,
        pipeline_option("The newest pipeline to look at; default: the newest that has the app."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Tell how the load figures and findings of one app went from pipeline to pipeline."""
    from cli.commands.regressions import run_history

    run(lambda settings: run_history(settings, app, until or "", as_json=as_json))
