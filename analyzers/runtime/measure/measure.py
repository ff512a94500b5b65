"""One subtask: every tool asked for, each in exactly one state, within one deadline."""

import asyncio
import logging
import shutil
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analyzers.runtime.measure.cache import CacheEntry
from analyzers.runtime.measure.cell import (
    Attachments,
    Cell,
    blind,
    cell_of,
    describe,
    measure_cell,
    spent_s,
    unmeasured,
)
from analyzers.runtime.measure.equipment import Equipment
from analyzers.runtime.measure.giving_way import GivingWay
from analyzers.runtime.measure.nothing import nothing_for
from analyzers.runtime.measure.prepared import Prepared, look_up_all, prepare
from analyzers.runtime.measure.progress import RunProgress
from analyzers.runtime.measure.schedule import Allowance, run_in_order
from analyzers.runtime.measure.trim import fitted, whole
from analyzers.runtime.process.runner import Runner
from analyzers.runtime.redact import redacted
from analyzers.runtime.tool import NotApplicable, SourceTree, Tool, ToolRun
from contract.analysis import (
    AnalyzerReport,
    Finding,
    MeasurementState,
    SubtaskRequest,
    ToolReport,
)
from contract.outcome import FUSION
from contract.protocol import MAX_WAITING_S, Progress
from telemetry.spans import span, waiting

SERVICE_VERSION = "0.1.0"
MAX_DEADLINE_S = 86_400.0
_WRAP_UP_SHARE = 0.05
_WRAP_UP_MAX_S = 10.0
_SLACK_S = 1.0  # the subtask's own deadline comes first, with a reason that names it

OnProgress = Callable[[Progress], None]

logger = logging.getLogger("assay.analyzer")


