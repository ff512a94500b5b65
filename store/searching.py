"""What is asked of a store's weaknesses: pages of them, counts, and decisions about them."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import delete, select

from contract.analyzers import AnalyzerKind
from contract.cells import CellsPage, CellsQuery, ToolSeen
from contract.errors import ErrorCode, PlatformError
from contract.findings import FindingsPage, FindingsQuery, StoredSuppression
from contract.journal import RecordedApp
from contract.overview import PipelineOverview
from contract.record import CellState, Revision
from contract.role import AppRole
from contract.spec import AppRef
from contract.weakness import Suppression, Weakness
from store.bulk import prepared, record_new
from store.columns import clean_text
from store.connected import Connected, not_found
from store.counting import fetch_overview
from store.grid import fetch_cells_page, fetch_role
from store.measures import measured
from store.paging import fetch_page
from store.rows import Row
from store.states import fetch_seen, stream_states
from store.tables import pipelines, suppressions
from store.weaknesses import put_weaknesses

_TEXTS = ("fingerprint", "rule", "path", "app", "who", "why")


class Searching(Connected):
    """Part of the result store."""

    @measured
    async def replace_weaknesses(
        self,
        pipeline_id: str,
        app: AppRef,
        weaknesses: Sequence[Weakness] | None,
        made_of: Revision | None = None,
    ) -> None:
        """List the weaknesses of one app, gravest first, in place of those listed before.

        Args:
            pipeline_id: of the pipeline.
            app: whose they are.
            weaknesses: all of them; None: they cannot be listed, and the app counts as unlisted.
            made_of: the record that they were made of. If the app has another one meanwhile,
                nothing changes: whoever wrote it lists its weaknesses. None: any record.

        Raises:
            PlatformError: NOT_FOUND: there is no such app.
        """
        async with self.writing() as connection:
            if not await put_weaknesses(connection, pipeline_id, app, weaknesses, made_of):
                message = f"no app {app.label!r} of pipeline {pipeline_id!r} in the store"
                raise PlatformError(ErrorCode.NOT_FOUND, message)

    async def record_new(self, pipeline_id: str, recorded: Sequence[RecordedApp]) -> None:
        """Write all that was recorded of these registered apps, for imports: many times faster.

        Raises:
            PlatformError: FAILED_PRECONDITION: one of them is not registered, or recorded already.
        """
        rows = await asyncio.to_thread(prepared, recorded)
        async with self.writing() as connection:
            await record_new(connection, pipeline_id, recorded, rows)

    @measured
    async def findings_page(self, query: FindingsQuery) -> FindingsPage:
        """One page of the weaknesses that `query` wants.

        Raises:
            PlatformError: NOT_FOUND: there is no such pipeline; INVALID_ARGUMENT: its cursor is
                none.
        """
        async with self.reading() as connection:
            this = pipelines.c.pipeline_id == query.pipeline_id
            if await connection.scalar(select(pipelines.c.pipeline_id).where(this)) is None:
                raise not_found(query.pipeline_id)
            return await fetch_page(connection, query)

    async def tools_seen(
        self, pipeline_id: str, tools: Iterable[tuple[AnalyzerKind, str]]
    ) -> list[ToolSeen]:
        """What these tools say of themselves; those that have a cell."""
        async with self.reading() as connection:
            return await fetch_seen(connection, pipeline_id, tools)

    @measured
    async def overview(self, pipeline_id: str) -> PipelineOverview:
        """The pipeline in counts.

        Raises:
            PlatformError: NOT_FOUND.
        """
        async with self.reading() as connection:
            found = await fetch_overview(connection, pipeline_id)
        if found is None:
            raise not_found(pipeline_id)
        return found

    async def revision_of_role(self, pipeline_id: str, role: AppRole) -> Revision:
        """Another one after each change of the cells of the apps of one role: there are few."""
        async with self.reading() as connection:
            return await fetch_role(connection, pipeline_id, role)

    async def cells_page(self, query: CellsQuery) -> CellsPage:
        """Some apps of a pipeline with their cells, in the order of the plan.

        Raises:
            PlatformError: NOT_FOUND: there is no such pipeline; INVALID_ARGUMENT: its cursor is
                none.
        """
        async with self.reading() as connection:
            found = await fetch_cells_page(connection, query)
        if found is None:
            raise not_found(query.pipeline_id)
        return found

    async def cells_overview(self, pipeline_id: str) -> AsyncGenerator[list[CellState]]:
        """The states of all cells, some apps at a time; all cells of an app come together."""
        async with self.reading() as connection:
            async for states in stream_states(connection, pipeline_id):
                yield states

    async def suppress(self, pipeline_id: str, decision: Suppression) -> bool:
        """Keep a decision for a pipeline; False: it was there like this already.

        A decision about the same weaknesses is replaced.
        """
        key = _key(pipeline_id, decision)
        until = decision.until.isoformat() if decision.until else None
        row: Row = {"key": key, "pipeline_id": pipeline_id, **_texts(decision), "until": until}
        async with self.writing() as connection:
            this = select(suppressions).where(suppressions.c.key == key)
            old = (await connection.execute(this)).first()
            if old is not None and _decision(old) == decision:
                return False
            row["decided_at"] = datetime.now(UTC)
            await connection.execute(self.upsert(suppressions, row, replace=True))
            return True

    async def unsuppress(self, pipeline_id: str, decision: Suppression) -> bool:
        """Forget the decision about the same weaknesses; False: there is none."""
        this = suppressions.c.key == _key(pipeline_id, decision)
        async with self.writing() as connection:
            return (await connection.execute(delete(suppressions).where(this))).rowcount > 0

    async def suppressions(self, pipeline_ids: Collection[str]) -> list[StoredSuppression]:
        """The decisions that were kept for these pipelines, expired ones too."""
        table = suppressions.c
        mine = table.pipeline_id.in_(pipeline_ids)
        query = select(suppressions).where(mine).order_by(table.decided_at, table.key)
        async with self.reading() as connection:
            return list(map(_stored, await connection.execute(query)))


def _texts(decision: Suppression) -> dict[str, str]:
    return {name: clean_text(getattr(decision, name)) for name in _TEXTS}


def _key(pipeline_id: str, decision: Suppression) -> str:
    texts = _texts(decision)
    named = [pipeline_id, *(texts[name] for name in ("fingerprint", "rule", "path", "app"))]
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()


def _stored(row: Any) -> StoredSuppression:
    return StoredSuppression(
        pipeline_id=row.pipeline_id, suppression=_decision(row), decided_at=row.decided_at
    )


def _decision(row: Any) -> Suppression:
    until = date.fromisoformat(row.until) if row.until else None
    return Suppression(**{name: getattr(row, name) for name in _TEXTS}, until=until)
