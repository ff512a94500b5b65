"""A pipeline that runs while its store is away or hangs: the rest of it goes on, and says so."""

import asyncio
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from contract.analyzers import AnalyzerKind
from contract.plan import PlanHeader, pages_of
from contract.progress import PipelinePhase, PipelineProgress
from contract.spec import AppRef, AppsSpec, PipelinePlan, PipelineSpec, PlannedApp, SourceRef
from control.errors import ServerAwayError
from control.hosts import HostsAtWork
from control.live_documents import HostQueue
from control.stored import Stored
from control.watching import Watcher
from store.results import SqlResultStore
from tests.support.store_folder import store_in, stored_in

REF = AppRef(model="m", app_number=1)


class Running:
    """A pipeline of which one more app has ended at each look."""

    ended = count(1)
    client = None

    def __init__(self, *_: object) -> None:
        pass

    async def snapshot(self) -> tuple[PipelineProgress, bool]:
        phase = PipelinePhase.RUNNING
        progress = PipelineProgress(
            pipeline_id="p", phase=phase, total=99, finished=next(self.ended), parallelism=1
        )
        return progress, True


class NoEstimate:
    """Of how long it takes nothing is known."""

    spans = ()

    def __init__(self, *_: object) -> None:
        pass

    async def of(self, _: object) -> tuple[None, str]:
        return None, "not known yet"


async def nobody(*_: object) -> HostsAtWork:
    """No host is known."""
    return HostsAtWork()


async def connected() -> Any:
    """A server that is never asked."""


async def away() -> Any:
    """No server."""
    raise ServerAwayError("the Temporal server does not answer", next_step="start it")


@pytest.fixture
async def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stored:
    """One pipeline with one app, whose server answers."""
    monkeypatch.setattr("control.watching.Pipeline", Running)
    monkeypatch.setattr("control.watching.Estimate", NoEstimate)
    monkeypatch.setattr("control.watching.hosts_at_work", nobody)
    store = await store_in(tmp_path)
    app = PlannedApp(ref=REF, source=SourceRef(path="/fleet/m/app1", digest="d"))
    spec = PipelineSpec(apps=AppsSpec(root="fleet"), analyzers=(AnalyzerKind.STATIC,))
    plan = PipelinePlan(pipeline_id="p", spec=spec, apps=(app,))
    await store.register_page(PlanHeader.of(plan), pages_of(plan)[0])
    await store.close()
    return stored_in(tmp_path)


async def test_a_store_that_stays_away_leaves_the_progress_of_the_server(
    stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("control.watching._SELDOM_S", -1.0)
    watcher = Watcher(connected, stored, "p")
    before = await watcher.look()
    for path in tmp_path.glob("assay.db*"):
        path.rename(path.with_name(f"aside-{path.name}"))
    gone = [await watcher.look() for _ in range(2)]
    for path in tmp_path.glob("aside-*"):
        path.rename(path.with_name(path.name.removeprefix("aside-")))
    after = await watcher.look()

    first = before.finished
    assert [one.finished for one in (*gone, after)] == [first + 1, first + 2, first + 3]
    assert all("store is gone" in one.store_away and not one.away for one in gone)
    assert all(one.cells == before.cells for one in gone)
    assert after.store_away == ""


async def test_cells_are_not_told_before_it_is_known_which_tools_are_void(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise ServerAwayError("the store went away", next_step="wait")

    monkeypatch.setattr("control.watching.void_tools", fails)

    seen = await Watcher(connected, stored, "p").look()

    assert (seen.cells, seen.store_away) == ((), "the store went away")


async def test_store_and_server_are_asked_at_once(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, revision, snapshot = asyncio.Barrier(2), SqlResultStore.revision, Running.snapshot

    async def store_waits(store: SqlResultStore, pipeline_id: str) -> str:
        await both.wait()
        return await revision(store, pipeline_id)

    async def server_waits(pipeline: Running) -> tuple[PipelineProgress, bool]:
        await both.wait()
        return await snapshot(pipeline)

    monkeypatch.setattr(SqlResultStore, "revision", store_waits)
    monkeypatch.setattr(Running, "snapshot", server_waits)

    seen = await Watcher(connected, stored, "p").look()

    assert (seen.away, seen.store_away) == ("", "")
    assert seen.started_at is not None


async def test_what_comes_late_comes_beside_and_delays_no_look(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, asked = asyncio.Event(), count()

    async def hosts_late(*_: object) -> HostsAtWork:
        next(asked)
        await goes_on.wait()
        return HostsAtWork((HostQueue(host="h", queue="apps"),), left_out=3)

    monkeypatch.setattr("control.watching.hosts_at_work", hosts_late)
    monkeypatch.setattr("control.watching._BESIDE_S", 0.01)
    watcher = Watcher(connected, stored, "p")
    before = [await watcher.look() for _ in range(3)]
    times = next(asked)
    goes_on.set()
    async with asyncio.timeout(10):
        while (after := await watcher.look()).hosts is None:
            await asyncio.sleep(0.01)

    assert [one.hosts for one in before] == [None] * 3
    assert len({one.finished for one in before}) == 3, "the rest goes on"
    assert times == 1, "one question at a time"
    assert [host.host for host in after.hosts or ()] == ["h"]
    assert (before[0].hosts_left_out, after.hosts_left_out) == (0, 3)


async def test_a_store_that_hangs_is_told_and_asked_again_when_it_has_answered(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("control.watching._STORE_PATIENCE_S", 0.1)
    goes_on, asked, revision = asyncio.Event(), count(), SqlResultStore.revision

    async def hangs(store: SqlResultStore, pipeline_id: str) -> str:
        next(asked)
        await goes_on.wait()
        return await revision(store, pipeline_id)

    watcher = Watcher(connected, stored, "p")
    monkeypatch.setattr(SqlResultStore, "revision", hangs)
    hung = [await watcher.look() for _ in range(3)]
    times = next(asked)
    goes_on.set()
    async with asyncio.timeout(10):
        while (after := await watcher.look()).store_away:
            await asyncio.sleep(0.01)

    assert {one.store_away for one in hung} == {"the store does not answer in time"}
    assert len({one.finished for one in hung}) == 3, "the server goes on"
    assert times == 1, "one question at a time"
    assert after.started_at is not None
