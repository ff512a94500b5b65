"""What the store knows of one app beside its record: its runs in other pipelines, its listing."""

import hashlib
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from contract.analysis import Severity
from contract.app_run import AppRun
from contract.spec import AppRef
from store.connected import Connected
from store.tables import apps, pipelines, weaknesses


class AppRuns(Connected):
    """Part of the result store."""

    async def runs_of_app(self, ref: AppRef, limit: int) -> tuple[AppRun, ...]:
        """The newest pipelines that have an app of this name, the newest first.

        Args:
            ref: names the app; its source may be another one in each pipeline.
            limit: at most so many.
        """
        listed = select(apps, pipelines.c.created_at, pipelines.c.state.label("pipeline_state"))
        both = pipelines.join(apps, pipelines.c.pipeline_id == apps.c.pipeline_id)
        newest = (
            listed.select_from(both)
            .where(*_is(ref))
            .order_by(pipelines.c.created_at.desc(), pipelines.c.pipeline_id)
        )
        async with self.reading() as connection:
            return tuple(map(_run, await connection.execute(newest.limit(limit))))

    async def listing_mark(self, pipeline_id: str, ref: AppRef) -> str:
        """A short text that is another one when the app's listed weaknesses are others.

        Empty: they are not listed.
        """
        app = select(apps.c.id, apps.c.weaknesses).where(
            apps.c.pipeline_id == pipeline_id, *_is(ref)
        )
        async with self.reading() as connection:
            row = (await connection.execute(app)).first()
            if row is None or row.weaknesses is None:
                return ""
            mine = select(weaknesses.c.body).where(weaknesses.c.app_id == row.id)
            listed = await connection.scalars(mine.order_by(weaknesses.c.ordinal))
            return hashlib.sha256("\n".join(listed).encode()).hexdigest()[:32]


def _is(ref: AppRef) -> Iterable[Any]:
    return (apps.c.target_model == ref.model, apps.c.target_app_number == ref.app_number)


def _run(row: Any) -> AppRun:
    source = (row.body.get("planned") or {}).get("source") or {}
    return AppRun(
        pipeline_id=row.pipeline_id,
        pipeline_state=row.pipeline_state,
        created_at=row.created_at,
        role=row.role,
        state=row.state or None,
        reason=row.reason,
        source_digest=str(source.get("digest") or ""),
        weaknesses=row.weaknesses,
        security=None
        if row.weaknesses is None
        else {level: getattr(row, level.value) for level in Severity},
    )
