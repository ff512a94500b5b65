"""The store of the built-in alerts: what was recorded lately, what fires, what is to be told."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.alert import Notice
from contract.alerting import (
    AlertChange,
    AnalyzerWindow,
    Delivery,
    HostFacts,
    StoredAlert,
    WatchFacts,
    Window,
)
from contract.analysis import MeasurementState
from contract.errors import ErrorCode
from store.alert_tables import alert_watch, alerts, host_facts, notices
from store.columns import clean_json, clean_text
from store.connected import Connected
from store.tables import cells, subtasks

UNSENT, SENT, GIVEN_UP = "unsent", "sent", "given_up"
_KEPT = timedelta(days=30)
_GIVE_UP = timedelta(hours=24)
_MOST_UNSENT, _MOST_TOLD = 200, 20
_LEASE = timedelta(seconds=60)
_LONGEST_PAUSE_S = 3_600.0
_HOST_KEPT = timedelta(days=7)
_ADVISORY_LOCK = 0x41535342  # one writer of alerts in a database


class AlertStore(Connected):
    """Alerts in the store of results. Call `store.migrate.upgrade` once before use."""

    async def window(self, since: datetime) -> Window:
        """What was recorded since then, by analyzer."""
        async with self.reading() as connection:
            found = await _cells(connection, since)
            tasks = await _tasks(connection, since, found)
            duplicates = await _duplicates(connection, since)
        return Window(
            since=since,
            analyzers=tuple(AnalyzerWindow(analyzer=k, **found[k]) for k in sorted(found)),
            tasks=tasks,
            duplicates=duplicates,
        )

    async def tell_host(self, facts: HostFacts) -> None:
        """Keep what a host's worker says of it, in place of what it said before."""
        row = {"host": facts.host, "at": facts.at, "facts": _json(facts)}
        async with self.writing() as connection:
            await connection.execute(self.upsert(host_facts, row, replace=True))
            old = host_facts.c.at < facts.at - _HOST_KEPT
            await connection.execute(delete(host_facts).where(old))

    async def hosts(self) -> tuple[HostFacts, ...]:
        """What each host said last, by name."""
        async with self.reading() as connection:
            rows = await connection.scalars(select(host_facts.c.facts).order_by(host_facts.c.host))
            return tuple(map(HostFacts.model_validate, rows))

    async def alerts(self) -> tuple[StoredAlert, ...]:
        """All that fire or may soon, the gravest first."""
        async with self.reading() as connection:
            found = (await _alerts(connection)).values()
        return tuple(sorted(found, key=lambda one: (one.notice.severity.rank, one.notice.key)))

    async def watch(self) -> WatchFacts:
        """When somebody last looked, and since when receivers have not got what they are to get."""
        oldest = select(notices.c.receiver, func.min(notices.c.made_at).label("since"))
        waiting = oldest.where(notices.c.state == UNSENT).group_by(notices.c.receiver)
        async with self.reading() as connection:
            looked_at = await connection.scalar(select(func.max(alert_watch.c.looked_at)))
            rows = (await connection.execute(waiting)).all()
        return WatchFacts(looked_at=looked_at, unsent_since={r.receiver: r.since for r in rows})

    async def change(
        self, now: datetime, decide: Callable[[Mapping[str, StoredAlert]], AlertChange]
    ) -> None:
        """Put alerts in place of those that are there, and what is to be told beside them.

        Both in one transaction: a worker that dies leaves both or none. A notice that is there
        already is not told again. That somebody looked is kept beside them.
        """
        async with self._alone() as connection:
            look = {"name": "alerts", "looked_at": now}
            await connection.execute(self.upsert(alert_watch, look, replace=True))
            before = await _alerts(connection)
            change = decide(before)
            gone = [key for key in before if key not in change.kept]
            if gone:
                await connection.execute(delete(alerts).where(alerts.c.key.in_(gone)))
            for key, alert in change.kept.items():
                if alert != before.get(key):
                    row = _alert_row(key, alert)
                    await connection.execute(self.upsert(alerts, row, replace=True))
            for notice, receivers in change.told:
                await self._add(connection, notice, receivers, now)
            await _forget(connection, now)

    async def add(self, notice: Notice, receivers: Sequence[str], now: datetime) -> None:
        """Keep a notice to be told."""
        async with self.writing() as connection:
            await self._add(connection, notice, receivers, now)

    async def claim(self, now: datetime) -> dict[str, tuple[Delivery, ...]]:
        """What each receiver is to be told now, in order; nobody else gets it for a minute.

        A receiver that failed is left alone until its oldest notice is due again: a notice never
        overtakes the one before it.
        """
        async with self._alone() as connection:
            due: dict[str, list[Delivery]] = {}
            waiting = set[str]()
            for row in await connection.execute(_unsent()):
                if row.receiver not in due and row.next_at > now:
                    waiting.add(row.receiver)
                if row.receiver not in waiting:
                    due.setdefault(row.receiver, []).append(_delivery(row))
            for receiver, found in due.items():
                del found[_MOST_TOLD:]
                mine = notices.c.id.in_([one.id for one in found])
                this = mine & (notices.c.receiver == receiver)
                await connection.execute(update(notices).where(this).values(next_at=now + _LEASE))
        return {receiver: tuple(found) for receiver, found in due.items()}

    async def hurry(self, receivers: Sequence[str], now: datetime) -> None:
        """Let what these receivers failed to take be due at once, but for what somebody tells."""
        waits = (notices.c.state == UNSENT) & notices.c.receiver.in_(receivers)
        query = update(notices).where(waits, notices.c.next_at > now + _LEASE)
        async with self.writing() as connection:
            await connection.execute(query.values(next_at=now))

    async def told(self, delivery: Delivery, why: str, now: datetime) -> None:
        """Keep how an attempt ended; with `why`, the receiver is asked again later, for a day."""
        attempts = delivery.attempts + 1
        pause = timedelta(seconds=min(30.0 * 2 ** min(attempts, 10), _LONGEST_PAUSE_S))
        values = {"attempts": attempts, "why": clean_text(why[:500])}
        values |= {"next_at": now + pause} if why else {"state": SENT, "ended_at": now}
        this = (notices.c.id == delivery.id) & (notices.c.receiver == delivery.receiver)
        async with self.writing() as connection:
            await connection.execute(update(notices).where(this).values(**values))

    async def unsent(self) -> tuple[Delivery, ...]:
        """What some receiver has not taken yet."""
        async with self.reading() as connection:
            return tuple(map(_delivery, await connection.execute(_unsent())))

    @asynccontextmanager
    async def _alone(self) -> AsyncGenerator[AsyncConnection]:
        """As `writing`, while nobody else reads alerts to change them; SQLite has one writer."""
        async with self.writing() as connection:
            if self.dialect == "postgresql":
                lock = text("SELECT pg_advisory_xact_lock(:key)")
                await connection.execute(lock, {"key": _ADVISORY_LOCK})
            yield connection

    async def _add(
        self, connection: AsyncConnection, notice: Notice, receivers: Sequence[str], now: datetime
    ) -> None:
        for receiver in receivers:
            row = {
                "id": notice.id,
                "receiver": receiver,
                "key": _key(notice.key),
                "state": UNSENT,
                "made_at": now,
                "next_at": now,
                "attempts": 0,
                "why": "",
                "notice": _json(notice),
            }
            await connection.execute(self.upsert(notices, row))


