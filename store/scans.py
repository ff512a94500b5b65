"""What came of the runs of schedules."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from contract.scans import ScanRun
from store.columns import clean_json
from store.connected import Connected
from store.scan_tables import scans


class ScanStore(Connected):
    """Keeps runs, one row for each time of a schedule. Call `store.migrate.upgrade` once before."""

    async def put_scan(self, run: ScanRun) -> None:
        """Keep a run, in place of what was kept of it before."""
        row = {
            "schedule": run.schedule,
            "scheduled_at": run.scheduled_at,
            "pipeline_id": run.pipeline_id,
            "state": run.state.value,
            "body": clean_json(run.model_dump(mode="json")),
        }
        async with self.writing() as connection:
            await connection.execute(self.upsert(scans, row, replace=True))

    async def scans(
        self, schedule: str, limit: int, before: datetime | None = None
    ) -> Sequence[ScanRun]:
        """The latest runs of a schedule, those before `before` if it is given, newest first."""
        wanted = select(scans.c.body).where(scans.c.schedule == schedule)
        if before is not None:
            wanted = wanted.where(scans.c.scheduled_at < before)
        newest = wanted.order_by(scans.c.scheduled_at.desc()).limit(limit)
        async with self.reading() as connection:
            rows = await connection.execute(newest)
            return [ScanRun.model_validate(row.body) for row in rows]
