"""The result store: every write is one transaction and an upsert; repeated, it changes nothing."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Row as SqlRow
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.analysis import AnalyzerReport, MeasurementState
from contract.errors import ErrorCode, PlatformError
from contract.history import History
from contract.outcome import AppOutcome, SubtaskOutcome, ToolSummary
from contract.plan import AppChoice, AppEntry, PlanHeader, PlanPage, Reopening
from contract.record import FINISHED_STATES, PipelineListing, PipelineRecord
from contract.spec import AppRef, AppSpec
from store.connected import not_found
from store.history import fetch_history
from store.loading import pipeline_record
from store.merging import fused_beside, fused_together, replaced
from store.plans import add_page, fetch_choices, fetch_entries, fetch_header, fetch_reopening
from store.queries import fetch_listing, fetch_outline, fetch_pipeline
from store.rows import (
    SubtaskRows,
    app_row,
    ended_columns,
    pipeline_row,
    subtask_rows,
    target_of,
)
from store.searching import Searching
from store.spending import Spending
from store.tables import (
    apps,
    cells,
    findings,
    fused_findings,
    is_imported,
    metrics,
    pipelines,
    subtasks,
)
from store.upkeep import Upkeep, unprune

_LATE = 1_000_000  # ordinal of an app that was recorded before any plan named it
_Found = TypeVar("_Found")


class SqlResultStore(Searching, Spending, Upkeep):
    """Port `ResultStore` on SQLite or PostgreSQL. Call `store.migrate.upgrade` once before use."""

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

    async def load_header(self, pipeline_id: str) -> PlanHeader:
        """The plan of a pipeline without its apps.

        Raises:
            PlatformError: NOT_FOUND; FAILED_PRECONDITION when an older version did not keep it.
        """
        async with self.reading() as connection:
            return _found(await fetch_header(connection, pipeline_id), pipeline_id)

    async def read_apps(self, pipeline_id: str, positions: Collection[int]) -> list[AppEntry]:
        """Apps at these positions of the fleet, in order, with what is recorded of them."""
        async with self.reading() as connection:
            return await fetch_entries(connection, pipeline_id, positions)

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

    async def record_subtask(
        self, pipeline_id: str, app: AppSpec, outcome: SubtaskOutcome, report: AnalyzerReport | None
    ) -> tuple[ToolSummary, ...]:
        """One row per cell, with findings and metrics; answers with all cells of the subtask now.

        `store.merging` says what is replaced.

        Raises:
            PlatformError: FAILED_PRECONDITION when the pipeline was never registered.
        """
        if app.pipeline_id != pipeline_id:
            message = f"app of pipeline {app.pipeline_id!r} recorded under {pipeline_id!r}"
            raise PlatformError(ErrorCode.INVALID_ARGUMENT, message)
        rows = await asyncio.to_thread(subtask_rows, app, outcome, report)
        async with self.writing() as connection:
            await self._lock_app(connection, app)
            await _write_subtask(connection, rows, reported=report is not None)
            return await _cells_now(connection, outcome.subtask_id)

    async def record_imported(
        self, app: AppSpec, outcome: SubtaskOutcome, report: AnalyzerReport
    ) -> None:
        """Cells of tools that Assay did not run, beside those of the tools that it did run.

        Raises:
            PlatformError: FAILED_PRECONDITION when the pipeline was never registered.
        """
        rows = await asyncio.to_thread(subtask_rows, app, outcome, report)
        async with self.writing() as connection:
            await self._lock_app(connection, app)
            await _write_subtask(connection, rows, reported=True, beside=True)

    async def record_app(self, app: AppSpec, outcome: AppOutcome) -> None:
        """State, reason and facts of one app; `AppFacts.of_later_run` says what is replaced."""
        async with self.writing() as connection:
            row = await self._lock_app(connection, app)
            ended = ended_columns(row.body, outcome)
            await connection.execute(update(apps).where(apps.c.id == row.id).values(**ended))

    async def record_pipeline_state(
        self, pipeline_id: str, state: str, detail: Mapping[str, Any], at: datetime | None = None
    ) -> None:
        """State of the whole pipeline since `at`, or now.

        `detail` is merged into what earlier calls left.

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

    async def load_pipeline(self, pipeline_id: str) -> PipelineRecord:
        """All that the report needs, as of one moment.

        Raises:
            PlatformError: NOT_FOUND.
        """
        async with self.reading() as connection:
            rows = _found(await fetch_pipeline(connection, pipeline_id), pipeline_id)
        return await asyncio.to_thread(pipeline_record, rows)

    async def load_apps(self, pipeline_id: str, only: Collection[AppRef]) -> PipelineRecord:
        """All that the report needs of some apps: at most 50 at once.

        Raises:
            PlatformError: NOT_FOUND.
        """
        async with self.reading() as connection:
            rows = _found(await fetch_pipeline(connection, pipeline_id, only), pipeline_id)
        return await asyncio.to_thread(pipeline_record, rows)

    async def load_outline(self, pipeline_id: str, app: AppRef | None = None) -> PipelineRecord:
        """The pipeline and its apps in a moment; with `app`, that one alone and its cells.

        Findings, metrics and what was fused are left out.

        Raises:
            PlatformError: NOT_FOUND.
        """
        async with self.reading() as connection:
            rows = _found(await fetch_outline(connection, pipeline_id, app), pipeline_id)
        return pipeline_record(rows)

    async def probe(self) -> None:
        """Read one row.

        Raises:
            PlatformError: UNAVAILABLE when the database does not answer.
        """
        async with self.reading() as connection:
            await connection.execute(select(pipelines.c.pipeline_id).limit(1))

    async def list_pipelines(self) -> tuple[PipelineListing, ...]:
        """Every pipeline in one line each, the newest first."""
        async with self.reading() as connection:
            return await fetch_listing(connection)

    async def history(self) -> History:
        """What recent pipelines took."""
        async with self.reading() as connection:
            return await fetch_history(connection)

    async def _lock_app(self, connection: AsyncConnection, app: AppSpec) -> SqlRow[Any, Any]:
        """ID and body of the app's row, locked until the transaction ends; made if it came late."""
        await connection.execute(self.upsert(apps, app_row(app, _LATE)))
        query = select(apps.c.id, apps.c.body).filter_by(**target_of(app)).with_for_update()
        return (await connection.execute(query)).one()


