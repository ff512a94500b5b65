"""Registers the command for alerts."""

from typing import Annotated, Literal

import typer

from cli.arguments import JsonFlag
from cli.command import run


def register(app: typer.Typer) -> None:
    """Add `alerts`."""
    app.command(name="alerts")(_alerts)


def _alerts(
    action: Annotated[
        Literal["list", "test", "check"],
        typer.Argument(
            help="list: which fire now; check: whether the alerts file is right; test: send a "
            "test notice to every receiver.",
            metavar="list|test|check",
        ),
    ] = "list",
    as_json: JsonFlag = False,
) -> None:
    """Say which alerts fire, and whether those who are to be told can be reached."""
    from cli.commands.alerts import run_alerts

    run(lambda settings: run_alerts(settings, action, as_json=as_json))
