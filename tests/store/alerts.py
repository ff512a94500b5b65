"""Alerts and notices as every database keeps them."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from sqlalchemy import Connection, inspect, text

from contract.alert import Notice, Severity
from contract.alerting import AlertChange, Disk, HostFacts, StoredAlert, WatchFacts
from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode
from contract.outcome import SubtaskOutcome, ToolSummary
from store.alerts import AlertStore
from store.migrate import alembic_config
from tests.store import samples

NOW = datetime(2026, 11, 29, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def notice(key: str = "ToolBlind/x", **fields) -> Notice:
    name = key.partition("/")[0]
    known = {"severity": Severity.WARNING, "summary": "blind\0", "began_at": NOW}
    return Notice(key=key, name=name, **(known | fields))


class AlertBehaviour:
    """Part of `StoreBehaviour`."""

    @pytest.fixture
    async def keeper(self, store, store_url):
        keeper = AlertStore.from_url(store_url)
        yield keeper
        await keeper.close()

    async def test_alerts_and_their_notices_are_kept_together(self, keeper):
        alert = StoredAlert(notice=notice(), firing=True, fired_at=NOW, seen=2, told_at=NOW)

        def fires(before):
            return AlertChange({"ToolBlind/x": alert}, [(alert.notice, ("a", "b"))])

        await keeper.change(NOW, fires)
        await asyncio.gather(*(keeper.change(NOW, fires) for _ in range(3)))
        (kept,) = await keeper.alerts()
        assert (kept.firing, kept.told_at, kept.notice.summary) == (True, NOW, "blind\ufffd")
        claimed = await keeper.claim(NOW)
        assert {receiver: len(found) for receiver, found in claimed.items()} == {"a": 1, "b": 1}

        def fails(before):
            raise ValueError("a defect")

        with pytest.raises(ValueError, match="a defect"):
            await keeper.change(NOW, fails)
        await keeper.change(NOW, lambda before: AlertChange({}, []))
        assert await keeper.alerts() == ()

    async def test_a_notice_is_claimed_by_one_and_never_overtakes(self, keeper):
        first, second = notice(), notice(is_over=True)
        await keeper.add(first, ["a", "b"], NOW)
        await keeper.add(second, ["a"], NOW + MINUTE)
        at = NOW + MINUTE
        both = await asyncio.gather(keeper.claim(at), keeper.claim(at))
        (claimed,) = [found for found in both if found]
        assert [one.notice.is_over for one in claimed["a"]] == [False, True]

        await keeper.told(claimed["b"][0], "", at)
        await keeper.told(claimed["a"][0], "it answers 500", at)
        assert await keeper.claim(at + timedelta(seconds=30)) == {}
        again = await keeper.claim(at + 2 * MINUTE)
        assert [(one.attempts, one.why) for one in again["a"]] == [(1, "it answers 500"), (0, "")]
        for one in again["a"]:
            await keeper.told(one, "", at)
        assert await keeper.claim(at + timedelta(hours=2)) == {}
        assert await keeper.unsent() == ()
        await keeper.add(first, ["a"], at)
        assert await keeper.unsent() == ()

    async def test_who_failed_is_hurried_and_what_somebody_tells_is_not(self, keeper):
        await keeper.add(notice(), ["a", "b", "c"], NOW)
        claimed = await keeper.claim(NOW)
        for receiver in "ac":
            late = claimed[receiver][0].model_copy(update={"attempts": 3})
            await keeper.told(late, "no answer", NOW)
        await keeper.hurry(["a", "b"], NOW + MINUTE / 2)
        assert list(await keeper.claim(NOW + MINUTE / 2)) == ["a"]

    async def test_the_watch_says_when_it_looked_and_who_waits_since_when(self, keeper):
        assert await keeper.watch() == WatchFacts()
        await keeper.add(notice(), ["a", "b"], NOW)
        await keeper.add(notice("ToolBlind/y"), ["a"], NOW + MINUTE)
        for at in (NOW + MINUTE, NOW + 2 * MINUTE):
            await keeper.change(at, lambda before: AlertChange(before, []))
        claimed = await keeper.claim(NOW + 2 * MINUTE)
        for one in (claimed["b"][0], claimed["a"][0]):
            await keeper.told(one, "", NOW + 2 * MINUTE)
        told = WatchFacts(looked_at=NOW + 2 * MINUTE, unsent_since={"a": NOW + MINUTE})
        assert await keeper.watch() == told

    async def test_what_nobody_takes_for_a_day_is_given_up(self, keeper):
        await keeper.add(notice(), ["a"], NOW)
        for number in range(250):
            await keeper.add(notice(f"ToolBlind/{number}"), ["b"], NOW + number * MINUTE)
        nothing = lambda before: AlertChange({}, [])  # noqa: E731
        await keeper.change(NOW + timedelta(hours=23), nothing)
        unsent = await keeper.unsent()
        assert sum(one.receiver == "a" for one in unsent) == 1
        assert sum(one.receiver == "b" for one in unsent) == 200
        assert unsent[-1].notice.key == "ToolBlind/249"
        await keeper.change(NOW + timedelta(hours=25), nothing)
        assert all(one.receiver == "b" for one in await keeper.unsent())

    async def test_the_window_counts_what_was_recorded_in_it(self, store, keeper):
        await samples.register(store, samples.plan(apps=3))
        report = samples.report(samples.measured(), samples.failed())
        for number, at in ((1, NOW), (2, NOW - timedelta(hours=2))):
            app = samples.app(number)
            await store.record_subtask("p1", app, samples.outcome(report, app), report, at)
        app = samples.app(3)
        late = SubtaskOutcome(
            subtask_id=app.subtask_id(AnalyzerKind.DYNAMIC),
            analyzer=AnalyzerKind.DYNAMIC,
            tools=(ToolSummary(tool="nmap", state="infra_failed", reason="late"),),
            error_code=ErrorCode.DEADLINE_EXCEEDED,
        )
        await store.record_subtask("p1", app, late, None, NOW)
        window = await keeper.window(NOW - timedelta(hours=1))
        assert (window.tasks, window.duplicates) == (2, 0)
        dynamic, static = window.analyzers
        assert (static.measured, static.infra_failed, static.subtasks) == (1, 1, 1)
        assert (dynamic.subtasks, dynamic.timeouts, dynamic.infra_failed) == (1, 1, 1)

    async def test_tasks_that_are_there_twice_are_counted_without_their_index(
        self, store, keeper, engine
    ):
        await samples.register(store, samples.plan(apps=1))
        report = samples.report(samples.measured())
        await store.record_subtask("p1", samples.app(), samples.outcome(report), report, NOW)
        async with engine.begin() as connection:
            await connection.execute(text("DROP INDEX uq_subtasks_target"))
            columns = [c["name"] for c in await connection.run_sync(_columns)]
            names = ", ".join(name for name in columns if name != "subtask_id")
            copy = f"INSERT INTO subtasks (subtask_id, {names}) SELECT 'x', {names} FROM subtasks"
            await connection.execute(text(copy))
        window = await keeper.window(NOW)
        assert (window.tasks, window.duplicates) == (2, 1)

    async def test_hosts_say_how_they_are(self, keeper):
        disk = Disk(of="data", free_bytes=1, size_bytes=2)
        for at in (NOW, NOW + MINUTE):
            await keeper.tell_host(HostFacts(host="h1", at=at, disks=(disk,)))
        (one,) = await keeper.hosts()
        assert (one.at, one.disks) == (NOW + MINUTE, (disk,))
        await keeper.tell_host(HostFacts(host="h2", at=NOW + timedelta(days=8)))
        assert [one.host for one in await keeper.hosts()] == ["h2"]

    async def test_tables_of_alerts_come_and_go_with_their_migration(self, store, keeper, engine):
        def to(connection: Connection, revision: str) -> set[str]:
            config = alembic_config()
            config.attributes["connection"] = connection
            move = command.downgrade if revision == "0009" else command.upgrade
            move(config, revision)
            return set(inspect(connection).get_table_names())

        await samples.register(store, samples.plan(apps=1))
        report = samples.report(samples.measured())
        await store.record_subtask("p1", samples.app(), samples.outcome(report), report, NOW)
        await keeper.add(notice(), ["a"], NOW)
        tables = {"alerts", "notices", "host_facts", "alert_watch"}
        async with engine.begin() as connection:
            assert not await connection.run_sync(to, "0009") & tables
            assert await connection.run_sync(to, "head") >= tables
        assert await keeper.unsent() == ()
        assert (await keeper.window(NOW)).tasks == 0
        assert len((await store.load_pipeline("p1")).cells) == 1


def _columns(connection: Connection):
    return inspect(connection).get_columns("subtasks")
