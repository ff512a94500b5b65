"""Who asks for work, and whether anybody does for a pipeline that does not answer."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from temporalio.api.enums.v1 import TaskQueueType, WorkerVersioningMode
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.service import RPCError

from contract.ids import TASK_QUEUE_CONTROL
from control.builds import build_of, deployment_of
from control.errors import ALIVE_S, ServerAwayError, StrandedError

_LIMIT = timedelta(seconds=5)
_LOOK_S, _PATIENCE_S = 2.0, 30.0
_Answer = TypeVar("_Answer")


async def stranded(
    client: Client, pipeline_id: str, described: WorkflowExecutionDescription
) -> StrandedError | None:
    """Why nobody works on a pipeline that runs; None: somebody does, or the server does not say."""
    build = build_of(described)
    try:
        working = await workers_of_builds(client, deployment_of(described))
    except RPCError:
        return None
    is_there = working[build] if build else working.total()
    return None if is_there else StrandedError(pipeline_id, build)


async def answered(
    asked: Awaitable[_Answer], trouble: Callable[[], Awaitable[StrandedError | None]]
) -> _Answer:
    """What a worker answers; whether there is one is looked up when none did for 2 s.

    Raises:
        StrandedError: there is none.
        ServerAwayError: none answered for 30 s; what was asked may still happen.
    """
    asking = asyncio.ensure_future(asked)
    asking.add_done_callback(lambda done: done.cancelled() or done.exception())
    deadline = time.monotonic() + _PATIENCE_S
    try:
        while not (await asyncio.wait({asking}, timeout=_LOOK_S))[0]:
            if error := await trouble():
                raise error
            if time.monotonic() > deadline:
                raise ServerAwayError(
                    f"no worker answered within {_PATIENCE_S:g} s; it may still do what was asked",
                    next_step="see that a worker runs, and what its log says; then ask again",
                )
        return await asking
    finally:
        asking.cancel()


async def workers_of_builds(client: Client, deployment: str) -> Counter[str]:
    """How many workers asked for work lately, by build ID; those without a version under "".

    Raises:
        RPCError: the server does not say it.
    """
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=TASK_QUEUE_CONTROL),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    told = await client.workflow_service.describe_task_queue(request, timeout=_LIMIT)
    alive = time.time() - ALIVE_S
    counted = Counter[str]()
    for poller in told.pollers:
        if poller.last_access_time.ToSeconds() < alive:
            continue
        says = poller.deployment_options
        versioned = (
            says.worker_versioning_mode == WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
        )
        if not versioned:
            counted[""] += 1
        elif says.deployment_name == deployment:
            counted[says.build_id] += 1
    return counted
