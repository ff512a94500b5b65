"""The span of a command: the beginning of the trace of a pipeline that it starts."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from telemetry import variables
from telemetry.spans import span

_SAID_AGAIN_S = 3_600.0
_SERVES = "dashboard"  # its requests are spans of their own


def traced_command(name: str, invoke: Callable[[], Any]) -> Any:
    """Run a command, recorded if OpenTelemetry's variables ask for it."""
    if not variables.is_wanted():
        return invoke()
    from telemetry.tracing import start_tracing  # late: most commands are not traced

    serves = name == _SERVES
    # A stack that a command starts has the variables, too.
    part = "dashboard" if serves else "cli"
    may_say = (lambda: True) if serves else first_of_the_hour
    tracing = start_tracing(part, temporal=True, keep_variables=not serves, may_say=may_say)
    try:
        return invoke() if serves else _recorded(name, invoke)
    finally:
        tracing.stop()


def first_of_the_hour() -> bool:
    """Whether no command on this data folder named this collector's outage within the hour.

    Notes that one does so now. Without a data folder there is nowhere to note it: each names it.
    """
    from contract.errors import PlatformError
    from settings import load_settings  # late: as `cli.command.run`

    try:
        return _first(load_settings().data_dir, variables.endpoint())
    except (OSError, ValueError, PlatformError):  # no reason to keep an outage to oneself
        return True


def _first(data_dir: Path, endpoint: str) -> bool:
    note = data_dir / "run" / "traces-lost"
    same = note.is_file() and note.read_text(encoding="utf-8") == endpoint
    if same and 0 <= time.time() - note.stat().st_mtime < _SAID_AGAIN_S:
        return False
    if data_dir.is_dir():
        note.parent.mkdir(exist_ok=True)
        note.write_text(endpoint, encoding="utf-8")
    return True


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
