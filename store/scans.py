"""What came of the runs of schedules."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, func, select

from contract.scans import ScanRun
from store.columns import clean_json
from store.connected import Connected
from store.scan_tables import scans

MOST_RUNS = 1_000
"""So many runs of one schedule are kept."""
KEPT_AFTER = timedelta(days=90)
"""The runs of a removed schedule are kept for so long after the latest of them."""


class ScanStore(Connected):
    """Keeps runs, one row for each time of a schedule. Call `store.migrate.upgrade` once before."""

    async def put_scan(self, run: ScanRun) -> None:
        """Keep a run, in place of what was kept of it before; the schedule's oldest ones go."""
        row = {
            "schedule": run.schedule,
            "scheduled_at": run.scheduled_at,
            "pipeline_id": run.pipeline_id,
            "state": run.state.value,
            "body": clean_json(run.model_dump(mode="json")),
        }
        async with self.writing() as connection:
            await connection.execute(self.upsert(scans, row, replace=True))
            mine = scans.c.schedule == run.schedule
            oldest = _newest(run.schedule).offset(MOST_RUNS - 1).limit(1).scalar_subquery()
            await connection.execute(delete(scans).where(mine, scans.c.scheduled_at < oldest))

    async def scans(
        self, schedule: str, limit: int, before: datetime | None = None
    ) -> Sequence[ScanRun]:
        """The latest runs of a schedule, those before `before` if it is given, newest first."""
        newest = _newest(schedule).with_only_columns(scans.c.body).limit(limit)
        if before is not None:
            newest = newest.where(scans.c.scheduled_at < before)
        async with self.reading() as connection:
            rows = await connection.execute(newest)
            return [ScanRun.model_validate(row.body) for row in rows]

    async def forget_scans(
        self, schedules: Collection[str], now: datetime, *, remove: bool
    ) -> dict[str, int]:
        """Remove the runs of schedules that are gone and did not run for 90 days.

        Args:
            schedules: names of those that there are.
            now: the moment.
            remove: false: only tell.

        Returns:
            How many runs of each schedule went, or would go.
        """
        query = select(scans.c.schedule, func.count().label("runs")).group_by(scans.c.schedule)
        old = func.max(scans.c.scheduled_at) < now - KEPT_AFTER
        async with self.writing() as connection:
            rows = await connection.execute(query.having(old).order_by(scans.c.schedule))
            gone = {row.schedule: row.runs for row in rows if row.schedule not in schedules}
            if remove:
                for name in gone:
                    await connection.execute(delete(scans).where(scans.c.schedule == name))
        return gone


def _newest(schedule: str) -> Select[tuple[datetime]]:
    """The times of the runs of a schedule, newest first."""
    times = select(scans.c.scheduled_at).where(scans.c.schedule == schedule)
    return times.order_by(scans.c.scheduled_at.desc())
