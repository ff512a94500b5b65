"""Whether client and workers encrypt with the same keys: otherwise a task would fail for ever.

The server shows the identity of each poller. A worker's identity carries the marks of its keys.
"""

import os
import re
import socket
from collections.abc import Sequence

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from clients.codec import VARIABLES, EncryptionCodec, Key
from contract.errors import ErrorCode, PlatformError
from contract.ids import TASK_QUEUE_CONTROL

_MARKS = re.compile(r" keys=([0-9a-f,]*)$")


def identity(keys: Sequence[Key]) -> str:
    """The name of this process at the server."""
    marks = ",".join(key.mark for key in keys)
    return f"{os.getpid()}@{socket.gethostname()}" + (f" keys={marks}" if marks else "")


async def require_shared_keys(client: Client) -> None:
    """Refuse to go on where no worker could read what we write, or we could not read its answers.

    The server lists a dead worker for some minutes; one worker with our keys is therefore enough.

    Raises:
        PlatformError: FAILED_PRECONDITION, with what to do; RPCError as of the server.
    """
    codec = client.data_converter.payload_codec
    own_marks = tuple(key.mark for key in codec.keys) if isinstance(codec, EncryptionCodec) else ()
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=TASK_QUEUE_CONTROL),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    described = await client.workflow_service.describe_task_queue(request)
    worker_marks = [_marks(poller.identity) for poller in described.pollers]
    if worker_marks and not any(_understand(own_marks, marks) for marks in worker_marks):
        raise PlatformError(ErrorCode.FAILED_PRECONDITION, _difference(own_marks, worker_marks[0]))


def _marks(name: str) -> tuple[str, ...]:
    found = _MARKS.search(name)
    return tuple(found[1].split(",")) if found else ()


def _understand(own_marks: Sequence[str], worker_marks: Sequence[str]) -> bool:
    """Whether each side can decrypt what the other one encrypts with its first key."""
    if not own_marks or not worker_marks:
        return not own_marks and not worker_marks
    return own_marks[0] in worker_marks and worker_marks[0] in own_marks


def _difference(own_marks: Sequence[str], worker_marks: Sequence[str]) -> str:
    if not own_marks:
        cause = "the worker encrypts what Temporal keeps, and there is no key here"
    elif not worker_marks:
        cause = "there is a key here, and the worker has none"
    else:
        cause = "the worker encrypts what Temporal keeps with other keys than those here"
    return f"{cause}: set {VARIABLES} alike for the worker and for this command"
