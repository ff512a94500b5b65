"""Runs of a schedule: plan, start, wait, compare, tell. Each step may be done twice."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from temporalio import activity

from activities import Activities
from activities.heartbeat import Attempt
from activities.ports import ArtifactStore, Notifier
from activities.scan_notices import notices_of
from activities.scan_ports import ScanLog, Scans
from contract.analysis import ArtifactRef
from contract.errors import ErrorCode, PlatformError
from contract.scans import ScanComparison, ScanEnd, ScanOrder, ScanRun, ScanState
from contract.schedule import LAST, ScheduleSpec, span_of
from contract.spec import PipelinePlan

# How many earlier runs are looked at for one that can be compared with, and for missed times.
_LOOK_BACK = 20
_MISSED_MAX = 100


class ScanActivities:
    """What a scheduled scan asks of the world.

    A plan is kept as an artifact before its pipeline starts: however often the start is tried, and
    whatever changes in the fleet meanwhile, it is this plan's.
    """

    def __init__(
        self, scans: Scans, log: ScanLog, artifacts: ArtifactStore, notifier: Notifier | None
    ) -> None:
        self._scans = scans
        self._log = log
        self._artifacts = artifacts
        self._notifier = notifier

    def in_control(self) -> Activities:
        """Those of the control queue."""
        return [
            self.plan_scan,
            self.start_scan,
            self.cancel_scan,
            self.compare_scan,
            self.record_scan,
            self.missed_scans,
            self.notify_of_scan,
        ]

    def in_watch(self) -> Activities:
        """Those that last as long as a pipeline."""
        return [self.await_scan]

    @activity.defn(name="plan_scan")
    async def plan_scan(self, order: ScanOrder, pipeline_id: str) -> ArtifactRef:
        """Keep the plan of the order's spec over its fleet as it is now. Retry is safe.

        What it will be compared with is its baseline, too: decisions taken for that one hold.
        """
        async with Attempt(f"planning {pipeline_id}"):
            then = await self._scans.first_stored(await self._earlier(order, None))
            plan = await self._scans.plan(order, pipeline_id, then if then != pipeline_id else "")
            data = plan.model_dump_json().encode()
            return await self._artifacts.put_bytes(data, "plan.json")

    @activity.defn(name="start_scan")
    async def start_scan(self, plan: ArtifactRef, started_by: str) -> int:
        """Start the pipeline of a kept plan; how many apps it has. Retry is safe: its ID is one."""
        async with Attempt("starting the pipeline"):
            data = await self._artifacts.get(plan)
            whole = PipelinePlan.model_validate_json(data)
            await self._scans.start(whole, started_by)
        return len(whole.apps)

    @activity.defn(name="await_scan")
    async def await_scan(self, pipeline_id: str) -> ScanEnd:
        """Wait for the end of the pipeline. Retry is safe: it only waits."""
        async with Attempt(f"waiting for the end of {pipeline_id}"):
            return await self._scans.end(pipeline_id)

    @activity.defn(name="cancel_scan")
    async def cancel_scan(self, pipeline_id: str) -> None:
        """Let the pipeline end early. Retry is safe: it is cancelled once."""
        async with Attempt(f"cancelling {pipeline_id}"):
            await self._scans.cancel(pipeline_id)

    @activity.defn(name="compare_scan")
    async def compare_scan(self, order: ScanOrder, run: ScanRun) -> ScanComparison:
        """The run against the last one that completed, or against what its spec names. Reads."""
        async with Attempt(f"comparing {run.pipeline_id}"):
            earlier = await self._earlier(order, run.scheduled_at)
            return await self._against(order, earlier, run)

    async def _earlier(self, order: ScanOrder, before: datetime | None) -> list[str]:
        """What a run may be compared with, the wanted one first."""
        wanted = (order.spec.schedule or _UNSAID).compare_with
        if wanted != LAST:
            return [wanted]
        runs = await self._log.scans(order.name, _LOOK_BACK, before)
        return [run.pipeline_id for run in runs if run.state is ScanState.COMPLETED]

    async def _against(self, order: ScanOrder, ids: Sequence[str], run: ScanRun) -> ScanComparison:
        """Against the first of these pipelines that is still in the store."""
        gone = list[str]()
        for then in ids:
            try:
                told = await self._scans.compare(order, then, run.pipeline_id)
            except PlatformError as fault:
                if fault.code is not ErrorCode.NOT_FOUND:
                    raise
                gone.append(then)
                continue
            note = "; ".join(filter(None, (told.note, _gone(gone))))
            return told.model_copy(update={"note": note})
        if gone:
            return ScanComparison(note=f"nothing to compare with: {_gone(gone)}")
        return ScanComparison(note="nothing to compare with: no run completed before")

    @activity.defn(name="missed_scans")
    async def missed_scans(self, order: ScanOrder, at: datetime) -> list[datetime]:
        """Times since the run before, or since the schedule changed, at which nothing began."""
        async with Attempt("looking for times that were missed"):
            earlier = await self._log.scans(order.name, _LOOK_BACK, at)
            since = max([order.changed_at, *(run.scheduled_at for run in earlier[:1])])
            due = await self._scans.due(order.name, since, order.unpaused_until(at))
            jitter = span_of((order.spec.schedule or _UNSAID).jitter)
        began = [at, *(run.scheduled_at for run in earlier)]
        return missed(due, began, jitter)

    @activity.defn(name="record_scan")
    async def record_scan(self, run: ScanRun) -> None:
        """Keep what came of the run. Retry is safe: an upsert."""
        async with Attempt("recording the run"):
            await self._log.put_scan(run)

    @activity.defn(name="notify_of_scan")
    async def notify_of_scan(self, order: ScanOrder, run: ScanRun) -> ScanRun:
        """Tell what is new; the run, with what was told and to whom it could not be.

        Retry is safe: a receiver is not told twice of one key.
        """
        async with Attempt("telling people"):
            notices = notices_of(order, run)
            untold = list[str]()
            if notices and self._notifier is None:
                untold.append("nobody: no alerts file names receivers")
            elif self._notifier is not None:
                for notice in notices:
                    untold += await self._notifier.send(notice)
        names = tuple(notice.name for notice in notices)
        return run.model_copy(update={"notices": names, "untold": tuple(dict.fromkeys(untold))})


_UNSAID = ScheduleSpec(every="1d")


def missed(due: Sequence[datetime], began: Sequence[datetime], jitter: timedelta) -> list[datetime]:
    """The times at which no run began; with jitter a run begins up to so much after its time."""
    return [time for time in due if not any(start <= time <= start + jitter for start in began)][
        :_MISSED_MAX
    ]


def _gone(ids: Sequence[str]) -> str:
    return f"not in the store any more: {', '.join(ids[:3])}" if ids else ""
