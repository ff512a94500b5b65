"""How the Temporal server of an installation is, its namespace, task queues and schedules."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import NamespaceState, TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
    GetSystemInfoRequest,
)
from temporalio.client import Client, ScheduleListDescription
from temporalio.service import RPCError, RPCStatusCode

from contract.analyzers import AnalyzerKind
from contract.errors import PlatformError
from contract.ids import (
    TASK_QUEUE_APPS,
    TASK_QUEUE_CONTROL,
    TASK_QUEUE_WATCH,
    janitor_schedule_id,
    scan_schedule_id,
    task_queue_analyzer,
    task_queue_host,
    task_queue_start,
)
from control.hosts import HostsAtWork, hosts_at_work
from control.live_documents import HostQueue
from control.server_errors import refused
from control.system_documents import Part, PartState, QueueHealth, ScheduleHealth
from control.system_versions import versions_part

LIMIT_S = 1.2
_RPC_LIMIT = timedelta(seconds=LIMIT_S)
_POLLED_S = 90.0
_HOSTS, _SCHEDULES, _WORKERS = 20, 50, 20
_WORKER = "start a worker, or see its log if it should run"
_JANITOR, _SCAN = janitor_schedule_id(""), scan_schedule_id("")
_WORKFLOW, _ACTIVITY = (
    TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
)
Connect = Callable[[], Awaitable[Client]]


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """The server's parts."""

    parts: tuple[Part, ...]
    queues: tuple[QueueHealth, ...] = ()
    schedules: tuple[ScheduleHealth, ...] | None = None
    schedules_left_out: int = 0
    hosts_left_out: int = 0
    hosts: tuple[HostQueue, ...] | None = None
    slots_left_out: int = 0
    version: str = ""


@dataclass(frozen=True, slots=True)
class _Queue:
    name: str
    purpose: str
    kind: TaskQueueType.ValueType = _ACTIVITY


async def server_health(connect: Connect, deployment: str) -> ServerHealth:
    """Ask the server; that it is away is an answer. Takes 2.4 s at most, 1.2 s where it is away."""
    try:
        async with asyncio.timeout(LIMIT_S):
            client = await connect()
            request = GetSystemInfoRequest()
            info = await client.workflow_service.get_system_info(request, timeout=_RPC_LIMIT)
    except TimeoutError:
        return _away(f"does not answer within {LIMIT_S:g} s", "see that it runs")
    except PlatformError as error:
        return _away(error.message, error.next_step)
    except RPCError as error:
        problem = refused(error)
        return _away(problem.message, problem.next_step)
    where = client.service_client.config.target_host
    server = Part(id="server", name="Temporal server", state=PartState.OK, detail=where)
    namespace, schedules, hosts, versions = await asyncio.gather(
        _namespace(client),
        _schedules(client),
        _slots(client),
        versions_part(client, deployment, LIMIT_S),
    )
    known = _hosts(schedules or ())
    asked = _queues(known[:_HOSTS])
    queues = await asyncio.gather(*(_queue(client, queue) for queue in asked))
    silent = () if schedules is not None else (_no_schedules(),)
    return ServerHealth(
        parts=(server, namespace, _worker(queues), versions, *silent),
        queues=tuple(queues),
        schedules=None if schedules is None else tuple(map(_schedule, schedules[:_SCHEDULES])),
        schedules_left_out=len((schedules or ())[_SCHEDULES:]),
        hosts_left_out=len(known[_HOSTS:]),
        hosts=hosts and hosts.rows,
        slots_left_out=hosts.left_out if hosts else 0,
        version=info.server_version,
    )


def _away(detail: str, next_step: str) -> ServerHealth:
    unknown = "the server does not say: it does not answer"
    rest = (("namespace", "Namespace"), ("worker", "Worker"))
    return ServerHealth(
        parts=(
            Part(
                id="server",
                name="Temporal server",
                state=PartState.AWAY,
                detail=detail,
                next_step=next_step or "see that it runs",
            ),
            *(Part(id=i, name=n, state=PartState.UNKNOWN, detail=unknown) for i, n in rest),
        )
    )


