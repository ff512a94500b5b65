"""Recording outcomes in the store; every write is an upsert."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from pydantic import ValidationError
from temporalio import activity
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError, RPCStatusCode

from activities import Activities
from activities.heartbeat import Attempt
from activities.measures import CellCounts
from activities.ports import ArtifactStore, ResultStore
from activities.recording import Recording
from activities.result_cache import load_report
from contract.analyzers import AnalyzerKind
from contract.ids import app_workflow_id
from contract.limits import REASON_CHARS
from contract.outcome import AppOutcome, SubtaskOutcome, ToolSummary
from contract.plan import AppChoice, AppEntry, PlanHeader, PlanPage, UnendedApps
from contract.record import CellRecord
from contract.shortening import shortened
from contract.spec import AppSpec


class ResultActivities:
    """Writes what happened into the store, and reads it back."""

    def __init__(self, results: ResultStore, artifacts: ArtifactStore) -> None:
        self._results = results
        self._recording = Recording(results, partial(load_report, artifacts), CellCounts().add)

    def activities(self) -> Activities:
        """All activities of this class, for the control queue."""
        return [
            self.register_page,
            self.read_apps,
            self.apps_to_retry,
            self.record_subtask,
            self.record_app,
            self.record_skipped,
            self.recorded_subtasks,
            self.record_pipeline_state,
            self.await_app,
        ]

    @activity.defn(name="register_page")
    async def register_page(self, header: PlanHeader, page: PlanPage) -> None:
        """Make the rows of the pipeline and of some of its apps. Retry is safe: upserts.

        Moments are those of the history, so that a store made again from it has equal rows.
        """
        async with Attempt("registering apps"):
            await self._recording.page(header, page, activity.info().scheduled_time)

    @activity.defn(name="read_apps")
    async def read_apps(self, pipeline_id: str, positions: list[int]) -> list[AppEntry]:
        """Apps at these positions of the fleet. Only reads."""
        async with Attempt("reading apps of the plan"):
            return list(await self._results.read_apps(pipeline_id, positions))

    @activity.defn(name="apps_to_retry")
    async def apps_to_retry(self, pipeline_id: str, labels: list[str]) -> list[AppChoice]:
        """The apps that `labels` name, or those that lack a measurement. Only reads."""
        async with Attempt("looking for apps to run again"):
            return list(await self._results.apps_to_retry(pipeline_id, labels))

    @activity.defn(name="record_subtask")
    async def record_subtask(self, app: AppSpec, outcome: SubtaskOutcome) -> SubtaskOutcome | None:
        """Write one subtask's cells. Retry is safe: upserts an immutable artifact's content.

        Answers the outcome as it was recorded, if that is another one: the result cannot be read
        any more (no retry cures that), or what an earlier run measured is kept.
        """
        async with Attempt("recording the subtask"):
            recorded = await self._recording.subtask(app, outcome, activity.info().scheduled_time)
        return None if recorded == outcome else recorded

    @activity.defn(name="record_app")
    async def record_app(self, app: AppSpec, outcome: AppOutcome) -> None:
        """Write one app's state and list its weaknesses. Retry is safe: upserts."""
        async with Attempt("recording the app"):
            await self._recording.app(app, outcome)

    @activity.defn(name="record_skipped")
    async def record_skipped(self, skipped: UnendedApps) -> None:
        """Write what is missing of apps that did not end. Retry is safe: upserts.

        What the workflow of an app recorded before it was ended is kept.
        """
        async with Attempt("recording apps that did not end") as attempt:
            await self._recording.skipped(skipped, attempt.note, activity.info().scheduled_time)

    @activity.defn(name="recorded_subtasks")
    async def recorded_subtasks(self, app: AppSpec) -> list[SubtaskOutcome]:
        """What is recorded of `app`; seconds are those of the tools it was to run. Only reads."""
        async with Attempt(f"reading what is recorded of {app.key}"):
            record = await self._results.load_outline(app.pipeline_id, app.ref)
        cells: dict[AnalyzerKind, list[CellRecord]] = {}
        for cell in record.cells:
            cells.setdefault(cell.analyzer, []).append(cell)
        return [_as_outcome(app, kind, mine) for kind, mine in cells.items()]

    @activity.defn(name="record_pipeline_state")
    async def record_pipeline_state(
        self, pipeline_id: str, state: str, detail: dict[str, Any]
    ) -> None:
        """Write the pipeline's state and figures. Retry is safe: an upsert."""
        async with Attempt("recording the pipeline"):
            since = activity.info().scheduled_time
            await self._recording.state(pipeline_id, state, detail, since)

    @activity.defn(name="await_app")
    async def await_app(self, app: AppSpec) -> AppOutcome | None:
        """The outcome of the workflow that already analyses `app`; None if it ended without one.

        Retry is safe: it only waits.
        """
        workflow_id = app_workflow_id(app.pipeline_id, app.ref.model, app.ref.app_number)
        handle = activity.client().get_workflow_handle(workflow_id, result_type=AppOutcome)
        async with Attempt(f"waiting for the run of {workflow_id}") as attempt:
            attempt.tell_apps({app.ref.label: "waits for its run that is already under way"})
            try:
                return await handle.result()
            except (WorkflowFailureError, ValidationError):
                return None
            except RPCError as exc:
                if exc.status is RPCStatusCode.NOT_FOUND:
                    return None
                raise


def _as_outcome(app: AppSpec, kind: AnalyzerKind, cells: Sequence[CellRecord]) -> SubtaskOutcome:
    asked = app.tools.get(kind, ())
    ran = [cell for cell in cells if not asked or cell.tool in asked]
    return SubtaskOutcome(
        subtask_id=app.subtask_id(kind),
        analyzer=kind,
        tools=tuple(
            ToolSummary(
                tool=cell.tool,
                state=cell.state,
                reason=shortened(cell.report.reason, REASON_CHARS),
                lacks_source=cell.report.lacks_source,
            )
            for cell in cells
        ),
        tool_seconds=sum(cell.tool_seconds for cell in ran),
        wasted_seconds=sum(cell.wasted_seconds for cell in ran),
        saved_seconds=sum(cell.saved_seconds for cell in ran),
    )
