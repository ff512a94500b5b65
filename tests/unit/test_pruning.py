"""What `prune` removes, and what it must not."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from activities.result_cache import load_report, save_result
from clients.artifacts import FileArtifactStore
from clients.sweeping import sweep
from contract.analysis import ArtifactRef
from contract.errors import PlatformError
from control.errors import WrongInputError
from control.pruning import Choice, Served, prune
from store.results import SqlResultStore
from store.tables import pipelines
from tests.store import samples
from tests.support.new_store import new_store

NOBODY = Served(running=frozenset(), known=frozenset())
DAY_S = 86_400


class Site:
    """A data folder with pipelines, their artifacts and reports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.artifacts = FileArtifactStore(folder / "artifacts")
        self.store = SqlResultStore.from_url(f"sqlite:///{folder / 'assay.db'}")

    async def add(self, pipeline_id: str, days_ago: float, state: str = "completed") -> ArtifactRef:
        """A pipeline whose only app has one result; it ended so many days ago."""
        await samples.register(self.store, samples.plan(pipeline_id, apps=1))
        app = samples.app(1, pipeline_id)
        report = samples.report(samples.measured(findings=len(pipeline_id)))
        archive = await self.artifacts.put_bytes(pipeline_id.encode(), "static.tar")
        await save_result(self.artifacts, f"{pipeline_id}/m/app1/static", archive, report)
        outcome = samples.outcome(report, app).model_copy(update={"report": archive})
        await self.store.record_subtask(pipeline_id, app, outcome, report)
        await self.store.record_pipeline_state(pipeline_id, state, {})
        moment = datetime.now(UTC) - timedelta(days=days_ago)
        ended = {"created_at": moment, "finished_at": moment if state != "running" else None}
        async with self.store.writing() as connection:
            this = pipelines.c.pipeline_id == pipeline_id
            await connection.execute(update(pipelines).where(this).values(**ended))
        report_folder = self.folder / "reports" / pipeline_id
        report_folder.mkdir(parents=True)
        (report_folder / "report.json").write_bytes(b"{}" * 50)
        (self.folder / "imported" / pipeline_id).mkdir(parents=True)
        forms = self.folder / "exports" / pipeline_id / "csv"
        forms.mkdir(parents=True)
        (forms / "apps.csv").write_bytes(b"a,b")
        return archive

    def age(self, days: float) -> None:
        """Make every artifact so old."""
        then = time.time() - days * DAY_S
        for path in (self.folder / "artifacts").rglob("*"):
            os.utime(path, (then, then))

    async def prune(self, choice: Choice, served: Served = NOBODY, *, remove: bool = True):
        return await prune(self.store, self.folder, choice, served, remove=remove)

    async def ids(self) -> set[str]:
        return {listing.pipeline_id for listing in await self.store.list_pipelines()}


@pytest.fixture
async def site(tmp_path: Path):
    await new_store(f"sqlite:///{tmp_path / 'assay.db'}")
    site = Site(tmp_path)
    yield site
    await site.store.close()


async def test_rows_reports_and_artifacts_of_what_ended_long_ago_go(site: Site) -> None:
    old, young = await site.add("old", 90), await site.add("young", 1)
    site.age(30)

    told = await site.prune(Choice(older_than_days=60), remove=False)
    assert (told.done, await site.ids()) == (False, {"old", "young"})
    done = await site.prune(Choice(older_than_days=60))

    assert [row.pipeline_id for row in done.pipelines] == ["old"]
    assert (told.pipelines, told.artifacts) == (done.pipelines, done.artifacts)
    assert (done.pipelines[0].report_bytes, done.artifacts) == (103, 2)
    assert await site.ids() == {"young"}
    for written in ("reports", "exports", "imported"):
        assert [path.name for path in (site.folder / written).iterdir()] == ["young"]
    with pytest.raises(PlatformError, match="NOT_FOUND"):
        await site.artifacts.get(old)
    assert await site.artifacts.get(young) == b"young"
    assert (await load_report(site.artifacts, young)).tools[0].findings
    assert (await site.prune(Choice(older_than_days=60))).artifacts == 0


