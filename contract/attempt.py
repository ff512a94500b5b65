"""What an attempt of an activity tells: the next attempt, its workflow, and people who look."""

from contract.base import Frozen
from contract.outcome import together

# Why an attempt ended that said nothing: its worker was killed.
WORKER_LOST = "WORKER_LOST"

# Types of two failures that are nobody's fault; the workflow schedules the work anew.
HELD = "HELD"
APP_GONE = "APP_GONE"

# Memo of a workflow that is paused; the server knows it, whether or not a worker answers queries.
PAUSED = "paused"


class Span(Frozen):
    """Work on one run that was seen: Unix time in seconds, and seconds summed over tools at once.

    Attributes:
        by_tool: the same seconds by the tool that worked.
    """

    began_s: float
    ended_s: float
    tool_seconds: float = 0.0
    by_tool: dict[str, float] = {}


class Beat(Frozen):
    """Heartbeat details: what people see of a pending activity, and what the next attempt knows.

    Attributes:
        message: what it does now.
        causes: why each attempt before the next one ended; padded with `WORKER_LOST`,
            since a killed worker says nothing.
        spans: the work that all attempts saw, so that a later one can tell how much of it was
            thrown away.
        begun: whether the work itself was under way, so that a later attempt goes on with it.
        apps: what each running app of a pipeline does now, by its label; of an activity that
            speaks for apps.
    """

    message: str = ""
    causes: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    begun: bool = False
    apps: dict[str, str] = {}


def seconds_by_tool(*spans: Span) -> dict[str, float]:
    """Seconds of work by tool; those of a span that does not name its tools, by the empty name."""
    return together(*(span.by_tool or {"": span.tool_seconds} for span in spans))
