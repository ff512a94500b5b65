"""An analyzer and its worker that are killed again and again, in virtual time.

The model knows which work was thrown away. Runtime, cache, registry and activity are the real ones;
only processes, sockets and the clock are not.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from temporalio.exceptions import ApplicationError

from activities.analysis import AnalysisActivities
from analyzers.runtime.measure.cache import ReportCache
from analyzers.runtime.measure.cores import CpuBudget
from analyzers.runtime.measure.equipment import Equipment
from analyzers.runtime.measure.measure import Measurement
from analyzers.runtime.measure.verdicts import CanaryVerdict
from analyzers.runtime.tool import Parsed, ToolRun
from analyzers.runtime.wire.archive import ResultShelf
from analyzers.runtime.wire.jobs import JobRegistry
from clients.analyzers.archive import read_report
from contract.analysis import AnalyzerReport, Coverage, SubtaskRequest
from contract.analyzers import AnalyzerKind, Category
from contract.attempt import Beat
from contract.errors import ErrorCode, PlatformError
from contract.outcome import SubtaskOutcome
from contract.protocol import PROGRESS_INTERVAL_S, Progress
from contract.running import SubtaskOrder
from tests.activities.fakes import FakeArtifacts, FakeRuntime, Result, environment
from tests.support.virtual_time import EPOCH_S

RETRY_AFTER_S = 3.0
CORES = 2.0


@dataclass
class Execution:
    """One time a tool worked on one subtask; `kept`: to its end."""

    subtask_id: str
    tool: str
    began_s: float
    seconds: float = 0.0
    kept: bool = False


@dataclass
class Sleeper:
    """A tool that works for a while; its reports are trusted for `fresh_for`."""

    name: str
    seconds: float
    fresh_for: timedelta | None
    log: list[Execution]
    cost: float = 1.0
    exclusive: bool = False
    after: tuple[str, ...] = ()
    looks_for: frozenset[Category] = frozenset()

    def rules_digest(self) -> str:
        """Always the same rules."""
        return "rules"

    async def run(self, run: ToolRun, execute: Any) -> Parsed:
        """Work, and record how long."""
        clock = asyncio.get_running_loop().time
        mine = Execution(run.request.subtask_id, self.name, clock())
        self.log.append(mine)
        try:
            await asyncio.sleep(self.seconds)
            mine.kept = True
        finally:
            mine.seconds = clock() - mine.began_s
        return Parsed(Coverage(unit="files", reached=1), fresh_for=self.fresh_for)


class _Believed:
    """Canaries that were all seen."""

    async def proven(self, tool: str) -> CanaryVerdict:
        return CanaryVerdict(tool=tool, version="1", ok=True, checked_at=datetime.now(UTC))

    def versions(self) -> dict[str, str]:
        return {}

    async def settled(self) -> None:
        """Nothing runs."""


@dataclass
class Analyzer:
    """A process that may be killed at any moment; the cache and the results on disk stay."""

    folder: Path
    tools: list[Sleeper]
    now: Callable[[], datetime]

    def __post_init__(self) -> None:
        self._cache = ReportCache(self.folder / "cache", now=self.now)
        self._start()

    async def kill(self) -> None:
        """Lose every run; the process is back at once."""
        await self.jobs.stop()
        self._start()

    def _start(self) -> None:
        self.jobs = JobRegistry(self._measure, ResultShelf(self.folder / "r"), self.folder, 4)
        self._equipment: Any = Equipment(
            AnalyzerKind.STATIC,
            self.tools,  # type: ignore[arg-type]
            self.folder,
            CpuBudget(CORES),
            _Believed(),  # type: ignore[arg-type]
            self._cache,
            "code",
        )

    async def _measure(
        self, request: SubtaskRequest, folder: Path, on_progress: Callable[[Progress], None]
    ) -> tuple[AnalyzerReport, Path]:
        source = Path(request.source.path)
        one = Measurement(self._equipment, request, source, folder, on_progress)
        return await one.run(), one.attachments


class Gateway:
    """What the worker sees of the analyzer: progress each few seconds, at the end the result.

    Attributes:
        seen: of each attempt, when how many tools had been begun.
    """

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self.seen: list[list[tuple[float, int]]] = []
        self.counted_from_s = 0.0

    def begun_seconds(self) -> float:
        """The wasted time if every tool that has begun were at work, and no report were reused.

        That was the rule before progress told who waits.
        """
        return sum(
            (later - at) * tools
            for frames in self.seen
            if frames and frames[-1][0] <= self.counted_from_s
            for (at, tools), (later, _) in pairwise(frames)
        )

    async def analyze(
        self,
        request: SubtaskRequest,
        on_progress: Callable[[Progress], None],
        on_end: Callable[[], None],
    ) -> Result:
        """Start the run or re-attach to it."""
        job = await self._analyzer.jobs.submit(request)
        self.seen.append([])
        while not job.ended:
            said = job.progress
            begun = len(said.running) + len(said.waiting)
            self.seen[-1].append((EPOCH_S + asyncio.get_running_loop().time(), begun))
            on_progress(said)
            await job.wait_for_change(PROGRESS_INTERVAL_S)
        if job.failure:
            raise PlatformError(ErrorCode.UNAVAILABLE, job.failure.message)
        archive = self._analyzer.jobs.archive(job)
        report = read_report(archive)
        self.counted_from_s = report.started_at.timestamp() if report.started_at else 0.0
        return Result(report=report, archive=archive)

    async def acknowledge(self, subtask_id: str, analyzer: AnalyzerKind) -> None:
        """The result is safe."""
        await self._analyzer.jobs.acknowledge(subtask_id)


async def outcome_under_kills(
    analyzer: Analyzer,
    gateway: Gateway,
    request: SubtaskRequest,
    dice: random.Random,
    mean_s: float,
) -> SubtaskOutcome:
    """One subtask, while its worker and the analyzer are killed each `mean_s` seconds or so."""
    activities = AnalysisActivities(gateway, FakeArtifacts([]), FakeRuntime())  # type: ignore[arg-type]
    order = SubtaskOrder(**dict(request))
    beat: Beat | None = None
    for attempt in range(1, 200):
        env, beats = environment(attempt=attempt, beat=beat)
        work = asyncio.ensure_future(env.run(activities.run_analysis, order))
        done: set[Any] = set()
        while not done:
            done, _ = await asyncio.wait([work], timeout=dice.expovariate(1 / mean_s))
            if not done and dice.random() < 0.5:
                beat = beats[-1] if beats else beat  # a killed worker sends nothing more
                work.cancel()
                await asyncio.wait([work])
                break
            if not done:
                await analyzer.kill()
                await asyncio.wait([work], timeout=0.0)
        else:
            with suppress(ApplicationError):
                return work.result()
            error: Any = work.exception()
            beat = error.details[0]
        await asyncio.sleep(RETRY_AFTER_S)
    raise AssertionError("killed too often to get anywhere")


def truly_thrown_away(log: list[Execution], outcome: SubtaskOutcome) -> float:
    """Seconds of executions behind no cell of `outcome`: of each tool all but the last."""
    mine = [one for one in log if one.subtask_id == outcome.subtask_id]
    stands = {one.tool: one for one in mine if one.kept}
    return sum(one.seconds for one in mine if stands.get(one.tool) is not one)
