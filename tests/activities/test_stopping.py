"""A host that stops: all of its queues at once, within the grace of one."""

import asyncio
import time
import uuid
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from queues import at_work

GRACE_S = 0.6


@workflow.defn
class Holding:
    """One activity in a queue."""

    @workflow.run
    async def run(self, queue: str) -> None:
        """Until it is cut."""
        limit = timedelta(minutes=1)
        await workflow.execute_activity(
            "hold", queue, task_queue=queue, start_to_close_timeout=limit
        )


class Host:
    """Workers of several queues whose work lasts longer than the grace."""

    def __init__(self, client: Client, queues: int) -> None:
        self.client = client
        self.names = [f"held-{uuid.uuid4()}" for _ in range(queues)]
        self.begun: list[str] = []
        self.workers = [
            Worker(
                client,
                task_queue=name,
                workflows=[Holding],
                activities=[self.hold],
                workflow_runner=UnsandboxedWorkflowRunner(),
                graceful_shutdown_timeout=timedelta(seconds=GRACE_S),
            )
            for name in self.names
        ]

    @activity.defn(name="hold")
    async def hold(self, queue: str) -> None:
        """Work until it is cut."""
        self.begun.append(queue)
        await asyncio.Event().wait()

    async def ask(self) -> None:
        """One more piece of work for each queue."""
        for name in self.names:
            await self.client.start_workflow(
                Holding.run,
                name,
                id=str(uuid.uuid4()),
                task_queue=name,
                execution_timeout=timedelta(seconds=20),
            )

    async def stops(self) -> float:
        """Seconds that it takes to stop while every queue is busy, and is asked for more."""
        async with at_work(self.workers), asyncio.timeout(10):
            await self.ask()
            while len(self.begun) < len(self.names):
                await asyncio.sleep(0.01)
            began_s = time.monotonic()
            late = asyncio.create_task(self._ask_late())
        took_s = time.monotonic() - began_s
        await late
        return took_s

    async def _ask_late(self) -> None:
        await asyncio.sleep(0.1)
        await self.ask()


async def test_three_busy_queues_stop_as_fast_as_one_and_none_takes_work_meanwhile(
    temporal_client: Client,
):
    one, three = Host(temporal_client, 1), Host(temporal_client, 3)

    ratio = await three.stops() / await one.stops()

    assert ratio < 1.7, "one after the other it is three times as long"
    assert sorted(three.begun) == sorted(three.names), "what came later is left for other workers"
