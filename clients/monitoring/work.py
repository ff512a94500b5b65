"""How long activities wait for a slot, and how many slots of each queue are taken."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from temporalio import activity
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from clients.measures import QUEUE_WAIT_SECONDS
from telemetry.spans import exemplar


class WorkInProgress(Interceptor):
    """An interceptor for every worker of this process; its own counts are in one event loop."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._given_back: dict[str, Callable[[], int]] = {}
        self._running: Counter[str] = Counter()

    def serve(self, queue: str, size: int, given_back: Callable[[], int] | None = None) -> None:
        """Take in a queue.

        Args:
            queue: its name.
            size: how many of its activities may work at once.
            given_back: how many running ones have given their slot back.
        """
        self._sizes[queue] = size
        if given_back is not None:
            self._given_back[queue] = given_back

    def slots(self) -> dict[str, tuple[int, int]]:
        """Slots, and those that are taken, by queue."""
        return {
            queue: (size, max(0, self._running[queue] - self._back(queue)))
            for queue, size in self._sizes.items()
        }

    def _back(self, queue: str) -> int:
        given_back = self._given_back.get(queue)
        return given_back() if given_back else 0

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Called by the SDK for each worker."""
        return _Activities(next, self._running)


class _Activities(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, running: Counter[str]) -> None:
        super().__init__(next)
        self._counts = running

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        """Run one attempt."""
        info = activity.info()
        waited = info.started_time - info.current_attempt_scheduled_time
        QUEUE_WAIT_SECONDS.labels(info.task_queue).observe(
            max(0.0, waited.total_seconds()), exemplar()
        )
        self._counts[info.task_queue] += 1
        try:
            return await self.next.execute_activity(input)
        finally:
            self._counts[info.task_queue] -= 1
