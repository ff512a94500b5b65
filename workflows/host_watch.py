"""Watches over the host of a running live subtask, and says when a measurement begins anew."""

import asyncio
from collections.abc import Awaitable, Callable

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from contract.outcome import SubtaskOutcome
    from contract.running import AppCheck
    from workflows import policies
    from workflows.planning import Loss


class Again(Exception):
    """The measurement begins anew, on an app that is started anew if need be; nobody is blamed."""

    def __init__(self, loss: Loss | None = None) -> None:
        super().__init__()
        self.loss = loss or Loss()


class HostLost(Again):
    """Nobody serves the queue of the app's host any more; `before`: what was lost already."""

    def __init__(self, before: Loss | None = None) -> None:
        super().__init__((before or Loss()).plus(Loss(causes=("HOST_LOST",))))


async def watched(
    work: workflow.ActivityHandle[SubtaskOutcome], look: Callable[[], Awaitable[AppCheck]]
) -> SubtaskOutcome:
    """Await `work` while its host lives; the subtask is ended before this returns or raises.

    Whether the app lives is the activity's to see: from here a subtask that waits in its queue
    looks like one that runs.
    """
    every_s = policies.HOST_WATCH.total_seconds()
    try:
        while True:
            await workflow.wait([work], timeout=every_s)
            if work.done():
                return work.result()
            await look()
    except (HostLost, asyncio.CancelledError, ActivityError) as exc:
        if work.done():
            raise
        if isinstance(exc, ActivityError) and not is_cancelled_exception(exc):
            # The watch itself failed: a check that errs is no proof of a lost host.
            return await work
        work.cancel()
        await _ended(work)
        raise


async def _ended(work: workflow.ActivityHandle[SubtaskOutcome]) -> None:
    try:
        await work
    except (asyncio.CancelledError, ActivityError) as exc:
        if not is_cancelled_exception(exc):
            workflow.logger.warning("a subtask ended badly", extra={"cause": str(exc)})
