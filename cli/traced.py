"""The span of a command: the beginning of the trace of a pipeline that it starts."""

from collections.abc import Generator
from contextlib import contextmanager

from telemetry import variables
from telemetry.spans import span

_SERVES = "dashboard"  # its requests are spans of their own


@contextmanager
def traced_command(name: str) -> Generator[None]:
    """Record the command that runs inside, if OpenTelemetry's variables ask for it."""
    if not variables.is_wanted():
        yield
        return
    from telemetry.tracing import start_tracing  # late: most commands are not traced

    serves = name == _SERVES
    # A stack that a command starts has the variables, too.
    tracing = start_tracing("dashboard" if serves else "cli", keep_variables=not serves)
    try:
        if serves:
            yield
        else:
            with span(f"command {name}"):
                yield
    finally:
        tracing.stop()
