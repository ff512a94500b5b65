"""Record the histories that `test_replay.py` replays: `python -m tests.replay.record NAME...`.

Record anew only with a change that is meant to break old histories; after any other change the old
ones must still replay, and a new stage adds a history of its own.

`python -m tests.replay.record --release` records all of them once more for the version that
`pyproject.toml` names, as the last step before it is released. They are what its users' pipelines
look like: the next release must replay them, and does not record them anew.
"""

import asyncio
import gzip
import json
import sys
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowFailureError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from contract import plan
from contract.analyzers import AnalyzerKind
from contract.attempt import PAUSED
from contract.errors import ErrorCode, PlatformError
from contract.running import AppCheck
from contract.spec import BreakerSpec
from control.starting import start_again
from tests.conftest import DYNAMIC_CONFIG, TEMPORAL
from tests.replay.kept import HISTORIES, pyproject_version, release_folder
from tests.workflows.fake_platform import (
    FakePlatform,
    blocks,
    fails,
    finished,
    gone,
    one_by_one,
    planned,
    workers,
)
from tests.workflows.fake_scans import SCRIPTS
from tests.workflows.test_pipeline_runs import build_fails
from tests.workflows.test_roles_of_apps import CONTROL, fails_once_on, fleet
from tests.workflows.test_scheduled_scans import order as scan_order
from workflows import policies, search_attributes
from workflows.scheduled_scan import ScheduledScanWorkflow
from workflows.state import PipelineRun

RELEASE = "--release"


async def main() -> None:
    """Run a few pipelines on a fresh server and keep what they did."""
    policies.SILENCE_PAUSES = (timedelta(milliseconds=50),)
    flags = [part for flag in DYNAMIC_CONFIG for part in ("--dynamic-config-value", flag)]
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(TEMPORAL),
        search_attributes=search_attributes.ALL,
        dev_server_extra_args=flags,
    ) as env:
        client = await Client.connect(
            env.client.service_client.config.target_host,
            namespace=env.client.namespace,
            data_converter=pydantic_data_converter,
            identity="recorder",
        )
        async with workers(client):
            await _measured(client)
            await _failures(client)
            await _cancelled(client)
            await _breakers(client)
            await _long(client)
            await _terminated(client)
            await _held(client)
            await _gone(client)
            await _built_ahead(client)
            await _pages(client)
            await _retried(client)
            await _with_added_apps(client)
            await _scheduled(client)
            await asyncio.sleep(0.3)


async def _measured(client: Client) -> None:
    platform = FakePlatform(apps=1, analyzers="sdpa")
    await platform.run(client)
    await _keep(client, platform, "measured")


async def _failures(client: Client) -> None:
    platform = FakePlatform(apps=3, analyzers="sdp")
    platform.starts[1] = build_fails
    dead = AppCheck(alive=False, reason="exited with 137")
    platform.alive[2] = [AppCheck(alive=True), dead, dead]
    platform.runs[AnalyzerKind.STATIC] = fails("INVALID_ARGUMENT")
    await platform.run(client)
    for number, name in ((1, "build-failed"), (2, "died")):
        await _save(client, platform.app_id(number), f"app-{name}")


async def _cancelled(client: Client) -> None:
    platform = FakePlatform(apps=2, analyzers="sd", parallelism=1)
    platform.runs[AnalyzerKind.DYNAMIC] = blocks(asyncio.Event())
    handle = await platform.start(client)
    await platform.logged("run m/app1/dynamic")
    await handle.signal("pause")
    await handle.signal("resume")
    await handle.cancel()
    try:
        await finished(handle)
    except WorkflowFailureError:
        await _keep(client, platform, "cancelled")


async def _breakers(client: Client) -> None:
    breaker = BreakerSpec(probe_interval_s=0.1, wait_limit_s=0.5)
    platform = FakePlatform(apps=4, analyzers="sd", breaker=breaker, parallelism=1)
    platform.down[AnalyzerKind.DYNAMIC] = "connection refused"
    platform.runs[AnalyzerKind.STATIC] = fails("UNAVAILABLE")
    await platform.run(client)
    await _keep(client, platform, "breakers")


async def _long(client: Client) -> None:
    platform = FakePlatform(apps=16, analyzers="s")
    handle = await platform.start(client)
    await handle.execute_update("set_parallelism", 5)
    await finished(handle)
    await _save(client, handle.id, "pipeline-continued")


async def _terminated(client: Client) -> None:
    platform = FakePlatform(apps=1, analyzers="d")
    go = asyncio.Event()
    platform.runs[AnalyzerKind.DYNAMIC] = blocks(go)
    await platform.start(client)
    await platform.logged("run m/app1/dynamic")
    await client.get_workflow_handle(platform.app_id(1)).terminate()
    await platform.logged("teardown")
    go.set()
    guard = f"{platform.app_id(1)}/guard"
    await client.get_workflow_handle(guard).result()
    await _save(client, guard, "guard-torn-down")


async def _held(client: Client) -> None:
    """Paused while a tool run and a build wait in their queues, then resumed."""
    platform = FakePlatform(apps=1, analyzers="sd")
    platform.queue = asyncio.Event()
    handle = await platform.start(client)
    await platform.logged("queue", 2)
    await handle.signal("pause")
    child = client.get_workflow_handle(platform.app_id(1))
    while not (await (await child.describe()).memo()).get(PAUSED):
        await asyncio.sleep(0.02)
    platform.queue.set()
    await platform.logged("held", 2)
    await handle.signal("resume")
    await finished(handle)
    await _save(client, child.id, "app-held")


