"""Spans of this process, kept in memory: a process has one provider for good."""

from functools import cache

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from temporalio.contrib.opentelemetry import create_tracer_provider


class KeptSpans(SpanProcessor):
    """What began (also in a replay, where nothing is sent) and what ended."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int]] = []
        self.ended: list[ReadableSpan] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self.begun.append((span.name, span.get_span_context().span_id))

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.ended if span.name == name]


@cache
def kept_spans() -> KeptSpans:
    """Record from now on what is told to record; all tests of a process share it."""
    provider, kept = create_tracer_provider(shutdown_on_exit=False), KeptSpans()
    provider.add_span_processor(kept)
    trace.set_tracer_provider(provider)
    return kept
