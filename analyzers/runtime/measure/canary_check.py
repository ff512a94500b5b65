"""Runs one tool on its canary: a tiny app with a planted flaw."""

import tempfile
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from analyzers.runtime.measure.canary_server import serve_canary
from analyzers.runtime.measure.cell import Attachments, describe, measure_cell
from analyzers.runtime.measure.cores import CpuBudget
from analyzers.runtime.measure.nothing import nothing_for
from analyzers.runtime.measure.verdicts import CanaryVerdict
from analyzers.runtime.measure.weights import Weights
from analyzers.runtime.process.runner import Runner
from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import Tool, ToolFault, ToolRun
from contract.analysis import MeasurementState, SubtaskRequest, Target, ToolReport
from contract.analyzers import AnalyzerKind
from contract.spec import AppRef, SourceRef
from telemetry.spans import span

CANARY_LIMIT_S = 120.0
_NO_DIGEST = "0" * 64
_PREFIX = "canary-"
# What is said of an app would contradict the verdict if it were said of the canary alone.
_SAYS_OF_CANARY = {
    MeasurementState.NOT_APPLICABLE: "canary not seen: it says that there is nothing for it: ",
    MeasurementState.APP_FAILED: "canary not seen: it says that the canary fails: ",
}


@dataclass(frozen=True, slots=True)
class CanaryCheck:
    """Runs one tool on its canary, in a private folder and within the CPU budget.

    Attributes:
        search_path: as that of `Runner`.
    """

    kind: AnalyzerKind
    tools_dir: Path
    work_dir: Path
    budget: CpuBudget
    weights: Weights = field(default_factory=Weights)
    search_path: str = ""

    async def version(self, tool: Tool) -> str:
        """The tool's version as it reports it.

        Raises:
            ToolFault: it is not installed, does not start, or its adapter is broken.
        """
        with self._folder() as folder:
            run, runner = self._run(tool, folder, ()), self._runner(folder)
            try:
                async with self.budget.hold(min(self.weights.cores(tool), 1.0)):
                    return await tool.version(run, runner)
            except ToolFault:
                raise
            except (Exception, SystemExit) as error:
                raise ToolFault(f"no version: {type(error).__name__}: {error}") from error

    async def look(self, tool: Tool, version: str) -> CanaryVerdict:
        """Run the canary. It raises nothing but cancellation."""
        with span(f"canary {tool.name}", tool=tool.name) as recorder, self._folder() as folder:
            urgency = self.weights.seconds(tool.name, 1)
            share = self.budget.hold(self.weights.cores(tool), urgency=urgency)
            async with share, self._targets(tool) as targets:
                run = self._planted(tool, folder, targets)
                kept = Attachments(folder / "attachments")
                cell = await measure_cell(tool, run, self._runner(folder), version, kept)
            describe(recorder, cell.report)
        reason = _blindness(tool, cell.report)
        return verdict_of(tool, version, reason, lacks_source=cell.report.lacks_source)

    async def says_something(self, tool: Tool) -> bool:
        """Whether our own code, without the tool, finds something for the tool in its canary."""
        with self._folder() as folder:
            run = self._planted(tool, folder, ())
            return await nothing_for(tool, run, self._runner(folder)) is None

    @contextmanager
    def _folder(self) -> Generator[Path]:
        with tempfile.TemporaryDirectory(
            prefix=_PREFIX, dir=self.work_dir, ignore_cleanup_errors=True
        ) as name:
            folder = Path(name)
            (folder / "source").mkdir()
            (folder / "workspace").mkdir()
            yield folder

    @asynccontextmanager
    async def _targets(self, tool: Tool) -> AsyncGenerator[tuple[Target, ...]]:
        if not tool.canary.serve:
            yield ()
        else:
            async with serve_canary(tool.canary.serve) as base_url:
                yield (Target(service="canary", base_url=base_url),)

    def _runner(self, folder: Path) -> Runner:
        deadline = time.monotonic() + CANARY_LIMIT_S
        return Runner(folder / "workspace", deadline=deadline, search_path=self.search_path)

    def _planted(self, tool: Tool, folder: Path, targets: tuple[Target, ...]) -> ToolRun:
        """A run on the canary's files."""
        for name, content in tool.canary.files.items():
            path = folder / "source" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return self._run(tool, folder, targets)

    def _run(self, tool: Tool, folder: Path, targets: tuple[Target, ...]) -> ToolRun:
        return ToolRun(
            request=SubtaskRequest(
                subtask_id=f"canary/{tool.name}",
                analyzer=self.kind,
                ref=AppRef(model="canary", app_number=1),
                source=SourceRef(path=str(folder / "source"), digest=_NO_DIGEST),
                tools=(tool.name,),
                targets=targets,
                deadline_s=CANARY_LIMIT_S,
                cache=False,
            ),
            source=list_source(folder / "source"),
            workspace=folder / "workspace",
            tools_dir=self.tools_dir,
            canary=True,
        )


def _blindness(tool: Tool, report: ToolReport) -> str:
    """Why the tool did not pass its canary; empty if it did."""
    if report.state is not MeasurementState.MEASURED:
        return f"{_SAYS_OF_CANARY.get(report.state, '')}{report.reason}"
    seen = {finding.rule_id for finding in report.findings}
    if tool.canary.expect and not tool.canary.expect & seen:
        wanted = " or ".join(sorted(tool.canary.expect))
        return f"canary not seen: {wanted} not among its {len(report.findings)} findings"
    return ""


def verdict_of(
    tool: Tool, version: str, reason: str, *, lacks_source: bool = False
) -> CanaryVerdict:
    """The verdict of this moment; an empty reason: the tool sees."""
    return CanaryVerdict(
        tool=tool.name,
        version=version,
        rules_digest=rules_digest_of(tool),
        ok=not reason,
        reason=reason,
        lacks_source=lacks_source,
        checked_at=datetime.now(UTC),
    )


def rules_digest_of(tool: Tool) -> str:
    """What the tool's rules are now, or why nobody can know."""
    try:
        return tool.rules_digest()
    except (Exception, SystemExit) as error:
        return f"unreadable: {error}"
