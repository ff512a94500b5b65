"""Sends spans to a collector, which may be away: that is said once, and harms nobody.

Loads OpenTelemetry's SDK: only `tracing.py` imports it, where tracing is on.
"""

import logging
import time
from collections.abc import Callable, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status

from telemetry.line import Line

_SAID_AGAIN_S = 3_600.0
_LIMIT_S = 10.0
# The exporter's own messages; each batch has some while the collector is away.
_EXPORTER_LOGGER = "opentelemetry"
_DELIVERY = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal")
# Where a text of an exception may be, which may be an app's or hold what is secret.
_TEXTS = frozenset({"exception.message", "exception.stacktrace"})

logger = logging.getLogger("assay.tracing")


class Outage(logging.Handler):
    """Names an outage of the collector once, whatever is said of each batch meanwhile.

    As a handler it takes what OpenTelemetry's own loggers say, which may hold texts of others.

    Args:
        endpoint: as it is shown.
        may_say: whether it is named at all, asked once for each outage.
    """

    def __init__(self, endpoint: str, may_say: Callable[[], bool]) -> None:
        super().__init__(logging.WARNING)
        self._endpoint, self._may_say = endpoint, may_say
        self._is_known = self._was_said = False
        self._said_at = -_SAID_AGAIN_S

    def say(self, cause: str) -> None:
        """Name it, unless this outage is known or one was named within the hour.

        Args:
            cause: a word of ours, such as a status or the type of an exception.
        """
        if self._is_known:
            return
        self._is_known = True
        if time.monotonic() - self._said_at < _SAID_AGAIN_S or not self._may_say():
            return
        self._said_at, self._was_said = time.monotonic(), True
        logger.warning("traces do not reach %s (%s); pipelines go on", self._endpoint, cause)

    def over(self) -> None:
        """A batch was taken."""
        if self._was_said:
            logger.info("traces reach %s again", self._endpoint)
        self._is_known = self._was_said = False

    def emit(self, record: logging.LogRecord) -> None:
        """Name what OpenTelemetry says while it delivers."""
        if record.name.startswith(_DELIVERY):
            self.say(_cause(record))


def _cause(record: logging.LogRecord) -> str:
    """What went wrong, in our words: texts of a collector or an exception may be anything."""
    if "ueue full" in str(record.msg):
        return "more spans than it takes in time"
    given = record.args if isinstance(record.args, tuple) else ()
    errors = [value for value in (*given, *(record.exc_info or ())) if isinstance(value, Exception)]
    return type(errors[0]).__name__ if errors else "a batch was dropped"


class Delivery(SpanExporter):
    """The OTLP exporter, without texts of exceptions and without its own messages.

    Args:
        endpoint: as it is shown.
        given_limit_s: how long a batch may take; more than 10 s counts as 10, and so does None.
        may_say: as of `Outage`.
    """

    def __init__(
        self,
        endpoint: str,
        given_limit_s: float | None = None,
        may_say: Callable[[], bool] = lambda: True,
    ) -> None:
        limit_s = min(given_limit_s or _LIMIT_S, _LIMIT_S)
        self._outage = Outage(endpoint, may_say)
        self._line = Line(self._outage.say)
        self._exporter = OTLPSpanExporter(timeout=limit_s, session=self._line)
        own = logging.getLogger(_EXPORTER_LOGGER)
        own.propagate = False
        own.addHandler(self._outage)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; gives up after the time that a variable says, 10 s at most."""
        result = self._exporter.export([without_texts(span) for span in spans])
        if result is SpanExportResult.SUCCESS and self._line.took_all:
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
