"""What an attempt sees of an analyzer's work, so that a later one can tell what was thrown away."""

from collections.abc import Iterable

from contract.attempt import Span, seconds_by_tool
from contract.outcome import together
from contract.protocol import PROGRESS_INTERVAL_S, Progress

# An analyzer at work is heard of at least each `PROGRESS_INTERVAL_S`. What it did while it was
# silent for longer nobody saw: it may have been dead.
SILENCE_S = 1.5 * PROGRESS_INTERVAL_S
_MAX_SPANS = 20  # they travel with every heartbeat


class WorkLog:
    """Turns what is heard of an analyzer into spans of work; waiting is no work.

    Args:
        earlier: spans of earlier attempts.
    """

    def __init__(self, earlier: tuple[Span, ...] = ()) -> None:
        self._closed = earlier
        self._span: Span | None = None
        self._tools: tuple[str, ...] = ()
        self._heard_s = 0.0
        self._done = 0

    @property
    def spans(self) -> tuple[Span, ...]:
        """All work that was seen, the earliest first."""
        return self._closed if self._span is None else (*self._closed, self._span)

    def saw(self, progress: Progress, now_s: float) -> None:
        """The analyzer says what is at work from `now_s` (Unix time) on."""
        self.reach(now_s)
        silent = now_s - self._heard_s > SILENCE_S
        anew = progress.done < self._done or not progress.total
        if self._span is None or silent or (anew and self._span.by_tool):
            self._close()
            self._span = Span(began_s=now_s, ended_s=now_s)
        self._tools, self._heard_s, self._done = progress.running, now_s, progress.done

    def reach(self, now_s: float) -> None:
        """What was at work still is at `now_s`, unless nothing was heard for too long."""
        if self._span is None:
            return
        until_s = min(now_s, self._heard_s + SILENCE_S)
        lasted_s = until_s - self._span.ended_s
        if lasted_s <= 0:
            return
        by_tool = together(self._span.by_tool, dict.fromkeys(self._tools, lasted_s))
        self._span = Span(
            began_s=self._span.began_s,
            ended_s=until_s,
            tool_seconds=sum(by_tool.values()),
            by_tool=by_tool,
        )

    def _close(self) -> None:
        if self._span is not None and self._span.by_tool:
            self._closed = (*self._closed, self._span)
        if len(self._closed) > _MAX_SPANS:
            first, second, *rest = self._closed
            self._closed = (_merged(first, second), *rest)


def lost_before(began_s: float, spans: Iterable[Span]) -> dict[str, float]:
    """Seconds by tool of runs that had ended when the one that counted began (Unix time)."""
    return seconds_by_tool(*(span for span in spans if span.ended_s <= began_s))


def _merged(first: Span, second: Span) -> Span:
    by_tool = seconds_by_tool(first, second)
    return Span(
        began_s=first.began_s,
        ended_s=second.ended_s,
        tool_seconds=sum(by_tool.values()),
        by_tool=by_tool,
    )
