"""What comes of messages to a workflow: answers with their types, and errors of `control`."""

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError

from control.errors import ServerAwayError, WrongInputError
from control.server_errors import explained

Answer = TypeVar("Answer")


def answer_of(answered: Coroutine[Any, Any, Answer] | Answer) -> Answer:
    """The answer of an update; the SDK types the answer of an `async` update as its coroutine."""
    return cast("Answer", answered)


def interrupted(error: WorkflowUpdateRPCTimeoutOrCancelledError) -> BaseException:
    """The real end of a wait for an update: the SDK hides a cancellation of the caller."""
    if (task := asyncio.current_task()) and task.cancelling():
        return asyncio.CancelledError(str(error))
    return ServerAwayError("no worker answered in time", next_step="ask again when a worker runs")


@contextmanager
def asking(what: str, pipeline_id: str) -> Generator[None]:
    """Turns the server's errors, and refusals of the pipeline, into errors of `control`."""
    try:
        yield
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        raise interrupted(error) from error
    except WorkflowUpdateFailedError as error:
        cause = error.cause or error
        raise WrongInputError(f"{what} refused: {getattr(cause, 'message', cause)}") from error
    except RPCError as error:
        raise explained(error, pipeline_id) from error
