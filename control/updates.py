"""The answers of a workflow's updates, with their types."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError

from control.errors import ServerAwayError

Answer = TypeVar("Answer")


def answer_of(answered: Coroutine[Any, Any, Answer] | Answer) -> Answer:
    """The answer of an update; the SDK types the answer of an `async` update as its coroutine."""
    return cast("Answer", answered)


def interrupted(error: WorkflowUpdateRPCTimeoutOrCancelledError) -> BaseException:
    """The real end of a wait for an update: the SDK hides a cancellation of the caller."""
    if (task := asyncio.current_task()) and task.cancelling():
        return asyncio.CancelledError(str(error))
    return ServerAwayError("no worker answered in time", next_step="ask again when a worker runs")