async def _gone(client: Client) -> None:
    """Silent, dead in a queue, killed under a load test, killed after it: begun again each time."""
    platform = FakePlatform(apps=1, analyzers="dp")
    alive = AppCheck(alive=True)
    silent = AppCheck(alive=False, silent=True, reason="app does not answer")
    exited = AppCheck(alive=False, reason="app exited with 1")
    killed = AppCheck(alive=False, killed=True, reason="app exited with 137")
    platform.alive[1] = [silent, alive, alive, alive, alive, killed]
    runs = (gone(exited), gone(silent), gone(killed, begun=True))
    platform.runs[AnalyzerKind.PERFORMANCE] = one_by_one(*runs)
    await platform.run(client)
    await _save(client, platform.app_id(1), "app-gone")


async def _built_ahead(client: Client) -> None:
    """One is measured, two are built meanwhile: one of them in vain."""
    platform = FakePlatform(apps=3, analyzers="sd", parallelism=1)
    go = asyncio.Event()
    platform.runs[AnalyzerKind.DYNAMIC] = blocks(go)
    platform.prepares[3] = build_fails
    handle = await platform.start(client)
    await platform.logged("run m/app1/dynamic")
    await platform.logged("build", 3)
    go.set()
    await finished(handle)
    await _save(client, handle.id, "pipeline-built-ahead")
    await _save(client, platform.app_id(2), "app-built-ahead")
    await _save(client, platform.app_id(3), "app-build-failed-ahead")


async def _pages(client: Client) -> None:
    """A plan of three pages, which are small here."""
    plan.PAGE_APPS, whole_page = 2, plan.PAGE_APPS
    platform = FakePlatform(apps=5, analyzers="s")
    await platform.run(client)
    plan.PAGE_APPS = whole_page
    await _save(client, f"pipeline/{platform.id}", "pipeline-of-pages")


async def _retried(client: Client) -> None:
    """An app is added, another one retried while it runs, and both after the end."""
    platform = FakePlatform(apps=2, analyzers="sd", parallelism=1)
    go = asyncio.Event()
    static = AnalyzerKind.STATIC
    platform.runs[static] = one_by_one(fails("PERMISSION_DENIED"), blocks(go), fails("INTERNAL"))
    handle = await platform.start(client)
    await platform.logged("run m/app2/static")
    await handle.execute_update("retry_failed", [])
    await handle.execute_update("add_apps", [planned("n", 7)])
    go.set()
    await finished(handle)
    await _save(client, handle.id, "pipeline-retried")
    again = PipelineRun.again(platform.reopening("n/app7"), ["n/app7"])
    await finished(await start_again(client, again))
    await _save(client, handle.id, "pipeline-reopened")


async def _with_added_apps(client: Client) -> None:
    """A scaffold, a control app that the platform fails at first, subjects, a repeat."""
    platform = fleet()
    platform.runs[AnalyzerKind.STATIC] = fails_once_on(CONTROL)
    handle = await platform.start(client)
    await finished(handle)
    await _save(client, handle.id, "pipeline-with-added-apps")
    again = PipelineRun.again(platform.reopening())
    await finished(await start_again(client, again))
    await _save(client, handle.id, "pipeline-with-added-apps-reopened")


async def _scheduled(client: Client) -> None:
    """Runs of schedules: one that completes, one that cannot be planned, one that is cancelled."""
    for name in ("completed", "not-started", "cancelled"):
        script = SCRIPTS[name]
        if name == "not-started":
            script.trouble = PlatformError(ErrorCode.INVALID_ARGUMENT, "no such folder")
        if name == "cancelled":
            script.hold = blocks(asyncio.Event())
        handle = await client.start_workflow(
            ScheduledScanWorkflow.run,
            scan_order(name),
            id=f"scan-{name}",
            task_queue="assay-control",
        )
        if name == "cancelled":
            while not script.started:
                await asyncio.sleep(0.02)
            await handle.cancel()
            with suppress(WorkflowFailureError):
                await handle.result()
        else:
            await handle.result()
        await _save(client, handle.id, f"scan-{name}")


async def _keep(client: Client, platform: FakePlatform, name: str) -> None:
    await _save(client, f"pipeline/{platform.id}", f"pipeline-{name}")
    await _save(client, platform.app_id(1), f"app-{name}")


async def _save(client: Client, workflow_id: str, name: str) -> None:
    wanted = [argument for argument in sys.argv[1:] if argument != RELEASE]
    if wanted and name not in wanted:
        return
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    events = _scrubbed(json.loads(history.to_json()))
    if RELEASE in sys.argv:
        folder = release_folder(pyproject_version())
        folder.mkdir(parents=True, exist_ok=True)
        packed = gzip.compress(json.dumps(events).encode(), mtime=0)
        (folder / f"{name}.json.gz").write_bytes(packed)
    else:
        (HISTORIES / f"{name}.json").write_text(json.dumps(events, indent=1) + "\n")


def _scrubbed(value: Any) -> Any:
    """Without stack traces: they are not replayed, and name the recording machine's folders."""
    if isinstance(value, dict):
        return {k: _scrubbed(v) for k, v in value.items() if k != "stackTrace"}
    return [_scrubbed(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    asyncio.run(main())
