"""What is done with an outcome: written into the store, with the findings of its artifact.

Activities do it when something happens; a store that is made again from histories does the same.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from activities.ports import ResultStore
from activities.result_cache import LOST
from contract.analysis import AnalyzerReport, ArtifactRef, MeasurementState
from contract.errors import PlatformError
from contract.limits import REASON_CHARS
from contract.missing import unended
from contract.outcome import AppOutcome, SubtaskOutcome, ToolSummary
from contract.plan import AppEntry, PlanHeader, PlanPage, UnendedApps
from contract.record import PipelineRecord
from contract.shortening import shortened
from contract.spec import AppRef, AppSpec
from contract.weakness import Weakness

logger = logging.getLogger(__name__)
LoadReport = Callable[[ArtifactRef], Awaitable[AnalyzerReport]]
"""Reads the report of a result archive; NOT_FOUND or DATA_LOSS if it cannot be read any more."""


class Recording:
    """Writes outcomes. Every write is an upsert: twice changes nothing."""

    def __init__(
        self,
        results: ResultStore,
        load_report: LoadReport,
        counted: Callable[[SubtaskOutcome], None] = lambda _: None,
    ) -> None:
        """`counted` is called with each subtask whose cells have been written."""
        self._results = results
        self._load_report = load_report
        self._counted = counted

    async def page(self, header: PlanHeader, page: PlanPage, at: datetime) -> None:
        """Make the rows of a pipeline, created at the moment `at`, and of some of its apps."""
        await self._results.register_page(header, page, at)

    async def subtask(
        self, app: AppSpec, outcome: SubtaskOutcome, at: datetime | None = None
    ) -> SubtaskOutcome:
        """Write one subtask's cells at the moment `at`; the outcome as it could be recorded.

        A result that cannot be read any more is missing; what an earlier run measured is kept.
        """
        recorded, report = outcome, None
        try:
            report = await self._load_report(outcome.report) if outcome.report else None
        except PlatformError as exc:
            if exc.code not in LOST:
                raise
            recorded = _without_result(outcome, exc.message)
        cells = await self._results.record_subtask(app.pipeline_id, app, recorded, report, at)
        self._counted(recorded)
        return _as_stored(recorded, cells)

    async def app(self, app: AppSpec, outcome: AppOutcome) -> None:
        """Write one app's state, and list its weaknesses."""
        await self._results.record_app(app, outcome)
        await self.list_weaknesses(app.pipeline_id, [app.ref])

    async def skipped(
        self, skipped: UnendedApps, note: Callable[[str], None], at: datetime | None = None
    ) -> None:
        """Write what is missing of apps that did not end; what was recorded before is kept."""
        header = await self._results.load_header(skipped.pipeline_id)
        for entry in await self._results.read_apps(skipped.pipeline_id, skipped.positions):
            app = header.app_spec(entry.app)
            note(f"recording {app.key}")
            tools = {**skipped.tools, **app.tools}
            await self._missing(app.model_copy(update={"tools": tools}), entry, skipped.reason, at)

    async def state(
        self, pipeline_id: str, state: str, detail: dict[str, Any], at: datetime
    ) -> None:
        """Write the pipeline's state since `at`, and its figures."""
        await self._results.record_pipeline_state(pipeline_id, state, detail, at)

    async def list_weaknesses(self, pipeline_id: str, refs: Sequence[AppRef]) -> None:
        """List the weaknesses of some apps (at most 50), as far as they are recorded.

        An app that has not ended is not listed.
        """
        record = await self._results.load_apps(pipeline_id, refs)
        listed: dict[AppRef, tuple[Weakness, ...] | None] = {}
        try:
            listed |= await asyncio.to_thread(_weaknesses, record)
        except Exception:  # a defect here must cost no app its record: it is unlisted, visibly
            logger.exception("the weaknesses of %s cannot be listed", pipeline_id)
        for ref, made_of in record.revisions().items():
            await self._results.replace_weaknesses(pipeline_id, ref, listed.get(ref), made_of)

    async def _missing(
        self, app: AppSpec, entry: AppEntry, reason: str, at: datetime | None
    ) -> None:
        outcome = unended(app, reason)
        known = {*entry.result.analyzers, *entry.result.missing} if entry.result else set()
        for subtask in outcome.subtasks:
            if subtask.analyzer not in known:
                await self._results.record_subtask(app.pipeline_id, app, subtask, None, at)
                self._counted(subtask)
        if entry.state is None:
            await self.app(app, outcome)
        else:
            await self.list_weaknesses(app.pipeline_id, [app.ref])


def _weaknesses(record: PipelineRecord) -> dict[AppRef, tuple[Weakness, ...]]:
    from reports.listed import weaknesses_by_app  # not at a workflow's import

    return dict(weaknesses_by_app(record))


def _without_result(outcome: SubtaskOutcome, why: str) -> SubtaskOutcome:
    """The outcome without its measurements: their numbers cannot be shown any more."""
    reason = shortened(f"its result was lost before it was recorded: {why}", REASON_CHARS)
    measured = MeasurementState.MEASURED
    tools = tuple(
        ToolSummary(tool=tool.tool, state=MeasurementState.INFRA_FAILED, reason=reason)
        if tool.state is measured
        else tool
        for tool in outcome.tools
    )
    return outcome.model_copy(
        update={
            "tools": tools,
            "report": None,
            **outcome.all_in_vain(),
        }
    )


def _as_stored(outcome: SubtaskOutcome, cells: Sequence[ToolSummary]) -> SubtaskOutcome:
    known = {tool.tool: tool for tool in outcome.tools}
    stored = {cell.tool: cell for cell in cells}
    if {t: c.state for t, c in stored.items()} == {t: c.state for t, c in known.items()}:
        return outcome
    same = {t: known[t] for t, c in stored.items() if t in known and known[t].state is c.state}
    tools = tuple((stored | same).values())
    short = (t.model_copy(update={"reason": shortened(t.reason, REASON_CHARS)}) for t in tools)
    return outcome.model_copy(update={"tools": tuple(short) or outcome.tools})
