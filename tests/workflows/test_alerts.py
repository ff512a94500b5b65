"""What the server says to the alerts, and the schedule that looks."""

import asyncio
import uuid
from contextlib import suppress
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from clients.server_look import ServerWatch
from clients.temporal import ensure_alerts_schedule, ensure_janitor_schedule
from contract.ids import ALERTS_SCHEDULE_ID, janitor_schedule_id, task_queue_host
from contract.limits import ALERTS_LIMIT
from contract.running import SweepReport
from tests.workflows.fake_platform import PATIENCE_S


@workflow.defn(name="Wedged")
class Wedged:
    """Its code fails, and so does its task, for ever."""

    @workflow.run
    async def run(self) -> None:
        raise ZeroDivisionError


async def test_a_workflow_whose_code_fails_is_told_with_its_cause(client: Client) -> None:
    name = f"wedged-{uuid.uuid4().hex[:8]}"
    runner = UnsandboxedWorkflowRunner()
    async with Worker(client, task_queue=name, workflows=[Wedged], workflow_runner=runner):
        handle = await client.start_workflow("Wedged", id=name, task_queue=name)
        async with asyncio.timeout(PATIENCE_S):
            while name not in (told := await ServerWatch(client).look()).wedged_named.values():
                await asyncio.sleep(0.1)
        await handle.terminate()
    (cause,) = [cause for cause, one in told.wedged_named.items() if one == name]
    assert cause == "WorkflowTaskFailedCauseWorkflowWorkerUnhandledFailure"
    assert told.breakers is not None


async def test_queues_of_hosts_and_their_janitors_are_told(client: Client) -> None:
    host = f"h-{uuid.uuid4().hex[:8]}"
    swept = asyncio.Event()

    @activity.defn(name="sweep_host")
    async def sweep_host() -> SweepReport:
        return SweepReport()

    @activity.defn(name="prune_host")
    async def prune_host() -> int:
        swept.set()
        return 0

    queue = task_queue_host(host)
    async with Worker(client, task_queue=queue, activities=[sweep_host, prune_host]):
        await ensure_janitor_schedule(client, host)
        async with asyncio.timeout(PATIENCE_S):
            await swept.wait()
            while True:
                told = await ServerWatch(client).look()
                known = {one.host: one for one in told.janitors}
                if host in known:
                    break
                await asyncio.sleep(0.1)
    await client.get_schedule_handle(f"assay-janitor-{host}").delete()
    pollers = {one.queue: one.pollers for one in told.queues}
    assert pollers[queue] == 1
    assert pollers[f"assay-start-{host}"] == 0
    assert {one.host for one in told.queues if one.queue.endswith(host)} == {host}
    assert {one.host for one in told.queues if not one.queue.endswith(host)} & {host} == set()
    assert not known[host].paused


async def test_the_schedule_begins_one_watch_at_once_whoever_makes_it(client: Client) -> None:
    for _ in range(2):
        await ensure_alerts_schedule(client, timedelta(hours=1))
    handle = client.get_schedule_handle(ALERTS_SCHEDULE_ID)
    async with asyncio.timeout(PATIENCE_S):
        while not (told := await handle.describe()).info.running_actions:
            await asyncio.sleep(0.05)
    await handle.delete()
    assert [one.every for one in told.schedule.spec.intervals] == [timedelta(hours=1)]
    (watch,) = told.info.running_actions
    assert watch.workflow_id.startswith(ALERTS_SCHEDULE_ID)
    running = client.get_workflow_handle(watch.workflow_id)
    described = await running.describe()
    assert described.workflow_type == "Alerts"
    # One that no worker goes on with ends, or no watch would ever begin again.
    limit = described.raw_description.execution_config.workflow_execution_timeout
    assert limit.ToTimedelta() == ALERTS_LIMIT
    await running.terminate()


async def test_what_an_operator_paused_stays_paused_when_a_worker_starts(client: Client) -> None:
    host = f"h-{uuid.uuid4().hex[:8]}"
    await ensure_alerts_schedule(client, timedelta(hours=1))
    await ensure_janitor_schedule(client, host, timedelta(hours=1))
    for id_ in (ALERTS_SCHEDULE_ID, janitor_schedule_id(host)):
        handle = client.get_schedule_handle(id_)
        await handle.pause(note="an operator works here")
        begun = (await handle.describe()).info.num_actions
        await ensure_alerts_schedule(client, timedelta(hours=2))
        await ensure_janitor_schedule(client, host, timedelta(hours=2))
        told = await handle.describe()
        state = told.schedule.state
        assert (state.paused, state.note) == (True, "an operator works here")
        assert told.info.num_actions == begun
        assert [one.every for one in told.schedule.spec.intervals] == [timedelta(hours=2)]
        await handle.delete()
    await end_watches(client)


async def end_watches(client: Client) -> None:
    """End what the schedule began: no worker here does what a watch asks for."""
    running = "ExecutionStatus = 'Running' AND WorkflowType = 'Alerts'"
    async for watch in client.list_workflows(running):
        with suppress(RPCError):  # it has ended meanwhile
            await client.get_workflow_handle(watch.id).terminate()
