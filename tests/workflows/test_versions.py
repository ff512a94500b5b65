"""Workers of two builds on one server: what runs stays on its build, what begins is on the current.

A server of its own: on the others, no version is ever current.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from clients.temporal import ensure_janitor_schedule
from clients.versioning import require_versioning
from contract.access import AuditEntry, AuditQuery
from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.errors import PlatformError
from control import deployments, polling, releasing
from control.builds import build_of
from control.deployments import deployment_status, move, set_current
from control.errors import NoPipelineError, StrandedError, WrongInputError
from control.pipelines import Pipeline, list_pipelines
from control.releasing import Release, Steady, keep_current
from control.steering import pause
from store.access import AccessStore
from tests.conftest import DYNAMIC_CONFIG, TEMPORAL
from tests.workflows.fake_platform import HOST, PATIENCE_S, FakePlatform, blocks, finished, workers
from workflows import search_attributes

MEASURED = MeasurementState.MEASURED
STATIC = AnalyzerKind.STATIC


@asynccontextmanager
async def server(*more: str) -> AsyncGenerator[WorkflowEnvironment]:
    values = dict(flag.split("=", 1) for flag in (*DYNAMIC_CONFIG, *more))
    flags = [part for key in values for part in ("--dynamic-config-value", f"{key}={values[key]}")]
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(TEMPORAL),
        dev_server_log_level="error",
        search_attributes=search_attributes.ALL,
        dev_server_extra_args=flags,
        data_converter=pydantic_data_converter,
    ) as env:
        yield env


@pytest_asyncio.fixture(loop_scope="session")
async def client() -> AsyncIterator[Client]:
    async with server("limit.historyCount.suggestContinueAsNew=50") as env:
        yield env.client


async def connected(client: Client) -> Client:
    """Another client of the same server: one cannot have two workers of a queue."""
    return await Client.connect(
        client.service_client.config.target_host, data_converter=pydantic_data_converter
    )


class Fleet:
    """Workers of several builds, each of which can be stopped."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._running: dict[str, AsyncExitStack] = {}

    async def start(self, build: str) -> None:
        stack = self._running[build] = AsyncExitStack()
        await stack.enter_async_context(workers(await connected(self._client), build))

    async def stop(self, *builds: str) -> None:
        for build in builds or tuple(self._running):
            await self._running.pop(build).aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def fleet(client: Client) -> AsyncIterator[Fleet]:
    fleet = Fleet(client)
    yield fleet
    await fleet.stop()


async def current(client: Client, build: str, *, force: bool = False) -> deployments.Switched:
    return await set_current(client, "assay", build, wait_s=20, force=force)


async def begun(client: Client, apps: int = 1) -> tuple[FakePlatform, asyncio.Event, Any]:
    """A pipeline whose first app is being measured until the event is set."""
    platform = FakePlatform(apps=apps, analyzers="s", parallelism=1)
    go = asyncio.Event()
    platform.runs[STATIC] = blocks(go)
    handle = await platform.start(client)
    await platform.logged("run m/app1/static")
    return platform, go, handle


async def build(handle: WorkflowHandle[Any, Any]) -> str:
    return build_of(await handle.describe())


async def test_what_runs_stays_on_its_build_and_what_begins_is_on_the_current_one(
    client: Client, fleet: Fleet
) -> None:
    await fleet.start("A")
    await current(client, "A")
    old, go, handle = await begun(client, apps=6)
    first_run = client.get_workflow_handle(handle.id, run_id=handle.result_run_id)

    await fleet.start("B")
    switched = await current(client, "B")
    new, go_on, on_b = await begun(client)
    await ensure_janitor_schedule(client, HOST)

    assert (switched.former, switched.moved) == ("A", ())
    assert [await build(h) for h in (handle, on_b)] == ["A", "B"]
    assert await build(client.get_workflow_handle(old.app_id(1))) == "A"
    assert await build(client.get_workflow_handle(new.app_id(1))) == "B"
    assert await _janitor(client) == "B"
    go.set()
    assert (await finished(handle)).counts == {MEASURED: 6}
    assert await build(first_run) == "A"
    assert old.states[-1][1]["continued_as_new"] >= 1
    assert await build(client.get_workflow_handle(handle.id)) == "B", "continued on the current one"
    listed = {one.id: one.build_id for one in await list_pipelines(client)}
    assert listed[new.id] == "B"

    status = await deployment_status(client, "assay")
    assert (status.current, status.former, status.problem) == ("B", "A", "")
    await current(client, status.former)
    third, go_too, on_a = await begun(client)
    assert [await build(h) for h in (on_a, on_b)] == ["A", "B"], "rolled back: new ones alone"
    go_on.set()
    go_too.set()
    assert [(await finished(h)).counts for h in (on_a, on_b)] == [{MEASURED: 1}] * 2
    assert third.count("run") == new.count("run") == 1


