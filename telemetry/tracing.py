"""Switches tracing on, if OpenTelemetry's variables ask for it. Nothing here ends a program."""

import logging
import platform
import threading
from collections.abc import Callable

from telemetry import variables
from telemetry.spans import switch

_FLUSH_S = 2.0
_NAME = "service.name"

logger = logging.getLogger("assay.tracing")


class Tracing:
    """Tracing of this process, on or off.

    Args:
        stop: sends what is left; may take long.
    """

    def __init__(self, stop: Callable[[], None] | None = None) -> None:
        self._stop = stop

    def stop(self) -> None:
        """Send what is left, for at most 2 s, whatever the collector does. Blocking."""
        switch(None)
        if self._stop is None:
            return
        flushing = threading.Thread(target=self._stop, daemon=True, name="last-spans")
        self._stop = None
        flushing.start()
        flushing.join(_FLUSH_S)


def start_tracing(
    part: str,
    *,
    temporal: bool = False,
    keep_variables: bool = False,
    may_say: Callable[[], bool] = lambda: True,
) -> Tracing:
    """Record spans from now on, if OpenTelemetry's variables ask for it (`docs/tracing.md`).

    A variable that cannot be honoured is named in one warning, and tracing is off.

    Args:
        part: of Assay, for `service.name` (`assay-worker`) unless a variable says another.
        temporal: this process speaks to Temporal, whose plugin takes the provider of the process,
            and whose workflows have the same spans in a replay.
        keep_variables: leave them to the programs that this process starts.
        may_say: whether an outage of the collector is named, asked once for each.
    """
    wanted, wrong = variables.is_wanted(), variables.mistake()
    try:
        if wanted and not wrong:
            return Tracing(_started(part, temporal=temporal, may_say=may_say))
    except Exception as error:  # whatever the SDK refuses: it is no reason to measure nothing
        wrong = f"{type(error).__name__}: OpenTelemetry refuses its variables"
    finally:
        if not keep_variables:
            variables.take()
    if wanted:
        logger.warning("tracing is off: %s", wrong)
    return Tracing()


def _started(part: str, *, temporal: bool, may_say: Callable[[], bool]) -> Callable[[], None]:
    from opentelemetry import propagate, trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from telemetry.delivery import Delivery

    propagate.get_global_textmap()  # its module refuses an unknown OTEL_PROPAGATORS
    make = TracerProvider
    if temporal:
        from temporalio.contrib.opentelemetry import create_tracer_provider as make
    resource = Resource.create(_resource(part))
    # On its own it waits for 30 s at the end; `Tracing.stop` does not.
    provider = make(resource=resource, shutdown_on_exit=False)
    delivery = Delivery(variables.endpoint(), variables.timeout_s(), may_say)
    provider.add_span_processor(BatchSpanProcessor(delivery))
    if temporal:  # elsewhere, no library is to find it and to record on its own what it likes
        trace.set_tracer_provider(provider)
    switch(provider.get_tracer("assay"))
    return provider.shutdown


def _resource(part: str) -> dict[str, str]:
    """Attributes that no variable sets: what is given here would win over a variable."""
    known = variables.resource_names()
    if variables.is_set("OTEL_SERVICE_NAME"):
        known.add(_NAME)
    given = {
        _NAME: f"assay-{part}",
        "service.namespace": "assay",
        "host.name": platform.node(),
        "assay.part": part,
    }
    return {name: value for name, value in given.items() if name not in known}
