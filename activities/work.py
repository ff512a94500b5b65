"""What an attempt sees of an analyzer's work; a later attempt computes from it what was wasted."""

from collections.abc import Iterable

from contract.attempt import Span, seconds_by_tool
from contract.outcome import together
from contract.protocol import PROGRESS_INTERVAL_S, Progress

# An analyzer at work sends progress at least each `PROGRESS_INTERVAL_S`. After a longer silence
# nobody knows whether it worked: it may have been dead.
SILENCE_S = 1.5 * PROGRESS_INTERVAL_S
_MAX_SPANS = 20  # they travel with every heartbeat


class WorkLog:
    """Makes spans of work from the progress that an analyzer sends; waiting is not work.

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
        """All work that was seen, in order of time."""
        return self._closed if self._span is None else (*self._closed, self._span)

    def saw(self, progress: Progress, now_s: float) -> None:
        """Take in that `progress.running` are at work from `now_s` (Unix time) on."""
        self.reach(now_s)
        silent = now_s - self._heard_s > SILENCE_S
        anew = progress.done < self._done or not progress.total
        if self._span is None or silent or (anew and self._span.by_tool):
            self._close()
            self._span = Span(began_s=now_s, ended_s=now_s)
        self._tools, self._heard_s, self._done = progress.running, now_s, progress.done

    def reach(self, now_s: float) -> None:
        """Extend the span to `now_s`, or to the moment when the silence became too long."""
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
    """Seconds by tool of the runs that had ended at `began_s`, when the run that counted began."""
    return seconds_by_tool(*(span for span in spans if span.ended_s <= began_s))


def _merged(first: Span, second: Span) -> Span:
    by_tool = seconds_by_tool(first, second)
    return Span(
        began_s=first.began_s,
        ended_s=second.ended_s,
        tool_seconds=sum(by_tool.values()),
        by_tool=by_tool,
    )
