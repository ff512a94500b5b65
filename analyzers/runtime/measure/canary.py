"""Proof that each tool sees: it must find the planted flaw of its own canary before it is believed.

Verdicts are kept on disk by tool version and rule digest, so that a restarted analyzer is ready at
once; it checks them again in the background. A blind tool is checked again when somebody needs it,
at most once a minute, else every five minutes, until it sees.
"""

import asyncio
import logging
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from analyzers.runtime.measure.canary_server import serve_canary
from analyzers.runtime.measure.cell import Attachments, measure_cell
from analyzers.runtime.measure.cores import CpuBudget
from analyzers.runtime.measure.verdicts import CanaryVerdict, load_verdicts, save_verdicts
from analyzers.runtime.measure.weights import Weights
from analyzers.runtime.process.runner import Runner
from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import Tool, ToolFault, ToolRun
from contract.analysis import MeasurementState, SubtaskRequest, Target, ToolReport
from contract.analyzers import AnalyzerKind
from contract.health import ToolHealth
from contract.spec import AppRef, SourceRef

CANARY_LIMIT_S = 120.0
RECHECK_S = 1_800.0
RECHECK_BLIND_S = 300.0
ASK_AGAIN_S = 60.0
WATCH_S = 1.0
_NO_DIGEST = "0" * 64
_PREFIX = "canary-"

logger = logging.getLogger("assay.analyzer")


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
        with self._folder() as folder:
            urgency = self.weights.seconds(tool.name, 1)
            share = self.budget.hold(self.weights.cores(tool), urgency=urgency)
            async with share, self._targets(tool) as targets:
                for name, content in tool.canary.files.items():
                    path = folder / "source" / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(content, encoding="utf-8")
                run = self._run(tool, folder, targets)
                kept = Attachments(folder / "attachments")
                cell = await measure_cell(tool, run, self._runner(folder), version, kept)
        reason = _blindness(tool, cell.report)
        return _verdict(tool, version, reason, lacks_source=cell.report.lacks_source)

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
        return report.reason
    seen = {finding.rule_id for finding in report.findings}
    if tool.canary.expect and not tool.canary.expect & seen:
        wanted = " or ".join(sorted(tool.canary.expect))
        return f"canary not seen: {wanted} not among its {len(report.findings)} findings"
    return ""


def _verdict(tool: Tool, version: str, reason: str, *, lacks_source: bool = False) -> CanaryVerdict:
    return CanaryVerdict(
        tool=tool.name,
        version=version,
        rules_digest=_rules_digest(tool),
        ok=not reason,
        reason=reason,
        lacks_source=lacks_source,
        checked_at=datetime.now(UTC),
    )


def _rules_digest(tool: Tool) -> str:
    try:
        return tool.rules_digest()
    except (Exception, SystemExit) as error:
        return f"unreadable: {error}"


class CanaryKeeper:
    """Knows for each tool whether it sees, and checks it again from time to time.

    Args:
        tools: the service's tools.
        check: runs a canary.
        state_file: where verdicts are kept between restarts.
        is_idle: whether no measurement runs; tools are checked again only then.
    """

    def __init__(
        self,
        tools: Sequence[Tool],
        check: CanaryCheck,
        state_file: Path,
        is_idle: Callable[[], bool],
    ) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._check = check
        self._state_file = state_file
        self._is_idle = is_idle
        self._kept = load_verdicts(state_file, self._tools)
        self._verdicts: dict[str, CanaryVerdict] = {}
        self._from_disk: set[str] = set()
        self._locks = {name: asyncio.Lock() for name in self._tools}
        self._looking_again = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Check every tool in the background, and again from time to time."""
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stop; a canary that runs is ended."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """Tools that have no verdict yet, not even a kept one."""
        return tuple(name for name in self._tools if not self._known(name))

    def versions(self) -> dict[str, str]:
        """Versions of the tools that are known to see, by name."""
        return {name: verdict.version for name, verdict in self._verdicts.items() if verdict.ok}

    def health(self) -> tuple[ToolHealth, ...]:
        """The latest verdict of each tool, at once."""
        return tuple(self._tool_health(name) for name in self._tools)

    async def proven(self, name: str) -> CanaryVerdict:
        """The verdict on a tool that is about to be used; waits for its first canary.

        A tool that was blind is checked again if that is a minute ago.
        """
        verdict = self._verdicts.get(name)
        if verdict is None or (not verdict.ok and _age_s(verdict) > ASK_AGAIN_S):
            await self._look(self._tools[name], newer_than=verdict)
        return self._verdicts[name]

    async def settled(self) -> None:
        """Wait until no tool is being checked again: load generators run beside no canary."""
        async with self._looking_again:
            return

    def _known(self, name: str) -> CanaryVerdict | None:
        return self._verdicts.get(name) or self._kept.get(name)

    def _tool_health(self, name: str) -> ToolHealth:
        known = self._known(name)
        if known is None:
            return ToolHealth(name=name, ok=False, reason="starting: its canary runs")
        return ToolHealth(name=name, version=known.version, ok=known.ok, reason=known.reason)

    async def _watch(self) -> None:
        await asyncio.gather(*(self.proven(name) for name in self._tools))
        logger.info("canaries: %s", self._summary())
        while True:
            await asyncio.sleep(WATCH_S)
            due = [tool for tool in self._tools.values() if self._is_due(tool)]
            if due and self._is_idle():
                async with self._looking_again:
                    await self._look(due[0], newer_than=self._verdicts[due[0].name])

    def _is_due(self, tool: Tool) -> bool:
        verdict = self._verdicts[tool.name]
        if tool.name in self._from_disk:
            return True
        return _age_s(verdict) > (RECHECK_S if verdict.ok else RECHECK_BLIND_S)

    async def _look(self, tool: Tool, newer_than: CanaryVerdict | None) -> None:
        async with self._locks[tool.name]:
            if self._verdicts.get(tool.name) is not newer_than:
                return
            verdict = await self._fresh_verdict(tool, first=newer_than is None)
            self._verdicts[tool.name] = verdict
            save_verdicts(self._state_file, self._verdicts.values())

    async def _fresh_verdict(self, tool: Tool, *, first: bool) -> CanaryVerdict:
        self._from_disk.discard(tool.name)
        try:
            version = await self._check.version(tool)
        except ToolFault as fault:
            return _verdict(tool, "", str(fault))
        kept = self._kept.get(tool.name)
        same = kept and (kept.version, kept.rules_digest) == (version, _rules_digest(tool))
        if first and kept and kept.ok and same:
            self._from_disk.add(tool.name)
            return kept
        try:
            async with asyncio.timeout(CANARY_LIMIT_S):
                return await self._check.look(tool, version)
        except TimeoutError:
            reason = f"canary not seen: no end within {CANARY_LIMIT_S:.0f} s"
            return _verdict(tool, version, reason)

    def _summary(self) -> str:
        return ", ".join(
            f"{name} {'sees' if verdict.ok else verdict.reason}"
            for name, verdict in self._verdicts.items()
        )


def _age_s(verdict: CanaryVerdict) -> float:
    return (datetime.now(UTC) - verdict.checked_at).total_seconds()
