"""Registers the commands that steer a running pipeline."""

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Annotated

import typer

from cli.arguments import JsonFlag, PipelineArg
from cli.command import run
from contract.priority import PipelinePriority
from control.actions import Action

if TYPE_CHECKING:
    from cli.commands.messages import Message
    from control.pipelines import Pipeline


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (pause, resume, cancel, parallelism, priority):
        app.command()(command)
    app.command(name="reset-breaker")(reset_breaker)


def pause(id: PipelineArg, as_json: JsonFlag = False) -> None:
    """Start no new work; running tools finish."""
    _send(id, lambda pipeline: pipeline.pause(), "pause", Action.PAUSE, as_json=as_json)


def resume(id: PipelineArg, as_json: JsonFlag = False) -> None:
    """Go on after a pause."""
    _send(id, lambda pipeline: pipeline.resume(), "resume", Action.RESUME, as_json=as_json)


def cancel(id: PipelineArg, as_json: JsonFlag = False) -> None:
    """End running tools, tear down, write the report of what there is."""
    _send(id, lambda pipeline: pipeline.cancel(), "cancel", Action.CANCEL, as_json=as_json)


def parallelism(
    id: PipelineArg,
    apps: Annotated[int, typer.Argument(help="Apps in flight, 1 to 50.", min=1, max=50)],
    as_json: JsonFlag = False,
) -> None:
    """Change how many apps are in flight at once."""

    def message(pipeline: "Pipeline") -> Awaitable[int]:
        return pipeline.set_parallelism(apps)

    _send(id, message, "set_parallelism", Action.PARALLELISM, f"to {apps}", as_json=as_json)


def priority(
    id: PipelineArg,
    urgency: Annotated[PipelinePriority, typer.Argument(help="How urgent it is.")],
    as_json: JsonFlag = False,
) -> None:
    """Change how urgent a pipeline is, and what it has waiting; what runs goes on."""

    def message(pipeline: "Pipeline") -> Awaitable[int]:
        from control.prioritising import change_priority

        return change_priority(pipeline.client, pipeline.id, urgency)

    detail = f"to {urgency}"
    _send(id, message, "set_priority", Action.PRIORITY, detail, as_json=as_json)


def reset_breaker(
    id: PipelineArg,
    name: Annotated[str, typer.Argument(help="Breaker name.", metavar="NAME")],
    as_json: JsonFlag = False,
) -> None:
    """Close a circuit breaker by hand."""

    def message(pipeline: "Pipeline") -> Awaitable[str]:
        return pipeline.reset_breaker(name)

    _send(id, message, "reset_breaker", Action.BREAKER, name, as_json=as_json)


def _send(
    id: str, message: "Message", name: str, action: Action, detail: str = "", *, as_json: bool
) -> None:
    from cli.commands.messages import send

    run(
        lambda settings: send(
            settings, id, message, name, action=action, detail=detail, as_json=as_json
        )
    )
