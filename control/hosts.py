"""Which hosts take work from the server, and how much at once."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.worker.v1 import WorkerHeartbeat
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, ListWorkersRequest
from temporalio.client import Client
from temporalio.service import RPCError

from contract.analyzers import AnalyzerKind
from contract.ids import TASK_QUEUE_APPS, task_queue_analyzer
from control.live_documents import HostQueue
from control.server_errors import server_asked

# The server lists a worker that is gone for some minutes; one that lives asks once a minute.
_ALIVE_S = 90.0
_IDENTITY = re.compile(r"\d+@([^ ]+)")


async def hosts_at_work(client: Client, kinds: Iterable[AnalyzerKind]) -> tuple[HostQueue, ...]:
    """Who takes apps and the subtasks of these analyzers, by host.

    Live analyzers have a queue per host, which is asked of the hosts that take apps. The server
    knows slots as the workers' own heartbeats tell them, which are up to a minute old.

    Raises:
        PlatformError: the server does not answer.
    """
    with server_asked():
        told = await _slots(client)
        rows = await _pollers(client, TASK_QUEUE_APPS, "apps", told)
        hosts = sorted({row.host for row in rows})
        for kind in kinds:
            queues = dict.fromkeys(task_queue_analyzer(kind, host) for host in hosts)
            for queue in queues:
                rows += await _pollers(client, queue, kind.value, told)
    return tuple(rows)


Slots = dict[tuple[str, str], WorkerHeartbeat]


async def _slots(client: Client) -> Slots:
    """Heartbeats of workers by identity and queue; none where the server keeps none."""
    request = ListWorkersRequest(namespace=client.namespace, page_size=500)
    try:
        listed = await client.workflow_service.list_workers(request)
    except RPCError:  # an older server
        return {}
    beats = (worker.worker_heartbeat for worker in listed.workers_info)
    return {(beat.worker_identity, beat.task_queue): beat for beat in beats}


async def _pollers(client: Client, queue: str, name: str, told: Slots) -> list[HostQueue]:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    )
    described = await client.workflow_service.describe_task_queue(request)
    alive = [poller for poller in described.pollers if _age_s(poller) < _ALIVE_S]
    rows = [_row(poller, name, told.get((poller.identity, queue))) for poller in alive]
    return sorted(rows, key=lambda row: row.host)


def _row(poller: PollerInfo, name: str, beat: WorkerHeartbeat | None) -> HostQueue:
    slots = beat.activity_task_slots_info if beat else None
    used = slots.current_used_slots if slots else None
    # A supplier of our own does not say how many it could give.
    fixed = slots is not None and slots.slot_supplier_kind == "Fixed"
    return HostQueue(
        host=_host(poller.identity),
        queue=name,
        seen_at=_seen(poller),
        slots=slots.current_available_slots + slots.current_used_slots if slots and fixed else None,
        used=used,
    )


def _host(identity: str) -> str:
    match = _IDENTITY.match(identity)
    return match[1] if match else identity.partition(" ")[0]


def _seen(poller: PollerInfo) -> datetime:
    return poller.last_access_time.ToDatetime(tzinfo=UTC)


def _age_s(poller: PollerInfo) -> float:
    return (datetime.now(UTC) - _seen(poller)).total_seconds()
