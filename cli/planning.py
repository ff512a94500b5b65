"""Registers `plan`: what a spec would take, and what it could show."""

from typing import Annotated

import typer

from cli.arguments import JsonFlag, SpecArg, pipeline_option
from cli.command import run


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def plan(
        spec: SpecArg,
        like: Annotated[
            str | None,
            pipeline_option("Take the spread of templates from this pipeline's report."),
        ] = None,
        as_json: JsonFlag = False,
    ) -> None:
        """Say what a spec would take and which difference between models it could show."""
        from cli.commands.plan import run_plan

        run(lambda settings: run_plan(settings, spec, like, as_json=as_json))