async def _write_subtask(
    connection: AsyncConnection, rows: SubtaskRows, *, reported: bool, beside: bool = False
) -> None:
    """Put `rows` in place of what they supersede; the caller holds the lock on the app.

    With `beside` they supersede the cells of their own tools alone.
    """
    key = {"subtask_id": rows.subtask["subtask_id"]}
    known = select(cells.c.tool, cells.c.state, is_imported().label("imported")).filter_by(**key)
    before: dict[str, MeasurementState] = {}
    imported: set[str] = set()
    for tool, state, of_log in await connection.execute(known):
        if not of_log or beside:
            before[tool] = MeasurementState(state)
        elif state == MeasurementState.MEASURED:
            imported.add(tool)  # no outcome of ours says anything of it
    replacement = replaced(rows, before, reported=reported)
    this = subtasks.c.subtask_id == key["subtask_id"]
    kept = {"subtask_id": rows.subtask["subtask_id"]} if beside else rows.subtask
    if (await connection.execute(update(subtasks).where(this).values(**kept))).rowcount == 0:
        await connection.execute(insert(subtasks), rows.subtask)
    superseded = replacement.gone
    if beside:
        superseded &= {cell["tool"] for cell in rows.cells}
    gone = (cells.c.subtask_id == key["subtask_id"]) & cells.c.tool.in_(superseded)
    await connection.execute(delete(cells).where(gone))
    await _insert_cells(connection, replacement.rows)
    if reported:
        old = select(fused_findings).filter_by(**key).order_by(fused_findings.c.ordinal)
        bodies = [row.body for row in await connection.execute(old)]
        merge = fused_beside if beside else fused_together
        fused = merge(rows, bodies, replacement.measured_before | imported)
        await connection.execute(
            delete(fused_findings).where(fused_findings.c.subtask_id == key["subtask_id"])
        )
        if fused:
            await connection.execute(insert(fused_findings), [{**key, **row} for row in fused])


async def _cells_now(connection: AsyncConnection, subtask_id: str) -> tuple[ToolSummary, ...]:
    columns = select(
        cells.c.tool,
        cells.c.state,
        cells.c.reason,
        cells.c.body["lacks_source"].as_boolean().label("lacks_source"),
    )
    mine = columns.where(cells.c.subtask_id == subtask_id).order_by(cells.c.id)
    found = await connection.execute(mine)
    return tuple(
        ToolSummary(
            tool=row.tool,
            state=row.state,
            reason=row.reason,
            lacks_source=bool(row.lacks_source),
        )
        for row in found
    )


async def _insert_cells(connection: AsyncConnection, rows: SubtaskRows) -> None:
    if not rows.cells:
        return
    adding = insert(cells).returning(cells.c.id, sort_by_parameter_order=True)
    ids = (await connection.scalars(adding, rows.cells)).all()
    for table, groups in ((findings, rows.findings), (metrics, rows.metrics)):
        owned = [{"cell_id": ids[i], **row} for i, group in groups.items() for row in group]
        if owned:
            await connection.execute(insert(table), owned)


def _found(found: _Found | None, pipeline_id: str) -> _Found:
    if found is None:
        raise not_found(pipeline_id)
    return found
