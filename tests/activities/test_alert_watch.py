"""The watch goes on whatever fails, and tells each notice once though workers die."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities.alert_telling import UNADDRESSED, Outbox
from activities.alerting import AlertActivities, AlertPorts
from activities.host_telling import tell_host
from activities.store_alarm import StoreAlarm
from contract.alert import Notice, Severity
from contract.alerting import Disk, HostFacts, QueueFacts, ServerFacts
from contract.errors import ErrorCode, PlatformError
from store.alerts import AlertStore
from tests.support.new_store import new_store

FULL = Disk(of="data", free_bytes=0, size_bytes=10**12)


class Server:
    """A server, perhaps away."""

    away = False

    async def look(self) -> ServerFacts:
        if self.away:
            raise PlatformError(ErrorCode.UNAVAILABLE, "no answer")
        waits = QueueFacts(queue="assay-control", pollers=0, backlog=1, oldest_s=100)
        return ServerFacts(queues=(waits,))


class Receivers:
    """Two of them; `down` answers 500, and a worker may be killed before it notes an answer."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, bool, str]] = []
        self.down: set[str] = set()
        self.fault = ""
        self.killed = False
        self.is_rewritten = False

    async def wanting(self, severity: Severity) -> tuple[str, ...]:
        if self.fault:
            raise PlatformError(ErrorCode.INVALID_ARGUMENT, self.fault)
        return ("a", "b")

    async def repeat_s(self) -> float:
        return 3_600.0

    async def rewritten(self) -> tuple[str, ...]:
        was, self.is_rewritten = self.is_rewritten, False
        return ("a", "b") if was else ()

    async def deliver(self, receiver: str, notice: Notice) -> str:
        if receiver in self.down:
            return f"{receiver}: it answers 500"
        self.got.append((receiver, notice.name, notice.is_over, notice.id))
        if self.killed:
            raise asyncio.CancelledError
        return ""

    def told(self, receiver: str) -> list[tuple[str, bool]]:
        return [(name, is_over) for who, name, is_over, _ in self.got if who == receiver]


class Site:
    """A store, a server and receivers; each `worker` begins with nothing in memory."""

    def __init__(self, url: str) -> None:
        self.keeper = AlertStore.from_url(url)
        self.server, self.receivers = Server(), Receivers()

    def worker(self, **times: float) -> AlertActivities:
        ports = AlertPorts(keeper=self.keeper, receivers=self.receivers, server=self.server)
        return AlertActivities(ports, **{"every_s": 0.02, "rounds_s": 0.1} | times)

    async def host(self, *disks: Disk) -> None:
        facts = HostFacts(host="h", at=datetime.now(UTC), disks=disks)
        await self.keeper.tell_host(facts)

    async def rounds(self, number: int) -> None:
        for _ in range(number):
            await self.worker().round()


@pytest.fixture
async def site(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'assay.db'}"
    await new_store(url)
    site = Site(url)
    yield site
    await site.keeper.close()


async def test_each_receiver_hears_once_of_the_fault_and_once_of_its_end(site: Site) -> None:
    site.server.away = True
    await site.host(FULL)
    await site.rounds(4)
    assert site.receivers.told("a") == site.receivers.told("b") == [("DiskFull", False)]
    await site.host()
    await site.rounds(4)
    assert site.receivers.told("a") == [("DiskFull", False), ("DiskFull", True)]


async def test_a_receiver_that_is_down_keeps_nobody_else_waiting_and_loses_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.alerts._LONGEST_PAUSE_S", 0.0)
    site.server.away = True
    site.receivers.down = {"a"}
    await site.host(FULL)
    await site.rounds(2)
    await site.host()
    await site.rounds(3)
    assert site.receivers.told("b") == [("DiskFull", False), ("DiskFull", True)]
    assert [(one.receiver, one.why) for one in await site.keeper.unsent()] == [
        ("a", "a: it answers 500"),
        ("a", ""),
    ]
    site.receivers.down = set()
    await site.rounds(1)
    assert site.receivers.told("a") == [("DiskFull", False), ("DiskFull", True)]


async def test_a_receiver_whose_address_was_corrected_is_told_at_once(site: Site) -> None:
    site.server.away = True
    site.receivers.down = {"a"}
    await site.host(FULL)
    await site.rounds(2)
    (waits,) = await site.keeper.unsent()
    for _ in range(5):
        await site.keeper.told(waits, "it answers 500", datetime.now(UTC))
    site.receivers.down = set()
    await site.rounds(1)
    assert site.receivers.told("a") == []
    site.receivers.is_rewritten = True
    await site.rounds(1)
    assert site.receivers.told("a") == [("DiskFull", False)]


