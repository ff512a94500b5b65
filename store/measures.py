"""How long operations of the store take, and how many fail; `docs/metrics.md` lists the names."""

import time
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, TypeVar, cast

from prometheus_client import Counter, Histogram

from contract.errors import ErrorCode, PlatformError
from telemetry.spans import exemplar

_Operation = TypeVar("_Operation", bound=Callable[..., Coroutine[Any, Any, Any]])
# Answers about what was asked, not faults of the store.
_ANSWERS = (ErrorCode.NOT_FOUND, ErrorCode.INVALID_ARGUMENT, ErrorCode.ALREADY_EXISTS)

STORE_SECONDS = Histogram(
    "assay_store_seconds",
    "Time of one operation of the store, failed ones included.",
    ["operation"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
STORE_FAILURES = Counter(
    "assay_store_failures",
    "Operations that the store failed, not those that it refused.",
    ["operation"],
)


def measured(operation: _Operation) -> _Operation:
    """Time a method of the store, under its name."""
    name = operation.__name__
    seconds, failures = STORE_SECONDS.labels(name), STORE_FAILURES.labels(name)

    @wraps(operation)
    async def timed(*args: Any, **kwargs: Any) -> Any:
        began_s = time.monotonic()
        try:
            return await operation(*args, **kwargs)
        except Exception as error:
            if not (isinstance(error, PlatformError) and error.code in _ANSWERS):
                failures.inc()
            raise
        finally:
            seconds.observe(time.monotonic() - began_s, exemplar())

    return cast("_Operation", timed)
