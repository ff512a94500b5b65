"""What the worker does for runs of schedules, with the functions behind `submit` and `compare`."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import CancelledError
from temporalio.service import RPCError, RPCStatusCode

from activities.ports import ArtifactStore, Notifier
from activities.scans import ScanActivities
from contract.analysis import Severity
from contract.ids import scan_schedule_id
from contract.progress import PipelinePhase, PipelineResult
from contract.scans import ScanComparison, ScanEnd, ScanOrder, ScanState
from contract.schedule import ScheduleSpec
from contract.secret import SecretRef
from contract.spec import PipelinePlan
from contract.weakness import BaselineState
from control.choices import require_logins
from control.comparing import compare
from control.comparing_asked import AskedChanges
from control.comparison import Change, Comparison
from control.errors import AlreadyRanError, EndedError, NoPipelineError
from control.pipelines import Pipeline
from control.plans import resolve
from control.server_errors import refused
from control.starting import start_pipeline
from control.stored import Stored, require_comparable
from store.scans import ScanStore

_GRADES = tuple(Severity)
_CHANGES, _EXAMPLES, _DUE_MAX = 1_000, 5, 200
_ENDS = {
    PipelinePhase.COMPLETED: ScanState.COMPLETED,
    PipelinePhase.CANCELLED: ScanState.CANCELLED,
}


class ControlledScans:
    """The port `Scans`, as the worker's composition root gives it to activities."""

    def __init__(
        self, client: Client, stored: Stored, secret: Callable[[SecretRef], str] | None
    ) -> None:
        self._client = client
        self._stored = stored
        self._secret = secret

    async def first_stored(self, ids: Sequence[str]) -> str:
        """The first of these pipelines that is in the store; empty: none of them."""
        there = {one.pipeline_id for one in await self._stored.pipelines(ids)} if ids else set()
        return next((id_ for id_ in ids if id_ in there), "")

    async def plan(self, order: ScanOrder, pipeline_id: str, baseline: str) -> PipelinePlan:
        """The plan of the kept spec over its fleet as it is now."""
        said = order.spec.baseline or baseline or None
        spec = order.spec.model_copy(update={"baseline": said})
        plan = await asyncio.to_thread(resolve, spec, Path(order.base), pipeline_id)
        if self._secret is not None:
            require_logins(plan.spec, self._secret)
        await require_comparable(self._stored, plan)
        return plan

    async def start(self, plan: PipelinePlan, started_by: str) -> None:
        """Start the pipeline, join it where it runs, leave it where it has ended."""
        try:
            await start_pipeline(self._client, plan, started_by)
        except AlreadyRanError:
            return

    async def end(self, pipeline_id: str) -> ScanEnd:
        """Wait for the end; a server that is away is asked again by the next attempt."""
        try:
            return _end_of(await Pipeline(self._client, pipeline_id).result())
        except WorkflowFailureError as error:
            if isinstance(error.cause, CancelledError):
                return ScanEnd(state=ScanState.CANCELLED, message="the pipeline was cancelled")
            return ScanEnd(state=ScanState.FAILED, message=f"its workflow ended: {error.cause}")
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise refused(error) from error
            message = "the server does not know the pipeline any more"
            return ScanEnd(state=ScanState.FAILED, message=message)

    async def cancel(self, pipeline_id: str) -> None:
        """Let a pipeline end early; one that does not run is left as it is."""
        pipeline = Pipeline(self._client, pipeline_id)
        try:
            await pipeline.require_running()
            await pipeline.cancel()
        except (EndedError, NoPipelineError):
            return

    async def compare(self, order: ScanOrder, then: str, now: str) -> ScanComparison:
        """The later pipeline against the earlier one, as `compare` tells it."""
        least = (order.spec.schedule or ScheduleSpec(every="1d")).notify.min_severity
        grave = _GRADES[: _GRADES.index(Severity(least)) + 1]
        wanted = AskedChanges(state=(BaselineState.NEW, BaselineState.UNKNOWN), severity=grave)
        told = await compare(self._stored, then, now, wanted, limit=_CHANGES, most_apps=0)
        return in_brief(told)

    async def due(self, name: str, after: datetime, before: datetime) -> Sequence[datetime]:
        """Times of the schedule after `after` and before `before`."""
        return await due_times(self._client, name, after, before)


async def due_times(
    client: Client, name: str, after: datetime, before: datetime
) -> Sequence[datetime]:
    """Times of the schedule `name` between two moments; of one that is gone there are none.

    Raises:
        PlatformError: the server does not answer.
    """
    if after >= before:
        return ()
    request = ListScheduleMatchingTimesRequest(
        namespace=client.namespace,
        schedule_id=scan_schedule_id(name),
        start_time=_stamp(after),
        end_time=_stamp(before),
    )
    try:
        told = await client.workflow_service.list_schedule_matching_times(request)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return ()
        raise refused(error) from error
    times = [stamp.ToDatetime(after.tzinfo) for stamp in told.start_time[:_DUE_MAX]]
    return [time for time in times if after < time < before]


def scan_activities(
    client: Client,
    store_url: str,
    artifacts: ArtifactStore,
    notifier: Notifier | None,
    secret: Callable[[SecretRef], str] | None,
) -> ScanActivities:
    """The activities of scheduled scans, for a worker.

    Args:
        client: starts pipelines.
        store_url: of the worker's store.
        artifacts: keep plans.
        notifier: tells people; None: nobody is to be told.
        secret: finds a login as the worker does.
    """
    stored = Stored(store_url, in_use=lambda: True).kept()
    scans = ControlledScans(client, stored, secret)
    return ScanActivities(scans, ScanStore.from_url(store_url), artifacts, notifier)


def in_brief(told: Comparison) -> ScanComparison:
    """A comparison in few figures; what is suppressed or the scaffold's is not among the new."""
    count = [each for each in told.changes if each.weakness.counts and each.there]
    new = [each for each in count if each.state is BaselineState.NEW]
    critical = [each for each in new if each.weakness.finding.severity is Severity.CRITICAL]
    there = [each for each in count if each.state is BaselineState.UNKNOWN]
    return ScanComparison(
        then=told.then,
        note=f"{told.changes_left_out} more are not counted" if told.changes_left_out else "",
        new=len(new),
        new_critical=len(critical),
        unknown=len(there),
        examples=tuple(_words(each) for each in new[:_EXAMPLES]),
        lost=told.lost,
        apps_gone=told.summary.only_then_total,
        gone_examples=told.summary.only_then[:_EXAMPLES],
    )


def _words(change: Change) -> str:
    found = change.weakness.finding
    name = change.weakness.family or found.rule_id
    where = found.location.path or found.location.url
    place = f" in {where}" if where else ""
    return f"{change.app}: {found.severity} {name}{place}"


def _end_of(result: PipelineResult) -> ScanEnd:
    state = _ENDS.get(result.phase, ScanState.FAILED)
    return ScanEnd(state=state, message=result.message)


def _stamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
