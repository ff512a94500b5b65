"""What the store knows of one app beside its record: its runs in other pipelines, its listing."""

import hashlib
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import select

from contract.analysis import MeasurementState, Severity
from contract.analyzers import AnalyzerKind, Category
from contract.app_run import AppRun
from contract.record import CellState
from contract.spec import AppRef
from store.connected import Connected
from store.loading import ref_of
from store.tables import apps, cells, pipelines, weaknesses


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

    async def sample_cells(
        self, pipeline_id: str, tools: Collection[tuple[AnalyzerKind, str]]
    ) -> list[CellState]:
        """One cell of each of these tools, whichever app it is of, with what its report says of it.

        Categories of findings are not among it.
        """
        async with self.reading() as connection:
            rows = [
                (await connection.execute(_sample(pipeline_id, kind, tool))).first()
                for kind, tool in tools
            ]
        return list(map(_state, filter(None, rows)))


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


def _sample(pipeline_id: str, kind: AnalyzerKind, tool: str) -> Any:
    columns = ("target_model", "target_app_number", "analyzer", "tool", "state", "body")
    mine = (cells.c.pipeline_id == pipeline_id, cells.c.analyzer == kind, cells.c.tool == tool)
    return select(*(cells.c[name] for name in columns)).where(*mine).limit(1)


def _state(row: Any) -> CellState:
    looks_for = row.body.get("looks_for")
    return CellState(
        ref=ref_of(row),
        analyzer=AnalyzerKind(row.analyzer),
        tool=row.tool,
        state=MeasurementState(row.state),
        looks_for=None if looks_for is None else tuple(map(Category, looks_for)),
        imported=bool(row.body.get("imported")),
    )