async def _namespace(client: Client) -> Part:
    id_, name = "namespace", f"Namespace {client.namespace}"
    try:
        request = DescribeNamespaceRequest(namespace=client.namespace)
        told = await client.workflow_service.describe_namespace(request, timeout=_RPC_LIMIT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            step = f"make it: temporal operator namespace create -n {client.namespace}"
            return Part(
                id=id_, name=name, state=PartState.AWAY, detail="is not there", next_step=step
            )
        return Part(id=id_, name=name, state=PartState.UNKNOWN, detail=refused(error).message)
    days = told.config.workflow_execution_retention_ttl.ToTimedelta().days
    registered = told.namespace_info.state == NamespaceState.NAMESPACE_STATE_REGISTERED
    return Part(
        id=id_,
        name=name,
        state=PartState.OK if registered else PartState.ATTENTION,
        detail=f"keeps ended workflows for {days} days"
        if registered
        else "is being deleted, or deprecated",
        next_step="" if registered else "use another one: TEMPORAL_NAMESPACE",
    )


def _worker(queues: Iterable[QueueHealth]) -> Part:
    control = next(queue for queue in queues if queue.name == TASK_QUEUE_CONTROL)
    if control.pollers is None:
        detail = "the server does not say who polls"
        return Part(id="worker", name="Worker", state=PartState.UNKNOWN, detail=detail)
    if not control.pollers:
        detail = "none has asked for work within the last 90 s: pipelines wait, and lose nothing"
        return Part(
            id="worker", name="Worker", state=PartState.AWAY, detail=detail, next_step=_WORKER
        )
    seen = zip(control.workers, control.asked_s, strict=True)
    names = ", ".join(f"{name} {age:.0f} s ago" for name, age in seen)
    detail = f"{control.pollers} asked for work: {names}; one that lives asks about once a minute"
    return Part(id="worker", name="Worker", state=PartState.OK, detail=detail)


def _queues(hosts: Sequence[str]) -> list[_Queue]:
    offline = [kind for kind in AnalyzerKind if not kind.is_live]
    live = [kind for kind in AnalyzerKind if kind.is_live]
    return [
        _Queue(TASK_QUEUE_CONTROL, "pipelines and apps: what happens next", _WORKFLOW),
        _Queue(TASK_QUEUE_CONTROL, "recording, reports, health checks"),
        _Queue(TASK_QUEUE_APPS, "builds of apps"),
        _Queue(TASK_QUEUE_WATCH, "watching the apps that run"),
        *(_Queue(task_queue_analyzer(k, ""), f"{k} looks at sources") for k in offline),
        *(_Queue(task_queue_start(host), f"starts of apps on {host}") for host in hosts),
        *(_Queue(task_queue_host(host), f"checks and removals on {host}") for host in hosts),
        *(
            _Queue(task_queue_analyzer(kind, host), f"{kind} looks at running apps on {host}")
            for host in hosts
            for kind in live
        ),
    ]


def _hosts(schedules: Iterable[ScheduleListDescription]) -> list[str]:
    """Each host has a janitor."""
    found = (one.id.removeprefix(_JANITOR) for one in schedules if one.id.startswith(_JANITOR))
    return sorted(found)


async def _queue(client: Client, queue: _Queue) -> QueueHealth:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=queue.name),
        task_queue_type=queue.kind,
        report_stats=True,
    )
    try:
        told = await client.workflow_service.describe_task_queue(request, timeout=_RPC_LIMIT)
    except RPCError as error:
        return QueueHealth(
            name=queue.name,
            purpose=queue.purpose,
            state=PartState.UNKNOWN,
            next_step=refused(error).next_step,
        )
    return _told(queue, told)


def _told(queue: _Queue, told: DescribeTaskQueueResponse) -> QueueHealth:
    now = datetime.now(UTC)
    alive, asked_s = set[str](), dict[str, float]()
    for poller in told.pollers:
        age_s = max(0.0, (now - poller.last_access_time.ToDatetime(UTC)).total_seconds())
        if age_s < _POLLED_S:
            alive.add(poller.identity)
            name = _plain(poller.identity)
            asked_s[name] = min(round(age_s, 1), asked_s.get(name, age_s))
    workers = tuple(sorted(asked_s)[:_WORKERS])
    has_stats = told.HasField("stats")
    backlog = told.stats.approximate_backlog_count if has_stats else None
    oldest_s = told.stats.approximate_backlog_age.ToTimedelta().total_seconds()
    waits = PartState.AWAY if backlog else PartState.ATTENTION
    return QueueHealth(
        name=queue.name,
        purpose=queue.purpose,
        state=PartState.OK if alive else waits,
        pollers=len(alive),
        backlog=backlog,
        oldest_s=round(oldest_s, 1) if backlog else None,
        workers=workers,
        asked_s=tuple(asked_s[name] for name in workers),
        next_step="" if alive else _WORKER,
    )


def _plain(identity: str) -> str:
    """A worker's name without the marks of its keys."""
    return identity.partition(" ")[0]


async def _slots(client: Client) -> HostsAtWork | None:
    """Hosts and their slots; None: the server does not say, or not in time."""
    try:
        async with asyncio.timeout(LIMIT_S):
            return await hosts_at_work(client, AnalyzerKind)
    except (PlatformError, TimeoutError):
        return None


async def _schedules(client: Client) -> tuple[ScheduleListDescription, ...] | None:
    """Those of Assay first; None: the server does not list them all, or not in time."""
    try:
        async with asyncio.timeout(LIMIT_S):
            listed = [one async for one in await client.list_schedules()]
    except (RPCError, TimeoutError):
        return None
    return tuple(sorted(listed, key=lambda one: not one.id.startswith((_JANITOR, _SCAN))))


def _no_schedules() -> Part:
    detail = "the server does not list them, or not in time: queues of single hosts are left out"
    return Part(id="schedules", name="Schedules", state=PartState.UNKNOWN, detail=detail)


def _schedule(one: ScheduleListDescription) -> ScheduleHealth:
    state = one.schedule.state if one.schedule else None
    paused = bool(state and state.paused)
    recent = one.info.recent_actions if one.info else ()
    coming = one.info.next_action_times if one.info else ()
    is_janitor = one.id.startswith(_JANITOR)
    return ScheduleHealth(
        id=one.id,
        purpose=_purpose(one.id),
        state=PartState.ATTENTION if is_janitor and (paused or not coming) else PartState.OK,
        paused=paused,
        last_at=recent[-1].started_at if recent else None,
        next_at=coming[0] if coming and not paused else None,
        detail=(state.note or "") if state else "",
        next_step=_unpaused(one.id) if paused else "",
    )


def _unpaused(id_: str) -> str:
    if id_.startswith(_SCAN):
        return "resume it, with its note in mind"
    return f"temporal schedule toggle --unpause -s {id_}"


def _purpose(id_: str) -> str:
    if id_.startswith(_JANITOR):
        return f"removes what is left of apps on {id_.removeprefix(_JANITOR)}"
    return f"recurring scan {id_.removeprefix(_SCAN)}" if id_.startswith(_SCAN) else "not of Assay"
