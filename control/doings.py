"""What an app's workflow is busy with, in the words of its activities: their heartbeats."""

from collections.abc import Sequence

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client
from temporalio.exceptions import FailureError

from contract.attempt import Beat

_QUEUED = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
_WAITS = {
    "prepare_app": "waits for a slot to be built",
    "start_app": "waits for its host to start it",
}
_CAUSE_CHARS = 120


async def doings(client: Client, workflow_id: str) -> list[str]:
    """A sentence for each activity that runs, waits in a queue, or is tried again soon.

    Raises:
        RPCError: the server does not know the workflow, or does not answer.
    """
    described = await client.get_workflow_handle(workflow_id).describe()
    pending = described.raw_description.pending_activities
    said = [await _of(client, one) for one in pending]
    return sorted(sentence for sentence in said if sentence)


async def _of(client: Client, one: PendingActivityInfo) -> str:
    if one.state == _QUEUED:
        return await _queued(client, one)
    beats = await _beats(client, one.heartbeat_details.payloads)
    return beats[0].message if beats else ""


async def _queued(client: Client, one: PendingActivityInfo) -> str:
    kind = one.activity_id.removeprefix("analyze-")
    known = f"{kind}: waits for a free slot" if one.activity_type.name == "run_analysis" else ""
    waits = known or _WAITS.get(one.activity_type.name, "")
    if one.attempt <= 1:
        return waits
    what = kind if known else one.activity_type.name
    cause = await client.data_converter.decode_failure(one.last_failure)
    said = cause.message if isinstance(cause, FailureError) else str(cause)
    return f"{what}: is tried again after: {said[:_CAUSE_CHARS]}"


async def _beats(client: Client, payloads: Sequence[Payload]) -> list[Beat]:
    if not payloads:
        return []
    return await client.data_converter.decode(list(payloads[:1]), [Beat])