@dataclass(slots=True)
class Measurement:
    """One subtask under way.

    Attributes:
        folder: private; workspaces and attachments lie below it, the caller removes it.
    """

    equipment: Equipment
    request: SubtaskRequest
    source_root: Path
    folder: Path
    on_progress: OnProgress
    reports: dict[str, ToolReport] = field(default_factory=dict)
    shared: dict[str, Any] = field(default_factory=dict)
    _tools: Sequence[Tool] = field(init=False)
    _progress: RunProgress = field(init=False)
    _giving_way: GivingWay = field(init=False)

    def __post_init__(self) -> None:
        wanted, equipment = self.request.tools, self.equipment
        self._tools = [tool for tool in equipment.tools if not wanted or tool.name in wanted]
        self._progress = RunProgress(self.request.subtask_id, len(self._tools), self.on_progress)
        self._giving_way = GivingWay(equipment.kind, equipment.load_lock)

    @property
    def attachments(self) -> Path:
        """Folder of the attachments, one sub-folder per tool."""
        return self.folder / "attachments"

    async def run(self) -> AnalyzerReport:
        """Measure; tools not done at the deadline are `infra_failed` and their processes gone.

        Raises:
            asyncio.CancelledError: all processes are gone.
        """
        async with self._giving_way.run(self._progress.say):
            return await self._run()

    async def _run(self) -> AnalyzerReport:
        started_at, clock = datetime.now(UTC), time.monotonic()
        limit_s = min(self.request.deadline_s, MAX_DEADLINE_S)
        limit_s -= min(_WRAP_UP_MAX_S, limit_s * _WRAP_UP_SHARE)
        allowance = Allowance(limit_s, min(limit_s, MAX_WAITING_S))
        tools = self._tools
        try:
            async with allowance.limit():
                prepared = await self._prepared(tools)
                await run_in_order(
                    tools,
                    lambda tool: self._cell(tool, prepared, allowance),
                    self._progress.advance,
                )
        except TimeoutError:
            self._note_late(tools, allowance)
        self.equipment.weights.save()
        cells = self._in_order(tools)
        fused, faults = await asyncio.to_thread(self._fused, cells)
        report = AnalyzerReport(
            subtask_id=self.request.subtask_id,
            analyzer=self.equipment.kind,
            service_version=SERVICE_VERSION,
            tools=(*cells, *faults),
            fused=fused,
            started_at=started_at,
            duration_s=round(time.monotonic() - clock, 3),
            tool_seconds=round(sum(spent_s(cell) for cell in cells), 3),
        )
        return await asyncio.to_thread(fitted, report, self.attachments)

    async def _prepared(self, tools: Sequence[Tool]) -> Prepared:
        """Do what takes time and is no tool's work, before the most urgent tool starts."""
        own = self.equipment
        prepared = await asyncio.to_thread(
            prepare, self.request, self.source_root, tools, own.code, own.weights
        )
        versions, attachments = own.canaries.versions(), self.attachments
        await asyncio.to_thread(look_up_all, prepared, tools, versions, own.cache, attachments)
        return prepared

    @contextmanager
    def _aside(self, tool: Tool, allowance: Allowance, runner: Runner) -> Generator[None]:
        """The tool waits for others inside this block; its commands may run later by that time."""
        began_s = time.monotonic()
        try:
            with self._progress.waiting(tool.name), allowance.aside(), waiting("wait for others"):
                yield
        finally:
            runner.waited_s += time.monotonic() - began_s
            runner.deadline = allowance.ends_at + _SLACK_S

    async def _cell(self, tool: Tool, prepared: Prepared, allowance: Allowance) -> None:
        """Fill one cell. It raises nothing but cancellation from outside."""
        with span(f"tool {tool.name}", tool=tool.name) as recorder:
            try:
                report = await self._report(tool, prepared, allowance)
            except (Exception, SystemExit) as error:
                logger.exception("%s failed on %s", tool.name, self.request.subtask_id)
                reason = f"{type(error).__name__}: {error}"
                report = unmeasured(tool.name, MeasurementState.INFRA_FAILED, reason)
            describe(recorder, report)
            self.reports[tool.name] = report

    async def _report(self, tool: Tool, prepared: Prepared, allowance: Allowance) -> ToolReport:
        equipment = self.equipment
        with allowance.waiting(), waiting("wait for canary"):
            verdict = await equipment.canaries.proven(tool.name)
        if not verdict.ok:
            return blind(tool, verdict, await self._nothing_for(tool, prepared, allowance))
        if tool.exclusive:
            with allowance.waiting(), waiting("wait for canaries of all tools"):
                await equipment.canaries.settled()
        version, cache = verdict.version, equipment.cache
        if (tool.name, version) not in prepared.keys:
            await asyncio.to_thread(prepared.look_up, tool, version, cache, self.attachments)
        key = prepared.keys[tool.name, version]
        entry = prepared.kept.get(key)
        if self.request.cache and equipment.counts:
            equipment.counts.looked_up(hit=entry is not None)
        if entry:
            return self._kept(tool, entry)
        cores, urgency = equipment.weights.cores(tool), prepared.urgency[tool.name]
        turn = allowance.hold(equipment.budget, cores, self.request.subtask_id, urgency)
        async with turn, self._giving_way.tool(allowance.aside(), self._progress.say):
            with self._progress.at_work(tool.name):
                began_s = time.monotonic()
                cell = await self._measure(tool, version, prepared.source, allowance)
                if equipment.counts:
                    equipment.counts.measured(cell.report, time.monotonic() - began_s)
        if cell.report.state is MeasurementState.MEASURED:
            took_s = cell.report.provenance.duration_s
            equipment.weights.learn(tool.name, prepared.size_bytes[tool.name], took_s)
        own, shared = self.attachments / tool.name, dict(self.shared)
        await asyncio.to_thread(cache.save, key, cell.report, shared, own, cell.fresh_for)
        return cell.report

    def _kept(self, tool: Tool, entry: CacheEntry) -> ToolReport:
        if entry.has_shared:
            self.shared[tool.name] = entry.shared
        return entry.report

    async def _measure(
        self, tool: Tool, version: str, source: SourceTree, allowance: Allowance
    ) -> Cell:
        kept = Attachments(self.attachments / tool.name)
        with self._workspace(tool, allowance) as runner:
            run = ToolRun(
                request=self.request,
                source=source,
                workspace=runner.workspace,
                tools_dir=self.equipment.tools_dir,
                attach=kept.attach,
                progress=lambda message: self._progress.say(f"{tool.name}: {message}"),
                waiting=lambda: self._aside(tool, allowance, runner),
                shared=self.shared,
            )
            cell = await measure_cell(tool, run, runner, version, kept, self.equipment.code)
            report = await asyncio.to_thread(redacted, cell.report, kept.folder, run.request)
            return replace(cell, report=report)

    async def _nothing_for(
        self, tool: Tool, prepared: Prepared, allowance: Allowance
    ) -> NotApplicable | None:
        """Why the app has nothing for a blind tool, where our own code proves it without it."""
        with self._workspace(tool, allowance) as runner:
            own = self.equipment.tools_dir
            run = ToolRun(self.request, prepared.source, runner.workspace, own)
            nothing = await nothing_for(tool, run, runner)
        if nothing and await self.equipment.canaries.says_something(tool):
            return nothing
        return None

    @contextmanager
    def _workspace(self, tool: Tool, allowance: Allowance) -> Generator[Runner]:
        """The tool's own empty folder, with what runs its commands there."""
        folder = self.folder / "w" / tool.name
        folder.mkdir(parents=True)
        try:
            yield Runner(folder, deadline=allowance.ends_at + _SLACK_S)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _note_late(self, tools: Sequence[Tool], allowance: Allowance) -> None:
        reason = f"deadline of {self.request.deadline_s:g} s"
        if allowance.waited_s >= 1.0:
            reason += f", beside {allowance.waited_s:.0f} s of waiting for others"
        failed = MeasurementState.INFRA_FAILED
        for tool in tools:
            if tool.name not in self.reports:
                self.reports[tool.name] = unmeasured(tool.name, failed, reason)

    def _in_order(self, tools: Sequence[Tool]) -> tuple[ToolReport, ...]:
        """The planned tools' cells, then one for each requested name that is no tool."""
        failed = MeasurementState.INFRA_FAILED
        known = [tool.name for tool in tools]
        cells = [cell_of(tool, self.reports.get(tool.name)) for tool in tools]
        names = ", ".join(tool.name for tool in self.equipment.tools)
        strangers = [name for name in dict.fromkeys(self.request.tools) if name not in known]
        cells += [
            unmeasured(name, failed, f"unknown tool; {self.equipment.kind} has {names}")
            for name in strangers
        ]
        return tuple(cells)

    def _fused(
        self, cells: Sequence[ToolReport]
    ) -> tuple[tuple[Finding, ...], tuple[ToolReport, ...]]:
        """Fused findings. A fusion that fails becomes a cell of its own; the tools' cells stand."""
        if self.equipment.fuse is None:
            return (), ()
        try:
            everything = [whole(cell, self.attachments / cell.tool) for cell in cells]
            return tuple(self.equipment.fuse(everything)), ()
        except Exception as error:
            logger.exception("fusion failed on %s", self.request.subtask_id)
            failed, reason = MeasurementState.INFRA_FAILED, f"{type(error).__name__}: {error}"
            return (), (unmeasured(FUSION, failed, reason),)
