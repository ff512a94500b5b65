"""Registers the commands that run the parts of an installation, and look after them."""

from typing import Annotated

import typer

from cli.arguments import JsonFlag
from cli.command import run

_PORT_MAX = 65_535


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (codec, dashboard, doctor, up, down):
        app.command()(command)


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
