"""The result store: every write is one transaction and an upsert; repeated, it changes nothing."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analysis import AnalyzerReport
from contract.errors import ErrorCode, PlatformError
from contract.history import History
from contract.outcome import AppOutcome, SubtaskOutcome, ToolSummary
from contract.plan import AppChoice, AppEntry, AppPath, PlanHeader, PlanPage, Reopening
from contract.record import FINISHED_STATES, PipelineHead, PipelineListing, PipelineRecord
from contract.spec import AppRef, AppSpec
from store.app_runs import AppRuns
from store.connected import not_found
from store.figures import FigureHistories
from store.history import fetch_history
from store.loading import pipeline_record
from store.looking import Looking
from store.measures import measured
from store.plans import (
    add_page,
    fetch_choices,
    fetch_entries,
    fetch_header,
    fetch_paths,
    fetch_reopening,
)
from store.queries import fetch_heads, fetch_listing, fetch_outline, fetch_pipeline
from store.rows import (
    Row,
    app_row,
    ended_columns,
    pipeline_row,
    subtask_rows,
    target_of,
)
from store.scans import ScanStore
from store.searching import Searching
from store.spending import Spending
from store.subtasks import write_subtask
from store.tables import (
    apps,
    pipelines,
    revisions,
)
from store.tally import Changes, hold, recount, touch
from store.upkeep import Upkeep, unprune
from store.weaknesses import revision_now, unlist
from telemetry.spans import traced

_LATE = 1_000_000  # ordinal of an app that was recorded before any plan named it
_Found = TypeVar("_Found")


class SqlResultStore(Searching, Looking, Spending, AppRuns, FigureHistories, Upkeep, ScanStore):
    """Port `ResultStore` on SQLite or PostgreSQL. Call `store.migrate.upgrade` once before use."""

    @measured
    async def register_page(
        self, header: PlanHeader, page: PlanPage, at: datetime | None = None
    ) -> None:
        """Rows of the pipeline and of a page of its apps: all of them or none.

        A plan that only adds apps to the registered one extends it. A new pipeline was created at
        the moment `at`, or now.

        Raises:
            PlatformError: ALREADY_EXISTS when the ID stands for a different plan.
        """
        async with self.writing() as connection:
            await connection.execute(
                self.upsert(pipelines, pipeline_row(header, at or datetime.now(UTC)))
            )
            await add_page(connection, header, page)
            await unprune(connection, header.pipeline_id)

    @measured
    async def load_header(self, pipeline_id: str) -> PlanHeader:
        """The plan of a pipeline without its apps.

        Raises:
            PlatformError: NOT_FOUND; FAILED_PRECONDITION when an older version did not keep it.
        """
        async with self.reading() as connection:
            return _found(await fetch_header(connection, pipeline_id), pipeline_id)

    @measured
    async def read_apps(self, pipeline_id: str, positions: Collection[int]) -> list[AppEntry]:
        """Apps at these positions of the fleet, in order, with what is recorded of them."""
        async with self.reading() as connection:
            return await fetch_entries(connection, pipeline_id, positions)

    async def app_paths(self, pipeline_id: str) -> list[AppPath]:
        """Each app of a pipeline with the folder that it was found in; none: no such pipeline."""
        async with self.reading() as connection:
            return await fetch_paths(connection, pipeline_id)

    @measured
    async def apps_to_retry(self, pipeline_id: str, labels: Collection[str]) -> list[AppChoice]:
        """The apps that `labels` name; without labels, those that lack a measurement.

        Raises:
            PlatformError: INVALID_ARGUMENT for a label that names none; FAILED_PRECONDITION for one
                of a control app that was measured.
        """
        async with self.reading() as connection:
            return await fetch_choices(connection, pipeline_id, labels)

    async def reopening(self, pipeline_id: str, labels: Collection[str]) -> Reopening:
        """What a run needs that goes on with a closed pipeline; apps as by `apps_to_retry`.

        Raises:
            PlatformError: as `load_header` and `apps_to_retry`.
        """
        async with self.reading() as connection:
            return _found(await fetch_reopening(connection, pipeline_id, labels), pipeline_id)

    @measured
    @traced("store record_subtask")
    async def record_subtask(
        self,
        pipeline_id: str,
        app: AppSpec,
        outcome: SubtaskOutcome,
        report: AnalyzerReport | None,
        at: datetime | None = None,
    ) -> tuple[ToolSummary, ...]:
        """One row per cell, with findings and metrics; answers with all cells of the subtask now.

        They were recorded at the moment `at`, or now. `store.merging` says what is replaced. An app
        whose weaknesses are listed is unlisted if its cells change: it is run again, and listed
        when it ends.

        Raises:
            PlatformError: FAILED_PRECONDITION when the pipeline was never registered.
        """
        if app.pipeline_id != pipeline_id:
            message = f"app of pipeline {app.pipeline_id!r} recorded under {pipeline_id!r}"
            raise PlatformError(ErrorCode.INVALID_ARGUMENT, message)
        rows = await asyncio.to_thread(subtask_rows, app, outcome, report)
        rows.subtask["recorded_at"] = at or datetime.now(UTC)
        async with self.writing() as connection:
            row, changes = await self._lock_app(connection, app)
            reported = report is not None
            is_listed = row["weaknesses"] is not None
            this = pipeline_id, app.ref, row["state"]
            before = await revision_now(connection, *this) if is_listed else None
            now = await write_subtask(connection, rows, changes, row["role"], reported=reported)
            if before is not None and before != await revision_now(connection, *this):
                changes.app(row, {**row, **await unlist(connection, row["id"])})
            await changes.write(connection)
            return now

    async def record_imported(
        self, app: AppSpec, outcome: SubtaskOutcome, report: AnalyzerReport
    ) -> None:
        """Cells of tools that Assay did not run, beside those of the tools that it did run.

        Raises:
            PlatformError: FAILED_PRECONDITION when the pipeline was never registered.
        """
        rows = await asyncio.to_thread(subtask_rows, app, outcome, report)
        async with self.writing() as connection:
            row, changes = await self._lock_app(connection, app)
            await write_subtask(connection, rows, changes, row["role"], reported=True, beside=True)
            await changes.write(connection)

    @measured
    @traced("store record_app")
    async def record_app(self, app: AppSpec, outcome: AppOutcome) -> None:
        """State, reason and facts of one app; `AppFacts.of_later_run` says what is replaced."""
        async with self.writing() as connection:
            row, changes = await self._lock_app(connection, app)
            ended = ended_columns(row["body"], outcome)
            await connection.execute(update(apps).where(apps.c.id == row["id"]).values(**ended))
            changes.app(row, {**row, **ended})
            await changes.write(connection)

    @measured
    async def record_pipeline_state(
        self, pipeline_id: str, state: str, detail: Mapping[str, Any], at: datetime | None = None
    ) -> None:
        """State of the whole pipeline since `at`, or now.

        `detail` is merged into what earlier calls left. At its end the pipeline is counted anew: a
        worker of an earlier version may have written rows and not counted them.

        Raises:
            PlatformError: NOT_FOUND when the pipeline was never registered.
        """
        async with self.writing() as connection:
            this = pipelines.c.pipeline_id == pipeline_id
            old = (
                await connection.execute(select(pipelines).where(this).with_for_update())
            ).first()
            if old is None:
                raise not_found(pipeline_id)
            finished_at = None
            if state in FINISHED_STATES:
                finished_at = (old.state == state and old.finished_at) or at or datetime.now(UTC)
            new = {"state": state, "detail": {**old.detail, **detail}, "finished_at": finished_at}
            await connection.execute(update(pipelines).where(this).values(**new))
            await (recount if finished_at else touch)(connection, pipeline_id)

    @measured
    async def load_pipeline(self, pipeline_id: str) -> PipelineRecord:
        """All that the report needs, as of one moment.

        Raises:
            PlatformError: NOT_FOUND.
        """
        async with self.reading() as connection:
            rows = _found(await fetch_pipeline(connection, pipeline_id), pipeline_id)
        return await asyncio.to_thread(pipeline_record, rows)

    @measured
    async def load_apps(self, pipeline_id: str, only: Collection[AppRef]) -> PipelineRecord:
        """All that the report needs of some apps: at most 50 at once.

        Raises:
            PlatformError: NOT_FOUND.
        """
        async with self.reading() as connection:
            rows = _found(await fetch_pipeline(connection, pipeline_id, only), pipeline_id)
        return await asyncio.to_thread(pipeline_record, rows)

    @measured
    async def load_outline(self, pipeline_id: str, app: AppRef | None = None) -> PipelineRecord:
        """The pipeline and its apps in a moment; with `app`, that one alone and its cells.

        Findings, metrics and what was fused are left out.

        Raises:
            PlatformError: NOT_FOUND.
        """
        async with self.reading() as connection:
            rows = _found(await fetch_outline(connection, pipeline_id, app), pipeline_id)
        return await asyncio.to_thread(pipeline_record, rows)

    @measured
    async def probe(self) -> None:
        """Read one row.

        Raises:
            PlatformError: UNAVAILABLE when the database does not answer.
        """
        async with self.reading() as connection:
            await connection.execute(select(pipelines.c.pipeline_id).limit(1))

    async def pipeline_heads(self) -> list[PipelineHead]:
        """Every pipeline without its apps, in no order: one scan of an index."""
        async with self.reading() as connection:
            return await fetch_heads(connection)

    async def revision(self, pipeline_id: str) -> str:
        """Another text after each change of a pipeline that is recorded; empty: there is none."""
        async with self.reading() as connection:
            this = revisions.c.pipeline_id == pipeline_id
            return await connection.scalar(select(revisions.c.revision).where(this)) or ""

    @measured
    async def list_pipelines(
        self, only: Collection[str] | None = None
    ) -> tuple[PipelineListing, ...]:
        """Every pipeline, or those of these IDs, in one line each, the newest first."""
        async with self.reading() as connection:
            return await fetch_listing(connection, only)

    async def history(self) -> History:
        """What recent pipelines took."""
        async with self.reading() as connection:
            return await fetch_history(connection)

    async def _lock_app(self, connection: AsyncConnection, app: AppSpec) -> tuple[Row, Changes]:
        """The app's row, locked until the transaction ends; made if it came late."""
        await hold(connection, app.pipeline_id)
        changes = Changes(app.pipeline_id)
        query = select(apps).filter_by(**target_of(app)).with_for_update()
        found = (await connection.execute(query)).mappings().first()
        if found is None:
            made = app_row(app, _LATE)
            if (await connection.execute(self.upsert(apps, made))).rowcount > 0:
                changes.app(None, made)
            found = (await connection.execute(query)).mappings().one()
        return dict(found), changes


def _found(found: _Found | None, pipeline_id: str) -> _Found:
    if found is None:
        raise not_found(pipeline_id)
    return found