def _key(key: str) -> str:
    return clean_text(key[:200])


def _json(value: Notice | HostFacts) -> object:
    return clean_json(value.model_dump(mode="json"))


def _alert_row(key: str, alert: StoredAlert) -> dict[str, object]:
    values = alert.model_dump(exclude={"notice"})
    return {"key": _key(key), **values, "notice": _json(alert.notice)}


async def _alerts(connection: AsyncConnection) -> dict[str, StoredAlert]:
    rows = (await connection.execute(select(alerts))).mappings()
    return {row["key"]: StoredAlert.model_validate(dict(row)) for row in rows}


def _unsent() -> Select[Any]:
    unsent = select(notices).where(notices.c.state == UNSENT)
    return unsent.order_by(notices.c.made_at, notices.c.id).limit(20 * _MOST_UNSENT)


def _delivery(row: Any) -> Delivery:
    notice = Notice.model_validate(row.notice)
    return Delivery(
        id=row.id, receiver=row.receiver, notice=notice, attempts=row.attempts, why=row.why
    )


async def _forget(connection: AsyncConnection, now: datetime) -> None:
    """What was told long ago; and what nobody took for a day, or is too much to be told."""
    old = notices.c.ended_at < now - _KEPT
    await connection.execute(delete(notices).where(notices.c.state != UNSENT, old))
    unsent = notices.c.state == UNSENT
    over = {"state": GIVEN_UP, "ended_at": now}
    late = notices.c.made_at < now - _GIVE_UP
    await connection.execute(update(notices).where(unsent, late).values(**over))
    counted = select(notices.c.receiver, func.count().label("n")).where(unsent)
    for row in (await connection.execute(counted.group_by(notices.c.receiver))).all():
        if row.n > _MOST_UNSENT:
            mine = unsent & (notices.c.receiver == row.receiver)
            first = select(notices.c.id).where(mine).order_by(notices.c.made_at)
            oldest = list(await connection.scalars(first.limit(row.n - _MOST_UNSENT)))
            these = mine & notices.c.id.in_(oldest)
            await connection.execute(update(notices).where(these).values(**over))


