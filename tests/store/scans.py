"""Runs of schedules, as every database keeps them."""

from datetime import UTC, datetime, timedelta

from alembic import command
from sqlalchemy import Connection, inspect

from contract.scans import LostTool, ScanComparison, ScanRun, ScanState
from store.migrate import alembic_config

TWO = datetime(2026, 1, 2, 2, tzinfo=UTC)


def run(days: int, schedule: str = "nightly") -> ScanRun:
    at = TWO + timedelta(days=days)
    lost = LostTool(tool="static/bandit", apps=1, reason="blind\0")
    return ScanRun(
        schedule=schedule,
        scheduled_at=at,
        pipeline_id=f"{schedule}-{days}",
        began_at=at,
        comparison=ScanComparison(then="p0", lost=(lost,)),
        missed=(at - timedelta(hours=1),),
    )


class ScanBehaviour:
    """Part of `StoreBehaviour`."""

    async def test_the_table_of_runs_comes_and_goes_with_its_migration(self, store, engine):
        def to(connection: Connection, move, revision: str) -> set[str]:
            config = alembic_config()
            config.attributes["connection"] = connection
            move(config, revision)
            return set(inspect(connection).get_table_names())

        await store.put_scan(run(0))
        async with engine.begin() as connection:
            assert "scans" not in await connection.run_sync(to, command.downgrade, "0009")
            assert "scans" in await connection.run_sync(to, command.upgrade, "head")
        assert await store.scans("nightly", 9) == []

    async def test_one_time_of_a_schedule_is_one_run_that_is_replaced(self, store):
        for days in (0, 2, 1):
            await store.put_scan(run(days))
        await store.put_scan(run(5, schedule="weekly"))
        ended = run(2).model_copy(update={"state": ScanState.COMPLETED, "ended_at": TWO})
        await store.put_scan(ended)
        found = await store.scans("nightly", 9)
        earlier = await store.scans("nightly", 1, TWO + timedelta(days=2))

        assert [each.pipeline_id for each in found] == ["nightly-2", "nightly-1", "nightly-0"]
        assert (found[0].state, found[0].ended_at) == (ScanState.COMPLETED, TWO)
        assert found[0].comparison.lost[0].reason == "blind\ufffd"
        assert [each.pipeline_id for each in earlier] == ["nightly-1"]
        assert await store.scans("nobody", 9) == []

    async def test_the_oldest_runs_of_a_schedule_go_and_so_do_those_of_one_that_is_gone(
        self, store, monkeypatch
    ):
        monkeypatch.setattr("store.scans.MOST_RUNS", 3)
        await store.put_scan(run(-400, "weekly"))
        for days in (4, 0, 3, 1, 2):
            await store.put_scan(run(days))
        await store.put_scan(run(0))  # one that was tried again late
        kept = [each.pipeline_id for each in await store.scans("nightly", 9)]
        assert kept == ["nightly-4", "nightly-3", "nightly-2"]
        assert len(await store.scans("weekly", 9)) == 1, "those of another schedule stay"

        now = TWO + timedelta(days=90)
        assert await store.forget_scans({"weekly"}, now, remove=True) == {}
        assert await store.forget_scans((), now, remove=False) == {"weekly": 1}
        assert await store.forget_scans((), now, remove=True) == {"weekly": 1}
        assert await store.scans("weekly", 9) == []
        assert len(await store.scans("nightly", 9)) == 3, "its latest run is not so long ago"
