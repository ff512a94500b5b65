"""What watches over an installation goes on with the current build, and ends though nobody does."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest_asyncio
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from clients.temporal import ensure_alerts_schedule
from clients.versioning import deployment_config, is_current
from contract.alerting import StoreFault
from contract.ids import TASK_QUEUE_CONTROL
from control.builds import build_of
from control.deployments import set_current
from tests.workflows.fake_platform import PATIENCE_S
from tests.workflows.test_versions import connected, server
from workflows import workflows_of


@pytest_asyncio.fixture(loop_scope="session")
async def client() -> AsyncGenerator[Client]:
    async with server() as env:
        yield env.client


@asynccontextmanager
async def worker(client: Client, build: str, *, looks: bool) -> AsyncGenerator[asyncio.Event]:
    """A worker of this build, whose looks for alerts fail or end at once; set when one began."""
    begun = asyncio.Event()

    @activity.defn(name="watch_alerts")
    async def watch_alerts(before: StoreFault | None) -> None:
        begun.set()
        if not looks:
            raise ApplicationError("its code is to be replaced")

    async with Worker(
        await connected(client),
        task_queue=TASK_QUEUE_CONTROL,
        workflows=workflows_of(build),
        activities=[watch_alerts],
        workflow_runner=UnsandboxedWorkflowRunner(),
        deployment_config=deployment_config("assay", build),
    ):
        yield begun


async def test_a_watch_that_began_on_a_build_that_is_gone_goes_on_with_the_current_one(
    client: Client,
) -> None:
    assert await is_current(client, "assay", "")
    async with worker(client, "A", looks=False) as begun:
        assert not await is_current(client, "assay", "A"), "nothing begins on it"
        await set_current(client, "assay", "A", wait_s=20)
        assert await is_current(client, "assay", "A")
        assert not await is_current(client, "assay", "")
        await ensure_alerts_schedule(client, timedelta(hours=1))
        async with asyncio.timeout(PATIENCE_S):
            await begun.wait()
    (watch,) = [one.id async for one in client.list_workflows("WorkflowType = 'Alerts'")]
    handle = client.get_workflow_handle(watch)

    async with worker(client, "B", looks=True):
        moved = (await set_current(client, "assay", "B", wait_s=20, force=True)).moved
        async with asyncio.timeout(PATIENCE_S):
            await handle.result()

    assert moved == (), "it went by itself"
    assert build_of(await handle.describe()) == "B"
