"""Runs of schedules on a real server: one time is one pipeline, and people hear what is new."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, ScheduleBackfill, ScheduleOverlapPolicy

from contract.errors import ErrorCode, PlatformError
from contract.ids import pipeline_workflow_id, scan_pipeline_id, scan_schedule_id
from contract.scans import LostTool, ScanComparison, ScanOrder, ScanRun, ScanState
from contract.spec import PipelineSpec
from control.schedule_reading import list_schedules, read_schedule
from control.schedules import (
    add_schedule,
    order_for,
    pause_schedule,
    remove_schedule,
    resume_schedule,
    run_now,
    update_schedule,
)
from control.stored import Stored
from tests.support.dashboard_site import browsing, operating, site_of
from tests.support.store_folder import store_in
from tests.workflows.fake_platform import PATIENCE_S, blocks
from tests.workflows.fake_scans import SCRIPTS, ScanScript

UNAVAILABLE = PlatformError(ErrorCode.UNAVAILABLE, "the worker died")


class LogOfScript:
    """What the store would tell of the runs."""

    async def scans(self, schedule: str, limit: int) -> list[ScanRun]:
        runs = SCRIPTS[schedule].runs
        return [runs[at] for at in sorted(runs, reverse=True)][:limit]


STORED: Stored = LogOfScript()  # type: ignore[assignment]


def order(name: str, **said: Any) -> ScanOrder:
    fields = {"every": "30d", "paused": True} | said
    spec = PipelineSpec.model_validate({"apps": {"root": "fleet"}, "schedule": fields})
    return order_for(spec, name, Path("/fleets/spec.yaml"), "ann@host")


async def until(met: Callable[[], Any]) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        while not (found := met()):
            await asyncio.sleep(0.02)
    return found


async def ended(script: ScanScript, pipeline_id: str) -> ScanRun:
    """The run, when all of it is recorded."""

    def run() -> ScanRun | None:
        mine = [r for r in script.runs.values() if r.pipeline_id == pipeline_id and r.ended_at]
        return mine[0] if mine else None

    return await until(run)


@pytest.fixture
async def scan(client: Client) -> AsyncIterator[tuple[str, ScanScript]]:
    """The name of a schedule, and what its runs meet; it is removed at the end."""
    name = f"s{uuid.uuid4().hex[:8]}"
    yield name, SCRIPTS[name]
    try:
        await remove_schedule(client, name, cancel=True)
    except PlatformError as error:
        assert error.code is ErrorCode.NOT_FOUND


async def test_a_second_run_is_compared_with_the_first_and_its_news_is_told(
    client: Client, scan: tuple[str, ScanScript]
):
    name, script = scan
    added = await add_schedule(client, order(name))
    one = (await run_now(client, name)).pipeline_id
    first = await ended(script, one)
    lost = LostTool(
        tool="static/bandit", apps=2, examples=("m/app1",), reason="its canary is blind"
    )
    script.against[one] = ScanComparison(
        then=one, new=2, new_critical=1, examples=("m/app1: critical sqli in a.py",), lost=(lost,)
    )
    script.untold = ("pager: 500",)
    await asyncio.sleep(1)  # the ID of a run has whole seconds
    two = (await run_now(client, name)).pipeline_id
    second = await ended(script, two)
    document = await read_schedule(client, STORED, name)

    assert (added.done, added.next) == ("added", ())
    assert first.state is second.state is ScanState.COMPLETED
    assert first.comparison == ScanComparison(
        note="nothing to compare with: no run completed before"
    )
    assert first.notices == ()
    assert second.comparison is not None
    assert (second.comparison.then, second.notices) == (
        one,
        ("NewHighFindings", "NoLongerMeasured"),
    )
    assert script.baselines == ["", one], "decisions for a run hold for the next one"
    assert second.untold == ("pager: 500",)
    told = {notice.name: notice for notice in script.told}
    assert len(script.told) == 2
    assert (
        "2 new weaknesses of severity high or worse (1 critical)" in told["NewHighFindings"].summary
    )
    assert told["NewHighFindings"].severity == "critical"
    assert (
        "static/bandit on m/app1 and 1 more: its canary is blind" in told["NoLongerMeasured"].detail
    )
    assert {notice.labels["pipeline"] for notice in script.told} == {two}
    assert two.startswith(f"{name}-20")
    assert [run.pipeline_id for run in document.runs] == [two, one]
    assert (document.paused, document.when, document.added_by) == (True, "every 30d", "ann@host")
    assert await client.get_workflow_handle(pipeline_workflow_id(two)).describe()


async def test_only_what_is_asked_for_is_told_and_a_pruned_run_is_passed_over(
    client: Client, scan: tuple[str, ScanScript]
):
    name, script = scan
    old = datetime(2026, 1, 1, 2, tzinfo=UTC)
    for days, state in ((0, "completed"), (1, "completed"), (2, "failed")):
        at = old + timedelta(days=days)
        id_ = scan_pipeline_id(name, at)
        run = ScanRun(schedule=name, scheduled_at=at, pipeline_id=id_, began_at=at, ended_at=at)
        script.runs[at] = run.model_copy(update={"state": ScanState(state)})
    first, pruned = scan_pipeline_id(name, old), scan_pipeline_id(name, old + timedelta(days=1))
    script.against = {pruned: None, first: ScanComparison(then=first, new=1, apps_gone=1)}
    await add_schedule(client, order(name, notify={"on": ["no_longer_measured"]}))
    run = await ended(script, (await run_now(client, name)).pipeline_id)

    assert run.comparison is not None
    assert run.comparison.then == first == f"{name}-20260101T0200Z"
    assert run.comparison.note == f"not in the store any more: {pruned}"
    assert [notice.name for notice in script.told] == ["NoLongerMeasured"]


async def test_a_run_that_cannot_be_planned_says_why_and_starts_nothing(
    client: Client, scan: tuple[str, ScanScript]
):
    name, script = scan
    gone = "apps.root: no such folder: /fleets/fleet"
    script.trouble = PlatformError(ErrorCode.INVALID_ARGUMENT, gone)
    await add_schedule(client, order(name))
    run = await ended(script, (await run_now(client, name)).pipeline_id)

    assert (run.state, run.reason, script.planned) == (ScanState.NOT_STARTED, gone, 1)
    assert [(notice.name, notice.severity) for notice in script.told] == [
        ("ScanFailed", "critical")
    ]
    assert gone in script.told[0].summary
    assert script.started == 0


async def test_however_often_a_start_is_broken_off_there_is_one_pipeline_of_one_plan(
    client: Client, scan: tuple[str, ScanScript]
):
    name, script = scan
    script.starts = [("before", UNAVAILABLE), ("after", UNAVAILABLE)]
    await add_schedule(client, order(name))
    id_ = (await run_now(client, name)).pipeline_id
    await until(lambda: script.planned)
    script.apps = 2  # the fleet changes while the start is tried again
    run = await ended(script, id_)
    pipelines = client.list_workflows(f"WorkflowId = '{pipeline_workflow_id(id_)}'")

    assert (run.state, run.apps) == (ScanState.COMPLETED, 1)
    assert (script.planned, script.started) == (1, 2)
    assert len([one async for one in pipelines]) == 1


async def test_one_time_is_one_pipeline_however_often_it_is_made_up_for(
    client: Client, scan: tuple[str, ScanScript]
):
    name, script = scan
    await add_schedule(client, order(name, every="1h"))
    at = datetime(2026, 11, 28, 2, tzinfo=UTC)
    policy = ScheduleOverlapPolicy.ALLOW_ALL
    made_up = ScheduleBackfill(at - timedelta(seconds=1), at + timedelta(seconds=1), policy)
    handle = client.get_schedule_handle(scan_schedule_id(name))
    for times in (1, 2):
        await handle.backfill(made_up)
        await until(lambda times=times: script.started == times)
        run = await ended(script, f"{name}-20261128T0200Z")
        await client.get_workflow_handle(f"{handle.id}-2026-11-28T02:00:00Z").result()
    pipeline = pipeline_workflow_id(run.pipeline_id)
    executions = [one async for one in client.list_workflows(f"WorkflowId = '{pipeline}'")]

    assert list(script.runs) == [at]
    assert len(executions) == 1


async def test_a_run_that_is_cancelled_cancels_its_pipeline_and_waits_for_its_report(
    client: Client, scan: tuple[str, ScanScript]
):
    name, script = scan
    script.hold = blocks(asyncio.Event())
    await add_schedule(client, order(name))
    id_ = (await run_now(client, name)).pipeline_id
    await until(lambda: script.started)
    removed = await remove_schedule(client, name, cancel=True)
    run = await ended(script, id_)

    assert (removed.cancelled, removed.still_running) == ((id_,), ())
    assert (run.state, run.comparison, script.told) == (ScanState.CANCELLED, None, [])


async def test_a_run_that_another_one_cancels_ends_before_that_one_begins(
    client: Client, scan: tuple[str, ScanScript]
):
    name, script = scan
    let_go = asyncio.Event()
    script.hold = blocks(let_go)
    await add_schedule(client, order(name, overlap="cancel_other"))
    one = (await run_now(client, name)).pipeline_id
    await until(lambda: script.started)
    await asyncio.sleep(1)  # the ID of a run has whole seconds
    await client.get_schedule_handle(scan_schedule_id(name)).trigger()
    first = await ended(script, one)
    let_go.set()
    await until(lambda: len(script.runs) == 2 and all(r.ended_at for r in script.runs.values()))
    second = script.runs[max(script.runs)]

    assert (first.state, second.state) == (ScanState.CANCELLED, ScanState.COMPLETED)
    assert first.ended_at is not None
    assert first.ended_at < second.began_at
    assert second.comparison is not None
    assert not second.comparison.then, "a cancelled run is nothing to compare with"


async def test_what_overlaps_is_refused_by_name_or_waits_by_name(
    client: Client, scan: tuple[str, ScanScript]
):
    name, script = scan
    let_go = asyncio.Event()
    script.hold = blocks(let_go)
    await add_schedule(client, order(name))
    id_ = (await run_now(client, name)).pipeline_id
    with pytest.raises(PlatformError, match=f"its run {id_} goes on") as refused:
        await run_now(client, name)
    await update_schedule(client, order(name, overlap="buffer_one", paused=False))
    still_paused = await read_schedule(client, STORED, name)
    await asyncio.sleep(1)  # the ID of a run has whole seconds
    await client.get_schedule_handle(scan_schedule_id(name)).trigger()
    waiting = ""
    while not waiting:
        waiting = (await read_schedule(client, STORED, name)).waiting
    let_go.set()
    await until(lambda: len(script.runs) == 2 and all(r.ended_at for r in script.runs.values()))

    assert refused.value.code is ErrorCode.FAILED_PRECONDITION
    assert still_paused.paused, "an update does not resume what somebody paused"
    assert waiting == f"a run waits for the end of {id_}"


async def test_times_at_which_nothing_began_are_told(client: Client, scan: tuple[str, ScanScript]):
    name, script = scan
    now = datetime.now(UTC)
    since, until = now - timedelta(seconds=55), now - timedelta(seconds=20)
    moments = {"changed_at": since, "paused_at": until}
    kept = order(name, every="10s").model_copy(update=moments)
    await add_schedule(client, kept)
    await pause_schedule(client, name, "the hall is without power")
    paused = await read_schedule(client, STORED, name)
    id_ = (await run_now(client, name)).pipeline_id
    run = await ended(script, id_)
    resumed = await resume_schedule(client, name)
    after = await read_schedule(client, STORED, name)
    async with asyncio.timeout(PATIENCE_S):  # the server's list lags
        while name not in [one.name for one in (await list_schedules(client, STORED)).schedules]:
            await asyncio.sleep(0.1)

    assert (paused.next, paused.note) == ((), "the hall is without power")
    assert len(paused.missed) in (3, 4)
    assert run.missed == paused.missed, "what passed while it was paused is not missed"
    assert all(since < at < until for at in run.missed)
    assert len(resumed.next) == 10
    assert after.missed == ()


async def test_names_and_times_that_are_wrong_are_refused(
    client: Client, scan: tuple[str, ScanScript]
):
    name, _ = scan
    said = {"every": None, "cron": "0 2 * * *", "timezone": "Europe/Berlin"}
    await add_schedule(client, order(name, **said))
    resumed = await resume_schedule(client, name)
    assert resumed.timezone == "Europe/Berlin", "its times are told as its spec means them"
    with pytest.raises(PlatformError, match=f"there is a schedule {name} already"):
        await add_schedule(client, order(name))
    with pytest.raises(PlatformError, match="no schedule nobody") as unknown:
        await pause_schedule(client, "nobody")
    unsaid = PipelineSpec.model_validate({"apps": {"root": "fleet"}})
    with pytest.raises(PlatformError, match="says no schedule"):
        order_for(unsaid, name, Path("spec.yaml"), "ann")
    large = unsaid.model_copy(update={"schedule": order(name).spec.schedule})
    apps = large.apps.model_copy(update={"models": tuple(f"{n:0100}" for n in range(3_000))})
    with pytest.raises(PlatformError, match="256 KiB"):
        order_for(large.model_copy(update={"apps": apps}), name, Path("spec.yaml"), "ann")

    assert unknown.value.code is ErrorCode.NOT_FOUND


async def test_the_dashboard_tells_of_schedules_and_changes_them(
    client: Client, scan: tuple[str, ScanScript], tmp_path: Path
):
    name, script = scan
    at = datetime(2026, 1, 1, 2, tzinfo=UTC)
    said = {"schedule": name, "scheduled_at": at, "pipeline_id": f"{name}-x", "began_at": at}
    told = ScanComparison(then=f"{name}-w", new=3)
    missed = (at - timedelta(hours=1),)
    run = ScanRun.model_validate(
        said | {"comparison": told, "state": "completed", "missed": missed}
    )
    store = await store_in(tmp_path)
    await store.put_scan(run)
    await store.close()
    await add_schedule(client, order(name, every="1h", paused=False, note="<b>all</b> shops"))

    async def connected() -> Client:
        return client

    async with operating(site_of(tmp_path, connect=connected)) as web:
        api = f"/api/v1/schedules/{name}"
        before = (await web.get(api)).json()
        paused = (await web.post(f"{api}/pause")).json()
        by_page = await web.post(f"/schedules/{name}/resume")
        begun = (await web.post(f"{api}/run")).json()
        unknown = await web.post("/api/v1/schedules/nobody/pause")
        unusable = await web.get("/api/v1/schedules/a%20b")
        async with asyncio.timeout(PATIENCE_S):  # the server's list lags
            while name not in (page := (await web.get("/schedules?done=run+schedule")).text):
                await asyncio.sleep(0.1)
            listed = (await web.get("/api/v1/schedules")).json()["schedules"]
            health = (await web.get("/api/v1/system")).json()["schedules"]
        changes = (await web.get("/api/v1/audit", params={"subject": name})).json()["changes"]
    await ended(script, begun["pipeline_id"])

    assert (before["when"], before["note"], len(before["next"])) == (
        "every 1h",
        "<b>all</b> shops",
        10,
    )
    assert before["runs"][0]["comparison"]["new"] == 3
    assert (paused["done"], paused["next"]) == ("paused", [])
    assert (by_page.status_code, by_page.headers["location"]) == (
        303,
        "/schedules?done=resume+schedule",
    )
    assert begun["pipeline_id"].startswith(f"{name}-20")
    assert (unknown.status_code, unusable.status_code) == (404, 400)
    assert "&lt;b&gt;all" in page
    assert "A run begins now." in page
    assert f'href="/compare?then={name}-w&amp;now={name}-x"' in page
    assert name in [one["name"] for one in listed]
    (mine,) = (one for one in health if one["id"] == scan_schedule_id(name))
    assert f"last run {name}-x completed" in mine["detail"]
    assert [(change["action"], change["outcome"]) for change in reversed(changes)] == [
        ("pause schedule", "done"),
        ("resume schedule", "done"),
        ("run schedule", "done"),
    ]


async def test_the_page_says_that_no_server_answers(tmp_path: Path):
    async with browsing(site_of(tmp_path)) as web:
        page = await web.get("/schedules?done=%3Cscript%3E")
        answer = await web.get("/api/v1/schedules")

    assert (page.status_code, answer.status_code) == (200, 503)
    assert "Nobody knows which there are" in page.text
