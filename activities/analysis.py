"""Running one analyzer on one app."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from temporalio import activity

from activities import Activities
from activities.analyzer_ports import AnalyzerGateway, AnalyzerResult
from activities.heartbeat import Attempt
from activities.liveness import Liveness
from activities.measures import count_result
from activities.ownership import is_disowned
from activities.ports import AppWatch, ArtifactStore
from activities.result_cache import LOST, load_report, save_result, with_missing_tools
from activities.slots import Slots
from activities.work import lost_before
from contract.analysis import (
    AnalyzerReport,
    ArtifactRef,
    MeasurementState,
    SubtaskRequest,
    ToolReport,
)
from contract.errors import ErrorCode, PlatformError
from contract.left_out import true_count
from contract.limits import PLACES_WAIT_S, REASON_CHARS
from contract.outcome import ALL_TOOLS, SubtaskOutcome, ToolSummary, thrown_away
from contract.protocol import Progress
from contract.running import SubtaskOrder
from contract.shortening import shortened

OnProgress = Callable[[Progress], None]

_NAMES_MAX = 3


class AnalysisActivities:
    """Asks an analyzer for a measurement and makes the result safe before answering."""

    def __init__(
        self,
        gateway: AnalyzerGateway,
        artifacts: ArtifactStore,
        watch: AppWatch,
        slots: Slots | None = None,
    ) -> None:
        """`slots`: those of the queue, if a result is to be fetched without holding one."""
        self._slots = slots or Slots(0)
        self._gateway = gateway
        self._artifacts = artifacts
        self._watch = watch

    def activities(self) -> Activities:
        """All activities of this class; the queue of every analyzer serves them."""
        return [self.run_analysis]

    @activity.defn(name="run_analysis")
    async def run_analysis(self, order: SubtaskOrder) -> SubtaskOutcome:
        """Run the analyzer, cache its result, then let the analyzer forget it.

        Retry is safe: a cached result of the same workflow run is used again, and a run that the
        analyzer still works on (or has finished) is found by its subtask ID.
        """
        request = order.request
        began_s = time.monotonic()
        key = _cache_key(request, activity.info().workflow_run_id or "")
        async with Attempt(f"{request.analyzer}: looking for an earlier result") as attempt:
            kept = await self._kept(key)
            liveness = Liveness(self._watch, order.app, attempt)
            archive, report = kept or await self._measure(request, key, attempt, liveness)
            with suppress(PlatformError):
                await self._gateway.acknowledge(request.subtask_id, request.analyzer)
            return _outcome(request, archive, report, attempt, time.monotonic() - began_s)

    async def _kept(self, key: str) -> tuple[ArtifactRef, AnalyzerReport] | None:
        """The result of an earlier attempt, if it can still be read."""
        archive = await self._artifacts.cached(key)
        if archive is None:
            return None
        try:
            return archive, await load_report(self._artifacts, archive)
        except PlatformError as exc:
            if exc.code not in LOST:
                raise
            return None

    async def _measure(
        self, request: SubtaskRequest, key: str, attempt: Attempt, liveness: Liveness
    ) -> tuple[ArtifactRef, AnalyzerReport]:
        def on_progress(progress: Progress) -> None:
            attempt.saw_work(progress)
            if progress.running or progress.done:
                attempt.begin()
            attempt.note(_describe(request, progress))

        result = await self._run(request, on_progress, attempt, liveness)
        attempt.note(f"{request.analyzer}: keeping the result")
        try:
            archive = await self._artifacts.put_file(result.archive, f"{request.analyzer}.tar")
        finally:  # the next attempt gets its own: on a full disk, they would fill it further
            await result.discard()
        report = with_missing_tools(result.report, request.tools)
        before = await self._artifacts.cached(key)
        # Two attempts that joined one run of the analyzer have the same result.
        twice = before is not None and before.sha256 != archive.sha256
        count_result(request.analyzer, twice=twice)
        await save_result(self._artifacts, key, archive, report)
        return archive, report

    async def _run(
        self, request: SubtaskRequest, on_progress: OnProgress, attempt: Attempt, liveness: Liveness
    ) -> AnalyzerResult:
        """Run the analyzer. An attempt waits for a free place itself, so that none is used up."""
        on_end = self._slots.once()
        give_up_s = time.monotonic() + PLACES_WAIT_S
        while True:
            await liveness.before()
            attempt.note(f"{request.analyzer}: connecting")
            run = asyncio.create_task(self._gateway.analyze(request, on_progress, on_end))
            try:
                return await liveness.during(run)
            except asyncio.CancelledError:
                await self._leave(request, run)
                raise
            except PlatformError as fault:
                wait_s = fault.retry_after_s
                full = fault.code is ErrorCode.RESOURCE_EXHAUSTED
                if not full or wait_s is None or time.monotonic() > give_up_s:
                    raise
                attempt.note(f"{request.analyzer}: waits, {fault.message}")
            await asyncio.sleep(wait_s)

    async def _leave(self, request: SubtaskRequest, run: asyncio.Task[object]) -> None:
        """End the run at the analyzer, unless a later attempt is to go on with it."""
        if await is_disowned():
            run.cancel()
        else:
            await self._gateway.detach(request)
        with suppress(asyncio.CancelledError, PlatformError):
            await run


def _cache_key(request: SubtaskRequest, run_id: str) -> str:
    """A result is valid for one run of the workflow and one set of the app's containers."""
    lives = "+".join(target.container_id for target in request.targets)
    return f"{request.subtask_id}@{run_id}" + (f"@{lives}" if lives else "")


def _describe(request: SubtaskRequest, progress: Progress) -> str:
    names = progress.running[:_NAMES_MAX]
    more = len(progress.running) - len(names)
    running = ", ".join((*names, *([f"{more} more"] if more else [])))
    doing = "; ".join(filter(None, (running, progress.message))) or "working"
    return f"{request.analyzer}: {progress.done}/{progress.total} tools, {doing}"


def _outcome(
    request: SubtaskRequest,
    archive: ArtifactRef,
    report: AnalyzerReport,
    attempt: Attempt,
    duration_s: float,
) -> SubtaskOutcome:
    tools = tuple(_summary(tool) for tool in report.tools) or _nothing()
    lost = lost_before(report.started_at.timestamp(), attempt.spans) if report.started_at else {}
    return SubtaskOutcome(
        subtask_id=request.subtask_id,
        analyzer=request.analyzer,
        tools=tools,
        report=archive,
        attempts=activity.info().attempt,
        duration_s=duration_s,
        tool_seconds=report.tool_seconds,
        wasted_seconds=thrown_away(lost, tools),
        saved_seconds=sum(tool.seconds for tool in tools if tool.cached),
        lost=lost,
        retry_causes=attempt.causes,
    )


def _summary(tool: ToolReport) -> ToolSummary:
    return ToolSummary(
        tool=tool.tool,
        state=tool.state,
        reason=shortened(tool.reason, REASON_CHARS),
        findings=true_count(tool.findings, tool.metrics),
        cached=tool.provenance.cached_from is not None,
        lacks_source=tool.lacks_source,
        seconds=tool.provenance.duration_s,
    )


def _nothing() -> tuple[ToolSummary, ...]:
    return (
        ToolSummary(
            tool=ALL_TOOLS,
            state=MeasurementState.INFRA_FAILED,
            reason="the analyzer's report is empty",
        ),
    )
