"""The schedule that sweeps a host, and connecting to a server."""

import asyncio
import uuid
from datetime import timedelta

import pytest
from temporalio import activity
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from clients.temporal import connect, ensure_janitor_schedule, ensure_search_attributes
from contract.errors import ErrorCode, PlatformError
from contract.ids import TASK_QUEUE_CONTROL, task_queue_host
from contract.running import SweepReport
from tests.workflows.fake_platform import PATIENCE_S
from workflows import policies
from workflows.janitor import JanitorWorkflow


async def test_the_schedule_sweeps_its_host_at_once_and_exists_only_once(client: Client) -> None:
    host = f"h-{uuid.uuid4().hex[:8]}"
    log: list[str] = []
    done = asyncio.Event()

    @activity.defn(name="sweep_host")
    async def sweep_host() -> SweepReport:
        log.append("sweep")
        return SweepReport(removed=("pipeline/gone/m/app1",))

    @activity.defn(name="prune_host")
    async def prune_host() -> int:
        log.append("prune")
        done.set()
        return 0

    queue = task_queue_host(host)
    async with Worker(client, task_queue=queue, activities=[sweep_host, prune_host]):
        await ensure_janitor_schedule(client, host)
        async with asyncio.timeout(PATIENCE_S):
            await done.wait()
        await ensure_janitor_schedule(client, host, timedelta(hours=1))

    handle = client.get_schedule_handle(f"assay-janitor-{host}")
    spec = (await handle.describe()).schedule.spec
    await handle.delete()
    assert log[:2] == ["sweep", "prune"]
    assert [interval.every for interval in spec.intervals] == [timedelta(hours=1)]


async def test_images_are_pruned_though_the_sweep_fails(client: Client) -> None:
    host = f"h-{uuid.uuid4().hex[:8]}"
    pruned = asyncio.Event()

    @activity.defn(name="sweep_host")
    async def sweep_host() -> SweepReport:
        raise ApplicationError("volume busy", type="INTERNAL", non_retryable=True)

    @activity.defn(name="prune_host")
    async def prune_host() -> int:
        pruned.set()
        return 0

    queue = task_queue_host(host)
    async with Worker(client, task_queue=queue, activities=[sweep_host, prune_host]):
        with pytest.raises(WorkflowFailureError):
            await client.execute_workflow(
                "Janitor", host, id=f"janitor-{host}", task_queue=TASK_QUEUE_CONTROL
            )

    assert pruned.is_set()


async def test_a_host_that_nobody_serves_is_swept_no_more(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(policies.JANITOR, "schedule_to_start_timeout", timedelta(seconds=0.2))
    host = f"h-{uuid.uuid4().hex[:8]}"
    await ensure_janitor_schedule(client, host)
    handle = client.get_schedule_handle(f"assay-janitor-{host}")

    queue = f"janitor-{host}"
    runner = UnsandboxedWorkflowRunner()  # it sees the shortened policy
    async with Worker(
        client, task_queue=queue, workflows=[JanitorWorkflow], workflow_runner=runner
    ):
        await client.execute_workflow("Janitor", host, id=queue, task_queue=queue)

    with pytest.raises(RPCError) as gone:
        await handle.describe()
    assert gone.value.status is RPCStatusCode.NOT_FOUND


async def test_search_attributes_that_lack_are_made(client: Client) -> None:
    name = f"Assay{uuid.uuid4().hex[:6]}"

    await ensure_search_attributes(client, {name: "Int", "AssayModel": "Keyword"})

    known = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    assert name in known.custom_attributes


async def test_no_server_is_one_clear_error() -> None:
    with pytest.raises(PlatformError, match=r"no Temporal server answers at 127\.0\.0\.1:9;") as e:
        await connect("127.0.0.1:9")

    assert e.value.code is ErrorCode.UNAVAILABLE
