"""Spans: what took how long inside a trace. Where tracing is off, nothing is done or imported.

`tracing.py` switches them on. A span carries names, states and numbers, never text of an app, of an
exception or of a request: these may hold what is secret.
"""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

if TYPE_CHECKING:
    from types import CoroutineType

    from opentelemetry.trace import Span, SpanContext, Tracer

Value = str | bool | int | float
Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")
_Call: TypeAlias = "CoroutineType[Any, Any, Answer]"
_WORTH_NS = 10_000_000  # a shorter wait says nothing


class Recorder:
    """A span under way. One of this very class is of no trace, and records nothing."""

    def set(self, **attributes: Value) -> None:
        """Say more of it, as attributes `assay.<name>`."""

    def fail(self, cause: str) -> None:
        """It did not do what it was for. `cause`: a word of ours, such as a state or a code."""


class _Recording(Recorder):
    def __init__(self, span: "Span") -> None:
        self._span = span

    def set(self, **attributes: Value) -> None:
        for name, value in attributes.items():
            self._span.set_attribute(_name(name), value)

    def fail(self, cause: str) -> None:
        from opentelemetry.trace import Status, StatusCode

        self._span.set_status(Status(StatusCode.ERROR, cause))


@dataclass(slots=True)
class _Switch:
    """Of this process. None: off."""

    tracer: "Tracer | None" = None


_switch = _Switch()
_NOTHING = nullcontext(Recorder())


def switch(tracer: "Tracer | None") -> None:
    """Record spans with `tracer` from now on; None: no more."""
    _switch.tracer = tracer


def is_on() -> bool:
    """Whether this process records spans."""
    return _switch.tracer is not None


def span(
    name: str, *, parent: Mapping[str, str] | None = None, **attributes: Value
) -> AbstractContextManager[Recorder]:
    """A span as long as the block, and the current one inside it.

    Args:
        name: few different ones, so that they can be compared over traces.
        parent: what `carrier` said in another program; None: the current span.
        **attributes: as of `Recorder.set`.
    """
    tracer = _switch.tracer
    return _NOTHING if tracer is None else _recorded(tracer, name, parent, attributes)


@contextmanager
def _recorded(
    tracer: "Tracer", name: str, parent: Mapping[str, str] | None, attributes: Mapping[str, Value]
) -> Generator[Recorder]:
    from opentelemetry.propagate import extract

    given = {_name(key): value for key, value in attributes.items()}
    context = None if parent is None else extract(parent)
    # An exception's text may be an app's: its type is all that is kept.
    with tracer.start_as_current_span(
        name, context, attributes=given, record_exception=False, set_status_on_exception=False
    ) as begun:
        recorder = _Recording(begun)
        try:
            yield recorder
        except BaseException as error:
            recorder.fail(type(error).__name__)
            raise


def traced(
    name: str,
) -> "Callable[[Callable[Arguments, _Call[Answer]]], Callable[Arguments, _Call[Answer]]]":
    """Each call of the function is a span called `name`."""

    def around(
        function: "Callable[Arguments, _Call[Answer]]",
    ) -> "Callable[Arguments, _Call[Answer]]":
        @wraps(function)
        async def call(*given: Arguments.args, **named: Arguments.kwargs) -> Answer:
            with span(name):
                return await function(*given, **named)

        return call

    return around


def waiting(name: str, **attributes: Value) -> AbstractContextManager[object]:
    """A span as long as the block, which only waits; none if it did not have to."""
    tracer = _switch.tracer
    return _NOTHING if tracer is None else _waited(tracer, name, attributes)


@contextmanager
def _waited(tracer: "Tracer", name: str, attributes: Mapping[str, Value]) -> Generator[None]:
    began_ns = time.time_ns()
    try:
        yield
    finally:
        if time.time_ns() - began_ns >= _WORTH_NS:
            given = {_name(key): value for key, value in attributes.items()}
            tracer.start_span(name, attributes=given, start_time=began_ns).end()


def carrier() -> dict[str, str]:
    """The current span as text fields, for another program; empty: there is none.

    Baggage is left out: what others put there is for nobody else to see.
    """
    if _switch.tracer is None:
        return {}
    from opentelemetry.propagate import inject

    fields: dict[str, str] = {}
    inject(fields)
    return {key: text for key, text in fields.items() if key != "baggage"}


def exemplar() -> dict[str, str] | None:
    """Labels of an exemplar that leads from a figure to its trace; None: no trace is kept."""
    context = _current()
    if context is None or not context.trace_flags.sampled:
        return None
    return {"trace_id": f"{context.trace_id:032x}"}


def trace_ids() -> dict[str, str]:
    """`trace_id` and `span_id` of the current span, for a record of the log; empty: none."""
    context = _current()
    if context is None:
        return {}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def _current() -> "SpanContext | None":
    if _switch.tracer is None:
        return None
    from opentelemetry.trace import get_current_span

    context = get_current_span().get_span_context()
    return context if context.is_valid else None


def _name(name: str) -> str:
    return f"assay.{name}"
