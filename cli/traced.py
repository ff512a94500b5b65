"""The span of a command: the beginning of the trace of a pipeline that it starts."""

from collections.abc import Callable
from typing import Any

import typer

from telemetry import variables
from telemetry.spans import span

_SERVES = "dashboard"  # its requests are spans of their own


def traced_command(name: str, invoke: Callable[[], Any]) -> Any:
    """Run a command, recorded if OpenTelemetry's variables ask for it."""
    if not variables.is_wanted():
        return invoke()
    from telemetry.tracing import start_tracing  # late: most commands are not traced

    serves = name == _SERVES
    # A stack that a command starts has the variables, too.
    part = "dashboard" if serves else "cli"
    tracing = start_tracing(part, temporal=True, keep_variables=not serves)
    try:
        return invoke() if serves else _recorded(name, invoke)
    finally:
        tracing.stop()


def _recorded(name: str, invoke: Callable[[], Any]) -> Any:
    ended: typer.Exit | None = None
    with span(f"command {name}") as recorder:
        try:
            return invoke()
        except typer.Exit as end:  # how each command ends, well or badly
            recorder.set(exit_code=end.exit_code)
            if end.exit_code:
                recorder.fail(f"exit code {end.exit_code}")
            ended = end
    raise ended
