"""Registers the commands that run the parts of an installation, and look after them."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.arguments import JsonFlag
from cli.command import run

_PORT_MAX = 65_535


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (codec, dashboard, doctor, up, down):
        app.command()(command)
    app.command(name="verify-deployment")(_verify_deployment)


def codec(
    port: Annotated[int, typer.Option(help="On 127.0.0.1.", min=0, max=_PORT_MAX)] = 8088,
    ui: Annotated[str, typer.Option(help="Web UI that may ask; default: the local one.")] = "",
) -> None:
    """Serve a codec endpoint: the Temporal Web UI and CLI then show what is encrypted."""
    from cli.commands.codec import run_codec

    run(lambda settings: run_codec(settings, port, ui))


def dashboard(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; default: ASSAY_DASHBOARD_HOST.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Default: ASSAY_DASHBOARD_PORT.", min=0, max=_PORT_MAX),
    ] = None,
) -> None:
    """Serve the pages and the API alone; the local stack has them anyway."""
    from cli.commands.dashboard import run_dashboard

    run(lambda settings: run_dashboard(settings, host, port))


def doctor(as_json: JsonFlag = False) -> None:
    """Check what this machine can measure, and say how to mend what it cannot."""
    from cli.commands.doctor import run_doctor

    run(lambda settings: run_doctor(settings, as_json=as_json))


def up(as_json: JsonFlag = False) -> None:
    """Start the local stack (Temporal, four analyzers, a worker, the dashboard) and leave it up."""
    from cli.commands.stack import run_up

    run(lambda settings: run_up(settings, as_json=as_json))


def down(as_json: JsonFlag = False) -> None:
    """Stop the local stack and everything it started."""
    from cli.commands.stack import run_down

    run(lambda settings: run_down(settings, as_json=as_json))


def _verify_deployment(
    only: Annotated[
        Literal["all", "parts", "pipeline"],
        typer.Option(help="Ask the parts alone, or run the pipeline without asking them by HTTP."),
    ] = "all",
    analyzer: Annotated[
        list[str] | None,
        typer.Option(
            help="Where one answers, or 'none'; default: the settings.", metavar="KIND=URL"
        ),
    ] = None,
    worker: Annotated[
        str | None,
        typer.Option(help="Where its metrics are, or 'none'; default: ASSAY_METRICS_ADDRESS."),
    ] = None,
    dashboard: Annotated[str | None, typer.Option(help="Where it is, or 'none'.")] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(help="What else must answer 200, such as Prometheus.", metavar="NAME=URL"),
    ] = None,
    fleet: Annotated[
        Path | None,
        typer.Option(help="Copy of the folder 'controls' that the worker sees; default: this one."),
    ] = None,
    patience: Annotated[
        float, typer.Option(help="Seconds that parts may take to get ready.", min=0)
    ] = 60,
    limit: Annotated[float, typer.Option(help="Seconds that the pipeline may take.", min=1)] = 1800,
    as_json: JsonFlag = False,
) -> None:
    """Check an installation that was deployed: ask every part, run four apps, say what failed."""
    from cli.commands.verify_deployment import Wanted, run_verify_deployment
    from cli.rollout import Given, given_analyzers, given_others

    others = given_others(also or [])
    given = Given(given_analyzers(analyzer or []), worker, dashboard, others)
    wanted = Wanted(given, fleet, patience, limit, runs=only != "parts", asks=only != "pipeline")
    run(lambda settings: run_verify_deployment(settings, wanted, as_json=as_json))