async def test_a_worker_that_dies_after_sending_sends_the_same_id_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.alerts._LEASE", timedelta())
    site.server.away = True
    await site.host(FULL)
    site.receivers.killed = True
    with pytest.raises(asyncio.CancelledError):
        await site.worker().round()
    site.receivers.killed = False
    await asyncio.sleep(0.1)  # what it was at beside
    await site.rounds(3)
    mine = [one for one in site.receivers.got if one[0] == "a"]
    assert 1 <= len(mine) <= 2
    assert len({one[3] for one in mine}) == 1


async def test_a_server_that_is_away_ends_no_alert(site: Site) -> None:
    await site.rounds(2)
    assert ("NoPollers", False) in site.receivers.told("a")
    site.server.away = True
    await site.rounds(4)
    assert ("NoPollers", True) not in site.receivers.told("a")


async def test_a_wrong_alerts_file_fires_and_is_told_when_it_is_right_again(site: Site) -> None:
    site.server.away = True
    site.receivers.fault = "alerts.yaml line 3: no such field"
    await site.rounds(3)
    (alert,) = await site.keeper.alerts()
    assert (alert.notice.name, alert.notice.detail) == ("AlertsFileWrong", site.receivers.fault)
    assert site.receivers.got == []
    site.receivers.fault = ""
    await site.rounds(3)
    assert await site.keeper.alerts() == ()


class Hidden:
    """The files of a store, away for a while."""

    def __init__(self, folder: Path) -> None:
        self._files = [(file, folder / f"away-{file.name}") for file in folder.glob("assay.db*")]

    def away(self) -> None:
        for file, other in self._files:
            file.rename(other)

    def back(self) -> None:
        for file, other in self._files:
            other.rename(file)


FIRES, OVER = ("StoreFailing", False), ("StoreFailing", True)