async def _cells(connection: AsyncConnection, since: datetime) -> dict[str, dict[str, int]]:
    """Cells by analyzer and state, of the subtasks that were recorded since then."""
    wanted = {MeasurementState.MEASURED.value, MeasurementState.INFRA_FAILED.value}
    query = (
        select(cells.c.analyzer, cells.c.state, func.count().label("n"))
        .select_from(subtasks.join(cells, cells.c.subtask_id == subtasks.c.subtask_id))
        .where(subtasks.c.recorded_at >= since, cells.c.state.in_(wanted))
        .group_by(cells.c.analyzer, cells.c.state)
    )
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in await connection.execute(query):
        found[row.analyzer][row.state] = row.n
    return dict(found)


async def _tasks(
    connection: AsyncConnection, since: datetime, found: dict[str, dict[str, int]]
) -> int:
    """Count subtasks and those that ran out of time into `found`; how many there are."""
    query = (
        select(subtasks.c.analyzer, subtasks.c.error_code, func.count().label("n"))
        .where(subtasks.c.recorded_at >= since)
        .group_by(subtasks.c.analyzer, subtasks.c.error_code)
    )
    total = 0
    for row in await connection.execute(query):
        counts = found.setdefault(row.analyzer, {})
        counts["subtasks"] = counts.get("subtasks", 0) + row.n
        if row.error_code == ErrorCode.DEADLINE_EXCEEDED:
            counts["timeouts"] = counts.get("timeouts", 0) + row.n
        total += row.n
    return total


async def _duplicates(connection: AsyncConnection, since: datetime) -> int:
    """Rows beyond the first of one task."""
    task = ("pipeline_id", "target_model", "target_app_number", "analyzer")
    columns = [subtasks.c[name] for name in task]
    several = (
        select((func.count() - 1).label("more"))
        .where(subtasks.c.recorded_at >= since)
        .group_by(*columns)
        .having(func.count() > 1)
        .subquery()
    )
    return int(await connection.scalar(select(func.coalesce(func.sum(several.c.more), 0))) or 0)
