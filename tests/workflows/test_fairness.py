"""Two pipelines on one host, whose queue gives one slot: who waits for whom.

Servers of their own, with fairness and without: one cannot switch it while it runs.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import median
from typing import NamedTuple

import pytest
from temporalio.client import Client

from cli.stack.supervision import DYNAMIC_CONFIG as OF_THE_STACK
from contract.analysis import MeasurementState, SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.ids import task_queue_analyzer
from contract.outcome import SubtaskOutcome
from contract.priority import PipelinePriority
from control.pipelines import Pipeline
from control.prioritising import change_priority
from tests.workflows.fake_platform import (
    HOST,
    PATIENCE_S,
    FakePlatform,
    blocks,
    finished,
    measured,
    workers,
)
from tests.workflows.test_versions import server
from workflows.pipeline import PipelineWorkflow

STATIC = AnalyzerKind.STATIC
RUN_S = 0.05
_WHOLE = "limit.historyCount.suggestContinueAsNew=4096"
FAIR = "matching.enableFairness=true"


class Begun(NamedTuple):
    """A measurement that got its slot."""

    pipeline: str
    at: float


class Host:
    """One slot for static analysis; notes whose turn came when."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.turns: list[Begun] = []
        self.go = asyncio.Event()

    async def queued(
        self, apps: int, priority: PipelinePriority = PipelinePriority.NORMAL
    ) -> FakePlatform:
        """A pipeline all of whose apps wait for the slot."""
        platform = FakePlatform(apps=apps, analyzers="s", parallelism=apps, priority=priority)
        holds = blocks(self.go)

        async def run(request: SubtaskRequest) -> SubtaskOutcome:
            self.turns.append(Begun(platform.id, time.monotonic()))
            await holds(request)
            await asyncio.sleep(RUN_S)
            return measured(request)

        platform.runs[STATIC] = run
        await platform.start(self.client)
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*(self._waits(platform, n) for n in range(1, apps + 1)))
        return platform

    async def _waits(self, platform: FakePlatform, number: int) -> None:
        handle = self.client.get_workflow_handle(platform.app_id(number))
        while True:
            try:
                if (await handle.describe()).raw_description.pending_activities:
                    return
            except Exception:
                pass
            await asyncio.sleep(0.05)

    async def work_off(self, *platforms: FakePlatform) -> float:
        """Let go, wait for the end of all of them; when that began."""
        began = time.monotonic()
        self.go.set()
        for platform in platforms:
            handle = self.client.get_workflow_handle_for(
                PipelineWorkflow.run, f"pipeline/{platform.id}"
            )
            result = await finished(handle)
            assert result.counts == {MeasurementState.MEASURED: len(platform.plan.apps)}
        return began

    def order(self, **names: FakePlatform) -> str:
        """Whose turn came, a letter each."""
        letters = {platform.id: name for name, platform in names.items()}
        return "".join(letters[turn.pipeline] for turn in self.turns)

    def waits(self, platform: FakePlatform, since: float) -> list[float]:
        """How long each of its apps waited for its slot, in seconds."""
        return [turn.at - since for turn in self.turns if turn.pipeline == platform.id]


@asynccontextmanager
async def host(*flags: str) -> AsyncGenerator[Host]:
    async with AsyncExitStack() as stack:
        client = (await stack.enter_async_context(server(_WHOLE, *flags))).client
        slots = {task_queue_analyzer(STATIC, HOST): 1}
        await stack.enter_async_context(workers(client, slots=slots))
        yield Host(client)


@pytest.mark.parametrize("fair", [True, False], ids=["fair", "unfair"])
async def test_a_small_pipeline_does_not_wait_for_a_large_one_and_an_urgent_one_overtakes(
    fair: bool,
) -> None:
    async with host(*([FAIR] if fair else [])) as one:
        a = await one.queued(30)
        b = await one.queued(5)
        c = await one.queued(3, PipelinePriority.URGENT)
        began = await one.work_off(a, b, c)

    order = one.order(A=a, B=b, C=c)
    whole = max(one.waits(a, began))
    assert order[:4] == "ACCC", "what ran went on, then the urgent one"
    if fair:
        assert order.rindex("B") < 16, order
        assert median(one.waits(b, began)) < whole / 2
    else:
        assert order == "ACCC" + 29 * "A" + 5 * "B"
        assert median(one.waits(b, began)) > whole


async def test_a_pipeline_that_becomes_urgent_overtakes_with_all_that_waits() -> None:
    async with host(FAIR) as one:
        a = await one.queued(8)
        b = await one.queued(4)
        assert await change_priority(one.client, b.id, PipelinePriority.URGENT) == 4
        progress, _ = await Pipeline(one.client, b.id).snapshot()
        assert progress.priority is PipelinePriority.URGENT
        await one.work_off(a, b)

    assert one.order(A=a, B=b) == "A" + 4 * "B" + 7 * "A", "what waited already, too"


def test_the_local_stack_has_fairness_switched_on() -> None:
    assert FAIR in OF_THE_STACK
    assert "matching.numTaskqueueWritePartitions=1" in OF_THE_STACK, "order is per partition"
