"""Waiting to the very end: what `gather`, `TaskGroup`, `shield` and `finally` do not guarantee."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    TimeoutError,
    TimeoutType,
)

from contract.attempt import WORKER_LOST, Beat, seconds_by_tool
from contract.errors import RETRYABLE_CODES, ErrorCode

T = TypeVar("T")


async def settle(*coroutines: Coroutine[Any, Any, T]) -> list[T]:
    """Await all of them, then raise the first error, in argument order.

    `asyncio.gather` returns at the first error with its siblings still running. Cancelled, this
    cancels all of them and still waits until the last one has ended.
    """
    results = await asyncio.gather(*coroutines, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


async def in_order(
    work: Coroutine[Any, Any, T], last: Callable[[], Coroutine[Any, Any, None]]
) -> T:
    """Run `work`, then `last` even if `work` failed; then answer with, or raise, what `work` did.

    No `finally`: that would also run when the worker merely drops the workflow from its cache.
    """
    (result,) = await asyncio.gather(work, return_exceptions=True)
    await last()
    if isinstance(result, BaseException):
        raise result
    return result


async def finalize(
    work: Callable[[], Coroutine[Any, Any, T]], on_cancel: Callable[[], None] | None = None
) -> T:
    """Run `work` to its end whatever happens to the caller; re-raise a cancellation afterwards.

    `asyncio.shield` and `finally` lose the clean-up when a signal and a cancel arrive in one
    workflow task. `on_cancel` is called at each cancellation, so that `work` can wind down.
    """
    task = asyncio.create_task(work())
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as exc:
            if task.cancelled():
                raise
            cancelled = exc
            if on_cancel is not None:
                on_cancel()
        except Exception:  # noqa: S112 - raised again by task.result()
            continue
    result = task.result()
    if cancelled is not None:
        raise cancelled
    return result


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an activity failed for good; `curable`: waiting may help, so breakers count it.

    Attributes:
        lost: tool seconds by tool that its attempts saw spent.
        causes: why each of its attempts ended, as far as they said.
    """

    code: ErrorCode
    message: str
    lost: Mapping[str, float] = field(default_factory=dict)
    causes: tuple[str, ...] = ()

    @property
    def curable(self) -> bool:
        """Whether the same call may succeed later without anybody changing anything."""
        return self.code in RETRYABLE_CODES


def failure_code(exc: BaseException) -> Fault:
    """The platform fault behind a failed activity, in `ErrorCode`s.

    An error type that is no code of ours is a bug, so it is INTERNAL and named.
    """
    cause: BaseException = exc
    while isinstance(cause, ActivityError | ChildWorkflowError) and cause.cause is not None:
        cause = cause.cause
    if isinstance(cause, TimeoutError):
        return _with_lost_work(_timeout(cause), cause.last_heartbeat_details, WORKER_LOST)
    if isinstance(cause, ApplicationError):
        if cause.type in ErrorCode.__members__:
            fault = Fault(ErrorCode(cause.type), cause.message)
        else:
            fault = Fault(ErrorCode.INTERNAL, f"{cause.type}: {cause.message}")
        return _with_lost_work(fault, cause.details)
    if isinstance(cause, FailureError):
        return Fault(ErrorCode.INTERNAL, cause.message)
    return Fault(ErrorCode.INTERNAL, f"{type(cause).__name__}: {cause}")


def _with_lost_work(fault: Fault, details: Sequence[Any], *last: str) -> Fault:
    """`fault` with what the last attempt reported of itself and of those before it."""
    if not details:
        return fault
    beat = Beat.model_validate(details[0])
    lost = seconds_by_tool(*beat.spans)
    return replace(fault, lost=lost, causes=(*beat.causes, *last))


def is_unclaimed(exc: BaseException) -> bool:
    """Whether no worker took the activity from its queue in time: the host is lost."""
    return (
        isinstance(exc, ActivityError)
        and isinstance(exc.cause, TimeoutError)
        and exc.cause.type is TimeoutType.SCHEDULE_TO_START
    )


def _timeout(cause: TimeoutError) -> Fault:
    match cause.type:
        case TimeoutType.SCHEDULE_TO_START:
            return Fault(ErrorCode.UNAVAILABLE, "no worker took the task in time")
        case TimeoutType.HEARTBEAT:
            return Fault(ErrorCode.UNAVAILABLE, "the worker died or lost its server (no heartbeat)")
        case _:
            return Fault(ErrorCode.DEADLINE_EXCEEDED, "the activity exceeded its time limit")
