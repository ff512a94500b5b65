"""A slot that is given back before its activity ends, on a real server and a real worker."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    FixedSizeSlotSupplier,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkerTuner,
)

from activities.analysis import AnalysisActivities
from activities.apps import AppActivities
from activities.slots import Slots
from contract.errors import ErrorCode, PlatformError
from tests.activities.fakes import (
    APP,
    REQUEST,
    FakeArtifacts,
    FakeGateway,
    FakeRuntime,
    environment,
    given_up,
    report,
)


@workflow.defn
class OneStep:
    """Runs one activity."""

    @workflow.run
    async def run(self, name: str) -> str:
        return await workflow.execute_activity(
            "step", name, start_to_close_timeout=timedelta(seconds=30)
        )


class Steps:
    """Activities that do their work, give their slot back, and wait until they may end."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self.begun: list[str] = []
        self.gives_back: dict[str, asyncio.Event] = {}
        self.ends: dict[str, asyncio.Event] = {}

    @activity.defn(name="step")
    async def step(self, name: str) -> str:
        give_back = self._slots.once()
        self.begun.append(name)
        worked = asyncio.ensure_future(self.gives_back.setdefault(name, asyncio.Event()).wait())
        may_end = asyncio.ensure_future(self.ends.setdefault(name, asyncio.Event()).wait())
        await asyncio.wait([worked, may_end], return_when=asyncio.FIRST_COMPLETED)
        if worked.done():
            give_back()
            give_back()
        await may_end
        worked.cancel()
        return name

    async def has_begun(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.begun) < count:
                await asyncio.sleep(0.01)


class Queue:
    """One task queue with returnable slots."""

    def __init__(self, client: Client, size: int) -> None:
        self.name = f"slots-{uuid.uuid4()}"
        self.client = client
        self.slots = Slots(size)
        self.steps = Steps(self.slots)

    @asynccontextmanager
    async def works(self) -> AsyncIterator[None]:
        few = FixedSizeSlotSupplier(20)
        tuner = WorkerTuner.create_composite(
            workflow_supplier=few,
            activity_supplier=self.slots,
            local_activity_supplier=few,
            nexus_supplier=few,
        )
        async with Worker(
            self.client,
            task_queue=self.name,
            workflows=[OneStep],
            activities=[self.steps.step],
            workflow_runner=UnsandboxedWorkflowRunner(),
            tuner=tuner,
        ):
            yield

    async def ask(self, name: str) -> WorkflowHandle[OneStep, str]:
        return await self.client.start_workflow(
            OneStep.run, name, id=f"{self.name}/{name}", task_queue=self.name
        )

    def let_end(self, *names: str) -> None:
        for name in names:
            self.steps.ends.setdefault(name, asyncio.Event()).set()

    def let_give_back(self, name: str) -> None:
        self.steps.gives_back.setdefault(name, asyncio.Event()).set()


async def test_the_next_begins_when_a_slot_is_given_back_and_no_sooner(temporal_client: Client):
    queue = Queue(temporal_client, 1)
    async with queue.works():
        first = await queue.ask("first")
        await queue.steps.has_begun(1)
        second = await queue.ask("second")
        third = await queue.ask("third")
        await asyncio.sleep(0.5)  # nothing can be waited for: it must not begin
        assert len(queue.steps.begun) == 1

        queue.let_give_back(queue.steps.begun[0])
        await queue.steps.has_begun(2)
        await asyncio.sleep(0.5)
        assert len(queue.steps.begun) == 2, "the slot came back once, however often it was given"

        queue.let_end("first", "second", "third")
        done = [await handle.result() for handle in (first, second, third)]

    assert done == ["first", "second", "third"]


async def test_after_any_order_of_ends_all_slots_are_there_again(temporal_client: Client):
    queue = Queue(temporal_client, 2)
    async with queue.works():
        handles = [await queue.ask(name) for name in "abcd"]
        await queue.steps.has_begun(2)
        collecting, measuring = queue.steps.begun[:2]
        queue.let_give_back(collecting)
        await queue.steps.has_begun(3)
        queue.let_end(measuring)  # the one that measures ends before the one that collects
        await asyncio.sleep(0.3)
        assert len(queue.steps.begun) == 3, "two were at work all the time"
        queue.let_end(collecting)
        await queue.steps.has_begun(4)
        queue.let_end(*"abcd")
        for handle in handles:
            await handle.result()
        later = [await queue.ask(name) for name in "xyz"]
        await queue.steps.has_begun(6)
        await asyncio.sleep(0.3)
        assert len(queue.steps.begun) == 6, "as many as there are slots"
        queue.let_end(*"xyz")
        for handle in later:
            await handle.result()


@pytest.mark.parametrize("size", [1, 3])
async def test_a_cancelled_wait_for_a_slot_takes_none(size: int):
    slots = Slots(size)
    held = [slots.try_reserve_slot(None) for _ in range(size)]  # type: ignore[arg-type]
    assert all(held)
    waiting = [asyncio.create_task(slots.reserve_slot(None)) for _ in range(2)]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    slots.once()()
    waiting[0].cancel()
    async with asyncio.timeout(5):
        await waiting[1]
    assert slots.try_reserve_slot(None) is None  # type: ignore[arg-type]


def is_free(slots: Slots) -> bool:
    """Whether one more activity could begin; it is asked once."""
    return slots.try_reserve_slot(None) is not None  # type: ignore[arg-type]


async def test_a_finished_measurement_is_fetched_without_the_slot(tmp_path: Path):
    slots = Slots(1)
    assert is_free(slots), "the one that runs"
    gateway = FakeGateway(tmp_path, report())
    gateway.fetching = asyncio.Event()
    activities = AnalysisActivities(gateway, FakeArtifacts(gateway.log), FakeRuntime(), slots)
    run = asyncio.create_task(environment()[0].run(activities.run_analysis, REQUEST))
    async with asyncio.timeout(5):
        while not is_free(slots):
            await asyncio.sleep(0)
    assert "acknowledge" not in gateway.log

    gateway.fetching.set()

    assert (await run).report is not None
    assert not is_free(slots), "it came back once"


async def test_a_measurement_that_fails_keeps_its_slot_to_its_end(tmp_path: Path):
    slots = Slots(0)
    fault = PlatformError(ErrorCode.INTERNAL, "broken")
    gateway = FakeGateway(tmp_path, fault)
    activities = AnalysisActivities(gateway, FakeArtifacts(gateway.log), FakeRuntime(), slots)

    with pytest.raises(ApplicationError, match="broken"):
        await environment()[0].run(activities.run_analysis, REQUEST)

    assert not is_free(slots)


async def test_an_app_that_is_built_waits_for_its_answer_without_a_slot():
    slots = Slots(0)
    runtime = FakeRuntime()
    runtime.block = True
    start = AppActivities(runtime, slots).start_app
    env, _ = environment()
    run = asyncio.create_task(env.run(start, APP))
    async with asyncio.timeout(5):
        while not is_free(slots):
            await asyncio.sleep(0)
    assert not run.done()
    env.cancel(given_up("worker_shutdown"))
    with pytest.raises(asyncio.CancelledError):
        await run


async def test_a_build_that_fails_keeps_its_slot_to_its_end():
    slots = Slots(0)
    runtime = FakeRuntime()
    runtime.fault = PlatformError(ErrorCode.FAILED_PRECONDITION, "no container engine")

    with pytest.raises(ApplicationError, match="no container engine"):
        await environment()[0].run(AppActivities(runtime, slots).start_app, APP)

    assert not is_free(slots)
