"""What the Temporal server says of wedged workflows, queues, janitors and breakers."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.worker.v1 import WorkerHeartbeat
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, ListWorkersRequest
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from contract.alerting import BreakerFacts, JanitorFacts, QueueFacts, ServerFacts
from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode, PlatformError
from contract.ids import (
    TASK_QUEUE_APPS,
    TASK_QUEUE_CONTROL,
    TASK_QUEUE_WATCH,
    janitor_schedule_id,
    task_queue_analyzer,
    task_queue_host,
    task_queue_start,
)
from contract.limits import REASON_CHARS
from contract.progress import PipelineProgress
from contract.shortening import shortened

_RPC = timedelta(seconds=3)
_POLLED_S = 90.0
_HOSTS, _PIPELINES, _WEDGED = 50, 20, 200
_RUNNING = "WorkflowType = 'Pipeline' AND ExecutionStatus = 'Running'"
_REPORTED = "TemporalReportedProblems IS NOT NULL AND ExecutionStatus = 'Running'"
_ACTIVITY = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
_WORKFLOW = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
_Queue = tuple[str, TaskQueueType.ValueType]
_OFFLINE = [task_queue_analyzer(kind, "") for kind in AnalyzerKind if not kind.is_live]
_OF_ALL = (TASK_QUEUE_CONTROL, TASK_QUEUE_APPS, TASK_QUEUE_WATCH, *_OFFLINE)
_QUEUES: list[_Queue] = [
    (TASK_QUEUE_CONTROL, _WORKFLOW),
    *((name, _ACTIVITY) for name in _OF_ALL),
]


class ServerWatch:
    """Port `ServerLook`: some ten small questions."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def look(self) -> ServerFacts:
        """See `ServerLook.look`."""
        try:
            janitors = await self._janitors()
            queues = await self._queues([one.host for one in janitors])
            wedged, named = await self._wedged()
        except RPCError as error:
            message = f"Temporal: {error.message}"
            raise PlatformError(ErrorCode.UNAVAILABLE, message) from error
        return ServerFacts(
            wedged=wedged,
            wedged_named=named,
            queues=queues,
            janitors=janitors,
            breakers=await self._breakers(),
        )

    async def _janitors(self) -> tuple[JanitorFacts, ...]:
        first = janitor_schedule_id("")
        found: list[JanitorFacts] = []
        async for one in await self._client.list_schedules(page_size=_HOSTS):
            if one.id.startswith(first) and len(found) < _HOSTS:
                paused = bool(one.schedule and one.schedule.state.paused)
                found.append(JanitorFacts(host=one.id.removeprefix(first), paused=paused))
        return tuple(found)

    async def _queues(self, hosts: Sequence[str]) -> tuple[QueueFacts, ...]:
        free = await self._free_slots()
        asked = [("", queue) for queue in _QUEUES]
        asked += [(host, (name, _ACTIVITY)) for host in hosts for name in _queues_of(host)]
        return tuple(await asyncio.gather(*(self._queue(*one, free) for one in asked)))

    async def _queue(self, host: str, queue: _Queue, free: dict[_Queue, int]) -> QueueFacts:
        name, kind = queue
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace,
            task_queue=TaskQueue(name=name),
            task_queue_type=kind,
            report_stats=True,
        )
        told = await self._client.workflow_service.describe_task_queue(request, timeout=_RPC)
        now = datetime.now(UTC)
        seen = (one.last_access_time.ToDatetime(UTC) for one in told.pollers)
        return QueueFacts(
            queue=name,
            host=host,
            pollers=sum((now - at).total_seconds() < _POLLED_S for at in seen),
            backlog=told.stats.approximate_backlog_count,
            oldest_s=told.stats.approximate_backlog_age.ToTimedelta().total_seconds(),
            free_slots=free.get(queue),
        )

    async def _free_slots(self) -> dict[_Queue, int]:
        """Free slots of all workers, as their heartbeats say; none where the server keeps none."""
        request = ListWorkersRequest(namespace=self._client.namespace, page_size=500)
        try:
            listed = await self._client.workflow_service.list_workers(request, timeout=_RPC)
        except RPCError:  # an older server
            return {}
        free = Counter[_Queue]()
        for worker in listed.workers_info:
            for kind, count in _slots_of(worker.worker_heartbeat):
                free[worker.worker_heartbeat.task_queue, kind] += count
        return dict(free)

    async def _wedged(self) -> tuple[dict[str, int], dict[str, str]]:
        """Workflows whose tasks fail, by cause, and one of each; an older server says none."""
        try:
            return await self._reported()
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
            return {}, {}

    async def _reported(self) -> tuple[dict[str, int], dict[str, str]]:
        counts, named = Counter[str](), dict[str, str]()
        async for one in self._client.list_workflows(_REPORTED, limit=_WEDGED, rpc_timeout=_RPC):
            problems = one.search_attributes.get("TemporalReportedProblems") or ("unknown",)
            cause = str(problems[-1]).partition("=")[2] or str(problems[-1])
            counts[cause] += 1
            named.setdefault(cause, one.id)
        return dict(counts), named

    async def _breakers(self) -> tuple[BreakerFacts, ...] | None:
        """Breakers that are not closed, of at most 20 pipelines; None: one did not answer."""
        ids: list[str] = []
        with suppress(RPCError):
            running = self._client.list_workflows(_RUNNING, limit=_PIPELINES, rpc_timeout=_RPC)
            ids = [one.id async for one in running]
        answers = await asyncio.gather(*(self._progress(id_) for id_ in ids))
        if any(answer is None for answer in answers):
            return None
        found = (_open(answer) for answer in answers if answer)
        return tuple(one for of_pipeline in found for one in of_pipeline)

    async def _progress(self, workflow_id: str) -> PipelineProgress | None:
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            return await handle.query("progress", result_type=PipelineProgress, rpc_timeout=_RPC)
        except (RPCError, WorkflowQueryFailedError):
            return None


def _open(progress: PipelineProgress) -> Iterable[BreakerFacts]:
    for one in progress.breakers:
        if one.state != "closed":
            yield BreakerFacts(
                pipeline_id=progress.pipeline_id,
                name=one.name,
                state=one.state,
                reason=shortened(one.reason, REASON_CHARS),
            )


def _slots_of(beat: WorkerHeartbeat) -> Iterable[tuple[TaskQueueType.ValueType, int]]:
    if beat.HasField("activity_task_slots_info"):
        yield _ACTIVITY, beat.activity_task_slots_info.current_available_slots
    if beat.HasField("workflow_task_slots_info"):
        yield _WORKFLOW, beat.workflow_task_slots_info.current_available_slots


def _queues_of(host: str) -> list[str]:
    live = [task_queue_analyzer(kind, host) for kind in AnalyzerKind if kind.is_live]
    return [task_queue_start(host), task_queue_host(host), *live]
