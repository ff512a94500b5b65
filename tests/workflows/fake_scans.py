"""Schedules over fake fleets: plans and comparisons are scripted, pipelines are real workflows."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from temporalio import activity

from activities.scans import ScanActivities
from contract.alert import Notice
from contract.analysis import ArtifactRef
from contract.errors import ErrorCode, PlatformError
from contract.scans import ScanComparison, ScanEnd, ScanOrder, ScanRun
from contract.spec import PipelinePlan
from control.scanning import ControlledScans
from tests.support.memory_artifacts import MemoryArtifacts
from tests.workflows import fake_platform


class ScanScript:
    """What the runs of one schedule meet.

    Attributes:
        apps: how many there are in its fleet when it is read.
        trouble: why it cannot be planned.
        starts: faults of attempts to start a pipeline, before and after the real start.
        against: what a comparison with a pipeline says, by its ID; None: it is not in the store.
        untold: what the receivers answer.
        baselines: that its plans were given.
        hold: measurements wait for this.
    """

    def __init__(self) -> None:
        self.apps = 1
        self.trouble: PlatformError | None = None
        self.starts: list[tuple[str, PlatformError]] = []
        self.against: dict[str, ScanComparison | None] = {}
        self.told: list[Notice] = []
        self.untold: tuple[str, ...] = ()
        self.baselines: list[str] = []
        self.planned = self.started = 0
        self.runs: dict[datetime, ScanRun] = {}
        self.hold: fake_platform.Run | None = None


SCRIPTS: defaultdict[str, ScanScript] = defaultdict(ScanScript)


class FakeScans:
    """The port `Scans`: control's own functions, but for the fleet and the comparison."""

    @property
    def _real(self) -> ControlledScans:
        nothing: object = None
        return ControlledScans(activity.client(), nothing, None)  # type: ignore[arg-type]

    async def first_stored(self, ids: Sequence[str]) -> str:
        return next(iter(ids), "")

    async def plan(self, order: ScanOrder, pipeline_id: str, baseline: str) -> PipelinePlan:
        script = SCRIPTS[order.name]
        script.baselines.append(baseline)
        script.planned += 1
        if script.trouble is not None:
            raise script.trouble
        platform = fake_platform.FakePlatform(apps=script.apps, analyzers="s")
        platform.id = pipeline_id
        platform.plan = platform.plan.model_copy(update={"pipeline_id": pipeline_id})
        if script.hold is not None:
            platform.runs[next(iter(platform.plan.spec.analyzers))] = script.hold
        fake_platform.PLATFORMS.setdefault(pipeline_id, platform)
        return platform.plan

    async def start(self, plan: PipelinePlan, started_by: str) -> None:
        script = SCRIPTS[started_by.removeprefix("schedule ")]
        when, fault = script.starts.pop(0) if script.starts else ("never", None)
        if fault and when == "before":
            raise fault
        await self._real.start(plan, started_by)
        script.started += 1
        if fault:
            raise fault

    async def end(self, pipeline_id: str) -> ScanEnd:
        return await self._real.end(pipeline_id)

    async def cancel(self, pipeline_id: str) -> None:
        await self._real.cancel(pipeline_id)

    async def compare(self, order: ScanOrder, then: str, now: str) -> ScanComparison:
        told = SCRIPTS[order.name].against.get(then, ScanComparison(then=then))
        if told is None:
            raise PlatformError(ErrorCode.NOT_FOUND, f"no pipeline {then}")
        return told

    async def due(self, name: str, after: datetime, before: datetime) -> Sequence[datetime]:
        return await self._real.due(name, after, before)


class FakeScanLog:
    """The port `ScanLog` in memory."""

    async def put_scan(self, run: ScanRun) -> None:
        SCRIPTS[run.schedule].runs[run.scheduled_at] = run

    async def scans(
        self, schedule: str, limit: int, before: datetime | None = None
    ) -> Sequence[ScanRun]:
        runs = SCRIPTS[schedule].runs.values()
        found = [run for run in runs if before is None or run.scheduled_at < before]
        return sorted(found, key=lambda run: run.scheduled_at, reverse=True)[:limit]


class FakeNotifier:
    """The port `Notifier`."""

    async def send(self, notice: Notice) -> tuple[str, ...]:
        script = SCRIPTS[notice.labels["schedule"]]
        script.told.append(notice)
        return script.untold


class KeptArtifacts(MemoryArtifacts):
    """Artifacts by their digest."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, bytes] = {}

    async def put_bytes(self, data: bytes, name: str) -> ArtifactRef:
        ref = await super().put_bytes(data, name)
        self.kept[ref.sha256] = data
        return ref

    async def get(self, ref: ArtifactRef) -> bytes:
        return self.kept[ref.sha256]


SCANS = ScanActivities(FakeScans(), FakeScanLog(), KeptArtifacts(), FakeNotifier())  # type: ignore[arg-type]