async def test_a_store_that_fails_is_told_without_it_after_two_looks_and_again(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.server.away = True
    worker, files = site.worker(), Hidden(tmp_path)
    files.away()
    await worker.round()
    files.back()
    await worker.round()
    assert site.receivers.got == [], "one look alone says nothing"
    files.away()
    site.receivers.down = {"a"}
    for _ in range(3):
        await worker.round()
    assert (site.receivers.told("a"), site.receivers.told("b")) == ([], [FIRES])
    site.receivers.down = set()
    await worker.round()
    assert site.receivers.told("a") == [FIRES], "a receiver that was away is told later"
    monkeypatch.setattr(site.receivers, "repeat_s", _never)
    await worker.round()
    assert site.receivers.told("a") == [FIRES, FIRES], "it lasts"
    files.back()
    await worker.round()
    assert OVER not in site.receivers.told("b")
    for _ in range(3):
        await worker.round()
    assert site.receivers.told("b") == [FIRES, FIRES, OVER]
    assert len({one[3] for one in site.receivers.got}) == 3, "the first, its repetition, its end"


async def _never() -> float:
    return 0.0


async def test_another_worker_goes_on_with_a_store_that_fails(site: Site, tmp_path: Path) -> None:
    """Killed: by the heartbeats of the first one. In the next watch: by the result of this one."""
    site.server.away = True
    files = Hidden(tmp_path)
    files.away()
    beats: list[object] = []
    first = begun(datetime.now(UTC))
    first.on_heartbeat = lambda *details: beats.extend(details)
    ended = await first.run(site.worker().watch_alerts)
    await asyncio.sleep(0)
    assert ended is not None
    assert site.receivers.told("a") == [FIRES]

    taken_over = begun(datetime.now(UTC), ended.model_dump(mode="json"))
    assert await taken_over.run(site.worker().watch_alerts) is not None
    assert site.receivers.told("a") == [FIRES], "not told again"
    files.back()
    assert await begun(datetime.now(UTC)).run(site.worker().watch_alerts, ended) is None
    assert site.receivers.told("a") == [FIRES, OVER]
    assert beats


@pytest.mark.parametrize(
    ("code", "message", "says"),
    [
        (ErrorCode.UNAVAILABLE, "no connection", "does not answer"),
        (ErrorCode.RESOURCE_EXHAUSTED, "disk full: free space", "the disk of the store"),
        (ErrorCode.DATA_LOSS, "malformed", "is damaged"),
    ],
)
async def test_which_fault_of_the_store_it_is_is_said(
    site: Site, code: ErrorCode, message: str, says: str
) -> None:
    alarm = StoreAlarm(site.keeper, site.receivers)
    for _ in range(2):
        await alarm.fails(PlatformError(code, message), datetime.now(UTC))
    assert alarm.fault
    assert says in alarm.fault.summary
    assert alarm.fault.detail == message


async def test_a_look_that_fails_does_not_end_the_watch(site: Site) -> None:
    looks = 0

    async def broken() -> float:
        nonlocal looks
        looks += 1
        raise ZeroDivisionError

    site.receivers.repeat_s = broken  # type: ignore[method-assign]
    await begun(datetime.now(UTC)).run(site.worker().watch_alerts)
    assert looks >= 2


def begun(at: datetime, *beats: object) -> ActivityEnvironment:
    """An attempt at an activity that was first scheduled at this time; what the last one beat."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, scheduled_time=at, heartbeat_details=beats)
    return environment


async def test_who_takes_a_watch_over_ends_when_the_first_one_would_have(site: Site) -> None:
    long_ago = datetime.now(UTC) - timedelta(minutes=29)
    async with asyncio.timeout(5):
        await begun(long_ago).run(site.worker(every_s=120, rounds_s=1_790).watch_alerts)
    assert (await site.keeper.watch()).looked_at is not None


async def test_news_are_kept_first_and_a_notice_of_one_key_is_told_once(site: Site) -> None:
    news = Notice(
        key="RunEnded/p1",
        name="RunEnded",
        severity=Severity.INFO,
        summary="two new high weaknesses",
        began_at=datetime(2026, 11, 29, tzinfo=UTC),
    )
    outbox = Outbox(site.keeper, site.receivers)
    site.server.away = True
    site.receivers.down = {"b"}
    assert await outbox.send(news) == ("b: it answers 500",)
    assert [await outbox.send(news) for _ in range(3)] == [()] * 3
    assert (site.receivers.told("a"), site.receivers.told("b")) == ([("RunEnded", False)], [])
    site.receivers.down = set()
    assert [one.receiver for one in await site.keeper.unsent()] == ["b"]


async def test_news_of_a_time_when_the_alerts_file_is_wrong_are_told_when_it_is_right(
    site: Site,
) -> None:
    news = Notice(
        key="RunEnded/p1",
        name="RunEnded",
        severity=Severity.INFO,
        summary="two new high weaknesses",
        began_at=datetime(2026, 11, 29, tzinfo=UTC),
    )
    site.server.away = True
    site.receivers.fault = "line 3"
    assert await Outbox(site.keeper, site.receivers).send(news) == ("line 3",)
    await site.rounds(1)
    (waits,) = await site.keeper.unsent()
    assert (waits.receiver, waits.why) == (UNADDRESSED, "line 3")
    assert site.receivers.got == []
    site.receivers.fault = ""
    site.receivers.is_rewritten = True
    await site.keeper.told(waits, "line 3", datetime.now(UTC))
    await site.rounds(1)
    assert site.receivers.told("a") == site.receivers.told("b") == [("RunEnded", False)]
    assert await site.keeper.unsent() == ()


async def test_a_host_is_told_again_though_the_store_was_away(site: Site, tmp_path: Path) -> None:
    class Look:
        looks, host = 0, "h"

        async def look(self, before: HostFacts | None) -> HostFacts:
            self.looks += 1
            if self.looks == 1:
                raise ZeroDivisionError
            return HostFacts(host="h", at=datetime.now(UTC))

    look = Look()
    task = asyncio.create_task(tell_host(look, site.keeper, 0.01))
    async with asyncio.timeout(5):
        while not await site.keeper.hosts():
            await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert look.looks >= 2


class Sight:
    """A host whose analyzer answers nobody since long ago."""

    host = "h"

    def __init__(self) -> None:
        self.before: list[HostFacts | None] = []

    async def look(self, before: HostFacts | None) -> HostFacts:
        self.before.append(before)
        return HostFacts(host="h", at=datetime.now(UTC))


async def restarted(site: Site) -> tuple[HostFacts | None, HostFacts]:
    """What a worker that starts knows of its host, and what it says of it."""
    sight = Sight()
    task = asyncio.create_task(tell_host(sight, site.keeper, 30))
    async with asyncio.timeout(5):
        while not sight.before or sight.before[0] == (await site.keeper.hosts() or (None,))[0]:
            await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return sight.before[0], (await site.keeper.hosts())[0]


async def test_a_worker_that_starts_goes_on_with_what_the_last_one_said_of_its_host(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    _, first = await restarted(site)
    assert first.swept_at, "the janitor has half an hour from here on"
    long_ago = now - timedelta(minutes=29)
    said = HostFacts(host="h", at=now - timedelta(minutes=1), swept_at=long_ago)
    await site.keeper.tell_host(said)
    before, after = await restarted(site)
    assert (before, after.swept_at) == (said, long_ago)

    away = said.model_copy(update={"at": now - timedelta(hours=9)})
    await site.keeper.tell_host(away)
    assert (await restarted(site))[1].swept_at >= now, "nobody was there to sweep"
    await site.keeper.tell_host(said)
    monkeypatch.setattr("activities.host_telling.swept_at", lambda host: now)
    assert (await restarted(site))[1].swept_at == now
