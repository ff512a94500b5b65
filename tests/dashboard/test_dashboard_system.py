"""The system page: every part is asked, none for long, and each that is away has a next step."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from clients.temporal import ensure_janitor_schedule
from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode, PlatformError
from contract.ids import (
    TASK_QUEUE_CONTROL,
    janitor_schedule_id,
    task_queue_analyzer,
    task_queue_host,
)
from control.stored import Stored
from dashboard.site import Site
from tests.support.dashboard_site import browsing, site_of
from workflows.janitor import JanitorWorkflow


@activity.defn
async def works() -> None:
    """Something that a worker takes."""


def parts_of(health: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {part["id"]: part for part in health["parts"]}


async def asked(site: Site) -> dict[str, Any]:
    async with browsing(site) as client:
        answer = await client.get("/api/v1/system")
        page = await client.get("/system")
    assert (answer.status_code, page.status_code) == (200, 200)
    return answer.json()


async def test_an_installation_that_nothing_of_runs_says_what_to_do(tmp_path: Path):
    health = await asked(site_of(tmp_path / "data", worker_url="http://127.0.0.1:9464"))
    parts = parts_of(health)

    assert health["state"] == "away"
    assert parts["server"]["state"] == "away"
    assert parts["worker"]["facts"] == {"Metrics": "http://127.0.0.1:9464/metrics"}
    assert parts["server"]["next_step"] == "start it"
    assert parts["store"]["next_step"] == "start a worker"
    assert (parts["worker"]["state"], parts["engine"]["state"]) == ("unknown", "unknown")
    assert (health["queues"], health["schedules"], health["hosts"]) == ([], None, None)


@pytest.fixture
async def silent() -> AsyncIterator[int]:
    """A port that takes connections and says nothing."""
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    for writer in held:
        writer.close()
    server.close()


async def test_parts_that_hang_cost_less_than_two_seconds(tmp_path: Path, silent: int):
    async def hangs() -> Client:
        await asyncio.sleep(60)
        raise AssertionError

    class Hangs(Stored):
        async def pipelines(self, only: Any = None) -> Any:
            await asyncio.sleep(60)

    site = site_of(
        tmp_path,
        connect=hangs,
        stored=Hangs("postgresql://assay:secret@127.0.0.1:9/assay", in_use=lambda: False),
        engine=lambda: time.sleep(1.7) or "late",
        analyzer_urls=dict.fromkeys(AnalyzerKind, f"ws://127.0.0.1:{silent}"),
    )
    began = time.monotonic()
    async with browsing(site) as client:
        answer = await client.get("/system")
    took_s = time.monotonic() - began

    assert answer.status_code == 200
    assert answer.text.count("does not work") >= 7
    assert "secret" not in answer.text
    assert took_s < 10.0  # each of them would hang for a minute


async def test_an_engine_that_refuses_is_told_with_its_next_step(tmp_path: Path):
    def refuses() -> str:
        raise PlatformError(ErrorCode.UNAVAILABLE, "no dockerd", next_step="start dockerd")

    engine = parts_of(await asked(site_of(tmp_path, engine=refuses)))["engine"]

    assert (engine["state"], engine["detail"]) == ("away", "no dockerd")
    assert engine["next_step"] == "start dockerd"


async def test_a_store_that_is_no_database_is_told(tmp_path: Path):
    (tmp_path / "assay.db").write_text("no database" * 100)

    store = parts_of(await asked(site_of(tmp_path)))["store"]

    assert store["state"] == "away"
    assert "not a database" in store["detail"]


async def test_what_runs_is_told_by_the_server(recorded: Path, temporal_client: Client):
    async def connect() -> Client:
        return temporal_client

    host = "host-of-the-system-page"
    site = site_of(recorded, connect=connect, engine=lambda: "an engine")
    async with Worker(temporal_client, task_queue=TASK_QUEUE_CONTROL, workflows=[JanitorWorkflow]):
        await ensure_janitor_schedule(temporal_client, host)
        after = await until_told_of(site, host)
    await temporal_client.get_schedule_handle(janitor_schedule_id(host)).delete()

    parts = parts_of(after)
    assert parts["server"]["state"] == "ok"
    assert "keeps ended workflows" in parts["namespace"]["detail"]
    assert parts["store"]["facts"]["Pipelines"] == "2"
    assert parts["worker"]["state"] == "ok"
    queues = {queue["name"]: queue for queue in after["queues"]}
    assert queues[task_queue_host(host)]["pollers"] == 0
    assert queues[task_queue_host(host)]["next_step"]
    polled = [queue["asked_s"] for queue in after["queues"] if queue["pollers"]]
    assert polled
    assert all(0 <= age_s < 60 for (age_s,) in polled)
    assert " s ago; one that lives asks about once a minute" in parts["worker"]["detail"]
    (schedule,) = (one for one in after["schedules"] if one["id"].endswith(host))
    assert schedule["next_at"]
    assert host not in {one["host"] for one in after["hosts"]}  # it has a janitor, and no worker
    assert after["versions"]["Temporal server"] != "unknown"


async def test_schedules_that_the_server_does_not_list_are_not_known(
    recorded: Path, temporal_client: Client, monkeypatch: pytest.MonkeyPatch
):
    async def connect() -> Client:
        return temporal_client

    async def fails(**_: Any) -> None:
        raise RPCError("slow", RPCStatusCode.DEADLINE_EXCEEDED, b"")

    monkeypatch.setattr(temporal_client, "list_schedules", fails)
    async with browsing(site_of(recorded, connect=connect)) as client:
        health = (await client.get("/api/v1/system")).json()
        page = await client.get("/system")

    assert health["schedules"] is None
    assert parts_of(health)["schedules"]["state"] == "unknown"
    assert "Not known: the server does not list them" in page.text
    assert "None: a worker makes" not in page.text


async def test_schedules_of_others_do_not_push_hosts_out(
    recorded: Path, temporal_client: Client, monkeypatch: pytest.MonkeyPatch
):
    async def connect() -> Client:
        return temporal_client

    async def listed() -> AsyncIterator[Any]:
        others = (f"another-{number}" for number in range(60))
        for name in (*others, *map(janitor_schedule_id, ("last", "zero"))):
            yield SimpleNamespace(id=name, schedule=None, info=None)

    async def lists(**_: Any) -> AsyncIterator[Any]:
        return listed()

    monkeypatch.setattr(temporal_client, "list_schedules", lists)
    monkeypatch.setattr("control.system_server._HOSTS", 1)
    site = site_of(recorded, connect=connect)
    queues = (task_queue_host("last"), task_queue_analyzer(AnalyzerKind.DYNAMIC, "last"))
    async with AsyncExitStack() as workers, asyncio.timeout(20):
        for queue in queues:
            await workers.enter_async_context(
                Worker(temporal_client, task_queue=queue, activities=[works])
            )
        health = await asked(site)
        while {one["host"] for one in health["hosts"] or ()} != {"last"}:
            await asyncio.sleep(0.2)
            health = await asked(site)
    async with browsing(site) as client:
        page = (await client.get("/system")).text

    assert health["schedules_left_out"] == 12
    assert "The first 50, those of Assay before others; 12 more are left out." in page
    assert "The queues of 1 more host are left out." in page
    assert task_queue_host("last") in {queue["name"] for queue in health["queues"]}
    assert (len(health["schedules"]), health["schedules"][0]["id"]) == (
        50,
        janitor_schedule_id("last"),
    )


async def until_told_of(site: Site, host: str) -> dict[str, Any]:
    """What the page says when it knows the host's schedule: the server's list of them lags."""
    async with asyncio.timeout(20):
        while True:
            found = await asked(site)
            if host in str(found["schedules"]) and parts_of(found)["worker"]["state"] == "ok":
                return found
            await asyncio.sleep(0.2)
