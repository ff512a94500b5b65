"""Sends spans to a collector, which may be away: that is said once, and harms nobody.

Loads OpenTelemetry's SDK: only `tracing.py` imports it, where tracing is on.
"""

import logging
import time
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status

_SAID_AGAIN_S = 3_600.0
_LIMIT_S = 10.0
# The exporter's own messages; each batch has some while the collector is away.
_EXPORTER_LOGGER = "opentelemetry"
_DELIVERY = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal")
# Where a text of an exception may be, which may be an app's or hold what is secret.
_TEXTS = frozenset({"exception.message", "exception.stacktrace"})

logger = logging.getLogger("assay.tracing")


class Outage(logging.Handler):
    """Turns what the exporter says of each batch into one line for an outage.

    Args:
        endpoint: as it is shown.
    """

    def __init__(self, endpoint: str) -> None:
        super().__init__(logging.WARNING)
        self._endpoint = endpoint
        self._is_known = False
        self._said_at = -_SAID_AGAIN_S

    def emit(self, record: logging.LogRecord) -> None:
        """Say it, unless this outage is known or was said within the hour."""
        if not record.name.startswith(_DELIVERY) or self._is_known:
            return
        self._is_known = True
        if time.monotonic() - self._said_at < _SAID_AGAIN_S:
            return
        self._said_at = time.monotonic()
        cause = f" ({_cause(record)})" if _cause(record) else ""
        logger.warning("traces do not reach %s%s; pipelines go on", self._endpoint, cause)

    def over(self) -> None:
        """A batch was taken."""
        self._is_known = False


def _cause(record: logging.LogRecord) -> str:
    """What went wrong, without the address: it may hold what is secret."""
    given = record.args if isinstance(record.args, tuple) else ()
    for value in given:
        if isinstance(value, BaseException):
            return type(value).__name__
        if isinstance(value, int):
            return f"HTTP {value}"
    return next((str(value)[:60] for value in given if value not in ("spans", None)), "")


class Delivery(SpanExporter):
    """The OTLP exporter, without texts of exceptions and without its own messages.

    Args:
        endpoint: as it is shown.
        given_limit_s: how long a batch may take; more than 10 s counts as 10, and so does None.
    """

    def __init__(self, endpoint: str, given_limit_s: float | None = None) -> None:
        self._exporter = OTLPSpanExporter(timeout=min(given_limit_s or _LIMIT_S, _LIMIT_S))
        self._outage = Outage(endpoint)
        own = logging.getLogger(_EXPORTER_LOGGER)
        own.propagate = False
        own.addHandler(self._outage)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; gives up after the time that a variable says, 10 s at most."""
        result = self._exporter.export([without_texts(span) for span in spans])
        if result is SpanExportResult.SUCCESS:
            self._outage.over()
        return result

    def shutdown(self) -> None:
        """Send nothing more."""
        self._exporter.shutdown()


def without_texts(span: ReadableSpan) -> ReadableSpan:
    """The span as it is sent: of an exception, its type alone."""
    described = span.status.description
    if not span.events and not (described and ":" in described):
        return span
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        events=[_named(event) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code, (described or "").partition(":")[0] or None),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _named(event: Event) -> Event:
    kept = {key: value for key, value in (event.attributes or {}).items() if key not in _TEXTS}
    return Event(event.name, kept, event.timestamp)
