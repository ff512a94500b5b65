"""Waiting to the end, and the code behind a failure."""

import asyncio

import pytest
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    RetryState,
    TimeoutError,
    TimeoutType,
)

from contract.errors import ErrorCode
from workflows.settle import failure_code, finalize, in_order, is_unclaimed, settle


async def test_settle_waits_for_siblings_of_a_failure() -> None:
    log: list[str] = []

    async def slow() -> None:
        await asyncio.sleep(0.01)
        log.append("slow")

    async def broken() -> None:
        raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        await settle(broken(), slow())

    assert log == ["slow"]


async def test_settle_cancelled_waits_for_every_cleanup() -> None:
    log: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)
            log.append(name)
            raise

    task = asyncio.create_task(settle(work("a"), work("b")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert log == ["a", "b"]


async def test_finalize_ends_its_work_and_only_then_is_cancelled() -> None:
    log: list[str] = []

    async def work() -> str:
        await asyncio.sleep(0.01)
        log.append("done")
        return "result"

    task = asyncio.create_task(finalize(work, lambda: log.append("told")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert log == ["told", "done"]
    assert await finalize(work) == "result"


async def test_in_order_runs_the_last_thing_after_a_failure_too() -> None:
    log: list[str] = []

    async def broken() -> None:
        raise ValueError("broken")

    async def last() -> None:
        log.append("last")

    with pytest.raises(ValueError, match="broken"):
        await in_order(broken(), last)

    assert log == ["last"]


def activity_error(cause: BaseException) -> ActivityError:
    error = ActivityError(
        "failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="w",
        activity_type="run_analysis",
        activity_id="1",
        retry_state=RetryState.TIMEOUT,
    )
    error.__cause__ = cause
    return error


def timed_out(kind: TimeoutType) -> TimeoutError:
    return TimeoutError("late", type=kind, last_heartbeat_details=[])


@pytest.mark.parametrize(
    ("cause", "code", "curable"),
    [
        (ApplicationError("refused", type="UNAVAILABLE"), ErrorCode.UNAVAILABLE, True),
        (ApplicationError("no", type="FAILED_PRECONDITION"), ErrorCode.FAILED_PRECONDITION, False),
        (ApplicationError("bug", type="KeyError"), ErrorCode.INTERNAL, True),
        (timed_out(TimeoutType.HEARTBEAT), ErrorCode.UNAVAILABLE, True),
        (timed_out(TimeoutType.START_TO_CLOSE), ErrorCode.DEADLINE_EXCEEDED, True),
    ],
)
def test_a_failure_is_one_of_our_codes(cause: Exception, code: ErrorCode, curable: bool) -> None:
    fault = failure_code(activity_error(cause))

    assert fault.code is code
    assert fault.curable is curable
    assert fault.message


def test_a_lost_host_is_told_by_its_queue_alone() -> None:
    assert is_unclaimed(activity_error(timed_out(TimeoutType.SCHEDULE_TO_START)))
    assert not is_unclaimed(activity_error(timed_out(TimeoutType.HEARTBEAT)))
    assert not is_unclaimed(ValueError())