async def _janitor(client: Client) -> str:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async for one in client.list_workflows("WorkflowType = 'Janitor'"):
                if build := await _known(client, one.id):
                    return build
            await asyncio.sleep(0.1)


async def _known(client: Client, id_: str) -> str:
    return await build(client.get_workflow_handle(id_))


async def test_pipelines_of_code_that_is_gone_go_on_whether_it_had_a_version_or_not(
    client: Client, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`down`, another code, `up`: first with an Assay that did not know versions."""
    monkeypatch.setattr(polling, "ALIVE_S", 0.0)  # who is gone counts as gone at once
    await fleet.start("")
    unversioned, go, first = await begun(client, apps=2)
    await fleet.stop("")

    await fleet.start("A")
    assert (await current(client, "A", force=True)).moved == ()
    versioned, go_on, second = await begun(client, apps=2)
    go.set()
    assert (await finished(first)).counts == {MEASURED: 2}
    await fleet.stop("A")

    began = time.monotonic()
    pipeline = Pipeline(client, versioned.id)
    for ask in (pipeline.progress(), pipeline.set_parallelism(3)):
        with pytest.raises(StrandedError, match="no worker of build A") as caught:
            await ask
        assert caught.value.next_step.endswith("deployment move A")
    kept = await pause(pipeline)
    assert "no worker of build A" in kept.waits
    assert time.monotonic() - began < 15, "not after a long time-out"

    await fleet.start("B")
    began = time.monotonic()
    with pytest.raises(PlatformError, match="none of its workers asked"):
        await set_current(client, "assay", "A")
    (moved,) = (await current(client, "B", force=True)).moved
    await pipeline.resume()
    go_on.set()
    result = await finished(second)

    assert (moved.build_id, moved.pipelines) == ("A", (versioned.id,))
    assert result.counts == {MEASURED: 2}
    assert time.monotonic() - began < PATIENCE_S
    assert unversioned.count("report") == versioned.count("report") == 1
    assert await build(second) == "B"
    assert (await move(client, "assay", "A", "B")).workflows == 0, "empty already"
    with pytest.raises(WrongInputError, match="build nope of deployment assay; there are A, B"):
        await move(client, "assay", "nope", "B")
    with pytest.raises(NoPipelineError):  # only the store can tell: its code is gone, too
        await Pipeline(client, unversioned.id).snapshot()


async def test_a_release_makes_itself_current_and_who_goes_back_by_command_stays_there(
    client: Client, fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releasing, "_SOON_S", 0.1)
    store = f"sqlite+aiosqlite:///{tmp_path / 'assay.db'}"

    async def becomes_current(build: str) -> None:
        keeping = asyncio.create_task(keep_current(client, Release("assay", build, HOST, store)))
        async with asyncio.timeout(PATIENCE_S):
            while len(await _changes(store)) < 1 + (build == "B"):
                await asyncio.sleep(0.1)
        keeping.cancel()

    await fleet.start("A")
    await becomes_current("A")
    _, go, on_a = await begun(client)
    await fleet.start("B")
    await becomes_current("B")
    _, go_on, on_b = await begun(client)

    assert [await build(h) for h in (on_a, on_b)] == ["A", "B"]
    await current(client, "A")
    restarted = Release("assay", "B", HOST, store)
    assert not await releasing.look(client, restarted, Steady(0))
    assert (await deployment_status(client, "assay")).current == "A"
    go.set()
    go_on.set()
    assert [(await finished(h)).counts for h in (on_a, on_b)] == [{MEASURED: 1}] * 2
    assert [(one.who, one.outcome, one.detail) for one in await _changes(store)] == [
        ("worker", "done", "pipelines begin on build B (before: A)"),
        ("worker", "done", "pipelines begin on build A"),
    ]


async def _changes(store: str) -> list[AuditEntry]:
    if not Path(store.partition("///")[2]).exists():
        return []
    log = AccessStore.from_url(store)
    try:
        return await log.changes(AuditQuery())
    except PlatformError:
        return []  # the store is being made
    finally:
        await log.close()


async def test_what_cannot_be_current_is_said(client: Client) -> None:
    with pytest.raises(WrongInputError, match=r"said .* build X .*there are none"):
        await set_current(client, "assay", "X")

    status = await deployment_status(client, "assay")
    assert (status.current, status.versions, status.problem) == ("", (), "")


async def test_a_server_without_versions_is_named_before_a_worker_starts() -> None:
    async with server("system.enableDeploymentVersions=false") as env:
        with pytest.raises(PlatformError, match="has no Worker Versioning"):
            await require_versioning(env.client)
