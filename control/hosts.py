"""Which hosts take work from the server, and how much at once."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.worker.v1 import WorkerHeartbeat
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, ListWorkersRequest
from temporalio.client import Client
from temporalio.service import RPCError

from contract.analyzers import AnalyzerKind
from contract.ids import (
    TASK_QUEUE_APPS,
    janitor_schedule_id,
    task_queue_analyzer,
    task_queue_host,
)
from control.live_documents import HostQueue
from control.server_errors import server_asked

# The server lists a worker that is gone for some minutes; one that lives asks once a minute. Until
# then the one that took its place tells: a host has one worker.
_ALIVE_S = 90.0
_HOSTS_MAX = 50
_NEVER = datetime.fromtimestamp(0, UTC)
_IDENTITY = re.compile(r"\d+@([^ ]+)")


class HostsAtWork(NamedTuple):
    """Who takes work.

    Attributes:
        rows: by host; a host has one for each queue.
        left_out: how many hosts more there are, of which the server was not asked.
    """

    rows: tuple[HostQueue, ...] = ()
    left_out: int = 0


async def hosts_at_work(client: Client, kinds: Iterable[AnalyzerKind]) -> HostsAtWork:
    """Who takes apps and the subtasks of these analyzers, by host.

    Live analyzers have a queue per host; each host that ever worked has a janitor, which has its
    name. The server knows slots as the workers' own heartbeats tell them, up to a minute late.

    Raises:
        PlatformError: the server does not answer.
    """
    with server_asked():
        asking = _Asking(client, await _slots(client))
        hosts, left_out = await asking.hosts()
        rows = await asking.pollers(TASK_QUEUE_APPS, "apps")
        for kind in kinds:
            for host in hosts if kind.is_live else [""]:
                rows += await asking.pollers(task_queue_analyzer(kind, host), kind.value)
    return HostsAtWork(_latest(rows), left_out)


def _latest(rows: Iterable[HostQueue]) -> tuple[HostQueue, ...]:
    """Of each queue of a host, the worker that asked last, by host."""
    by_age = sorted(rows, key=lambda row: row.seen_at or _NEVER)
    latest = {(row.queue, row.host): row for row in by_age}
    return tuple(latest[key] for key in sorted(latest, key=lambda key: (key[1], key[0])))


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


class _Asking:
    """Asks a server about queues; knows hosts by the identity of their workers."""

    def __init__(self, client: Client, told: Slots) -> None:
        self._client = client
        self._told = told
        self._names: dict[str, str] = {}

    async def hosts(self) -> tuple[list[str], int]:
        """Names of the hosts whose own queue a worker takes work from; how many were not asked."""
        first = janitor_schedule_id("")
        listed = await self._client.list_schedules(page_size=_HOSTS_MAX)
        ids = [schedule.id async for schedule in listed]
        names = [id_.removeprefix(first) for id_ in ids if id_.startswith(first)]
        alive = set[str]()
        for name in names[:_HOSTS_MAX]:
            for poller in await self._listed(task_queue_host(name)):
                self._names[poller.identity] = name  # of one that died, too: it had the same name
                if _age_s(poller) < _ALIVE_S:
                    alive.add(name)
        return sorted(alive), len(names[_HOSTS_MAX:])

    async def pollers(self, queue: str, name: str) -> list[HostQueue]:
        """Who takes work from a queue."""
        listed = await self._listed(queue)
        return [self._row(queue, name, one) for one in listed if _age_s(one) < _ALIVE_S]

    async def _listed(self, queue: str) -> Sequence[PollerInfo]:
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        )
        return (await self._client.workflow_service.describe_task_queue(request)).pollers

    def _row(self, queue: str, name: str, poller: PollerInfo) -> HostQueue:
        beat = self._told.get((poller.identity, queue))
        slots = beat.activity_task_slots_info if beat else None
        # A supplier of our own does not say how many it could give.
        fixed = slots if slots and slots.slot_supplier_kind == "Fixed" else None
        return HostQueue(
            host=self._names.get(poller.identity) or _host(poller.identity),
            queue=name,
            seen_at=_seen(poller),
            slots=fixed.current_available_slots + fixed.current_used_slots if fixed else None,
            used=slots.current_used_slots if slots else None,
        )


def _host(identity: str) -> str:
    match = _IDENTITY.match(identity)
    return match[1] if match else identity.partition(" ")[0]


def _seen(poller: PollerInfo) -> datetime:
    return poller.last_access_time.ToDatetime(tzinfo=UTC)


def _age_s(poller: PollerInfo) -> float:
    return (datetime.now(UTC) - _seen(poller)).total_seconds()
