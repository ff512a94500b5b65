"""Turns errors of the Temporal server into errors of `control`."""

from collections.abc import Generator
from contextlib import contextmanager

from temporalio.service import RPCError, RPCStatusCode

from contract.errors import ErrorCode, PlatformError
from control.errors import NoPipelineError, ServerAwayError

AWAY = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.FAILED_PRECONDITION,  # a query that no worker has polled for lately
    }
)


def explained(error: RPCError, pipeline_id: str) -> PlatformError:
    """The server's answer to a request about this pipeline as an error of `control`."""
    if error.status is RPCStatusCode.NOT_FOUND:
        return NoPipelineError(pipeline_id)
    return refused(error)


def refused(error: RPCError) -> PlatformError:
    """The server's answer to any request as an error of `control`."""
    if error.status in AWAY:
        return ServerAwayError(
            f"the Temporal server, or the worker, does not answer: {error.message}",
            next_step="see that both run; the pipeline goes on when they do",
        )
    return PlatformError(
        ErrorCode.UNAVAILABLE,
        f"the Temporal server refused: {error}",
        next_step="see that it runs and that TEMPORAL_* names the right namespace",
    )


@contextmanager
def server_asked() -> Generator[None]:
    """Turns the server's errors into errors of `control`."""
    try:
        yield
    except RPCError as error:
        raise refused(error) from error