async def test_a_running_pipeline_never_goes(site: Site) -> None:
    await site.add("runs", 90, "running")
    await site.add("ended", 90)
    again = Served(running=frozenset({"ended"}), known=frozenset({"ended", "runs"}))

    assert (await site.prune(Choice(older_than_days=1), again)).pipelines == ()
    for named in ("runs", "ended"):
        with pytest.raises(WrongInputError, match=f"{named} has not ended"):
            await site.prune(Choice(named=(named,)), again)
    with pytest.raises(WrongInputError, match="no pipeline nowhere in the store"):
        await site.prune(Choice(named=("nowhere",)))
    assert await site.ids() == {"runs", "ended"}


async def test_results_that_are_not_recorded_yet_stay_while_their_pipeline_runs(site: Site) -> None:
    await site.add("runs", 3, "running")
    before = await site.artifacts.put_bytes(b"of an earlier pipeline", "x.log")
    site.age(10)
    unrecorded = await site.artifacts.put_bytes(b"of the running one", "x.log")
    then = time.time() - 2 * DAY_S
    os.utime(site.folder / "artifacts" / unrecorded.key, (then, then))

    assert (await site.prune(Choice())).artifacts == 1

    assert await site.artifacts.get(unrecorded)
    with pytest.raises(PlatformError, match="NOT_FOUND"):
        await site.artifacts.get(before)


async def test_no_artifact_goes_while_the_store_may_be_incomplete(site: Site) -> None:
    lost = await site.artifacts.put_bytes(b"of a pipeline that the store lost", "x.log")
    site.age(10)

    empty = await site.prune(Choice())
    await site.add("here", 1)
    site.age(10)
    partial = await site.prune(
        Choice(), Served(running=frozenset(), known=frozenset({"here", "lost"}))
    )

    assert "the store may be incomplete" in empty.stays[0]
    assert "(lost); rebuild it first" in partial.stays[0]
    assert await site.artifacts.get(lost)


async def test_a_baseline_of_another_goes_only_by_name(site: Site) -> None:
    await site.add("first", 1)
    await site.add("base", 90)
    await site.add("later", 1)
    async with site.store.writing() as connection:
        for name, baseline in (("base", "first"), ("later", "base")):
            this = pipelines.c.pipeline_id == name
            spec = {"apps": {"root": "fleet"}, "baseline": baseline}
            await connection.execute(update(pipelines).where(this).values(spec=spec))

    by_age = await site.prune(Choice(older_than_days=60))
    assert (by_age.pipelines, by_age.stays, by_age.loses) == (
        (),
        ("base: it is the baseline of later; name it to remove it",),
        (),
    )
    told = await site.prune(Choice(named=("base",)), remove=False)
    assert told.loses == (
        "later: nobody knows what is new or fixed since its baseline base; decisions for first"
        " and its baselines count no more for it",
    )
    both = await site.prune(Choice(named=("base", "later")), remove=False)
    assert both.loses == ()
    done = await site.prune(Choice(named=("base",)))
    assert ([row.pipeline_id for row in done.pipelines], done.loses) == (["base"], told.loses)


async def test_what_an_interrupted_run_left_goes_with_the_next(site: Site) -> None:
    await site.add("old", 90)
    await site.add("young", 1)
    site.age(30)
    await site.store.prune(["old"])  # it died after this

    done = await site.prune(Choice())

    assert done.artifacts == 2
    for written in ("reports", "exports", "imported"):
        assert [path.name for path in (site.folder / written).iterdir()] == ["young"]


async def test_a_result_that_is_stored_again_meanwhile_stays(site: Site, monkeypatch) -> None:
    await site.artifacts.put_bytes(b"shared", "x.log")
    site.age(10)
    rename = Path.rename

    def stored_again(path: Path, target: Path) -> Path:
        if target.name.endswith(".pruned"):
            path.touch()
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", stored_again)
    await sweep(site.folder / "artifacts", (), time.time() - DAY_S, remove=True)

    ref = await site.artifacts.put_bytes(b"other", "x.log")
    assert len(list((site.folder / "artifacts" / "sha256").glob("*/*"))) == 2
    assert await site.artifacts.get(ref) == b"other"
