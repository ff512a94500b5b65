"""What the running apps of a pipeline do now: one activity of the pipeline asks, for all viewers.

Its heartbeat carries the answers. A viewer reads them from the description of the pipeline: one
call to the server, however many apps run. More viewers cause no more questions to the apps.
"""

import asyncio
import time

from temporalio import activity
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.converter import DataConverter
from temporalio.exceptions import FailureError, ServerError
from temporalio.service import RPCError, RPCStatusCode

from activities import Activities
from activities.heartbeat import Attempt
from contract.attempt import Beat
from contract.errors import PlatformError
from contract.ids import APP_WORKFLOW, app_label, pipeline_workflow_id
from contract.limits import ASK_TIMEOUT, DOING_CHARS
from contract.shortening import shortened

# Pause before each description: a worker asks for at most ten in a second, for all pipelines.
_PAUSE_S = 0.1
# From the start of one round over the running apps to the next; heartbeats come as often.
_ROUND_S = 1.0

_QUEUED = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
_WAITS = {
    "prepare_app": "waits for a slot to be built",
    "start_app": "waits for its host to start it",
}
_CAUSE_CHARS = 120


class WatchActivities:
    """Reads what the server knows of pipelines and their apps; it changes nothing."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    def activities(self) -> Activities:
        """All activities of this class, for their own queue: they last as long as pipelines."""
        return [self.watch_apps]

    @activity.defn(name="watch_apps")
    async def watch_apps(self, pipeline_id: str) -> None:
        """Put into the heartbeat what each running app does, until this run of the pipeline ends.

        If the server does not answer, the next round asks again. Retry is safe: only reads.
        """
        async with Attempt("watching what the running apps do") as attempt:
            try:
                await self._watch(pipeline_id, attempt)
            except asyncio.CancelledError:
                if not _is_over():
                    raise

    async def _watch(self, pipeline_id: str, attempt: Attempt) -> None:
        goes_on = True
        while goes_on:
            began_s = time.monotonic()
            try:
                goes_on = await self._round(pipeline_id, attempt)
            except RPCError as exc:
                goes_on = exc.status is not RPCStatusCode.NOT_FOUND
            await asyncio.sleep(max(0.0, began_s + _ROUND_S - time.monotonic()))

    async def _round(self, pipeline_id: str, attempt: Attempt) -> bool:
        """Describe each running app once; False when the run of the pipeline has ended.

        Raises:
            RPCError: the pipeline cannot be described.
        """
        run_id = activity.info().workflow_run_id
        pipeline = await self._describe(pipeline_workflow_id(pipeline_id), run_id)
        if pipeline.status is not WorkflowExecutionStatus.RUNNING:
            return False
        running = _running_apps(pipeline)
        doings = {label: attempt.apps.get(label, "") for label in running}
        attempt.tell_apps(doings)
        for label, workflow_id in running.items():
            doings[label] = await self._look(workflow_id)
            attempt.tell_apps(doings)
        return True

    async def _look(self, workflow_id: str) -> str:
        """What one app does; empty when that cannot be read now."""
        try:
            return await doing_of(await self._describe(workflow_id))
        except (RPCError, PlatformError):
            return ""

    async def _describe(
        self, workflow_id: str, run_id: str | None = None
    ) -> WorkflowExecutionDescription:
        """The description of a workflow; all watches of a worker ask one after another."""
        async with self._turn:
            await asyncio.sleep(_PAUSE_S)
            handle = activity.client().get_workflow_handle(workflow_id, run_id=run_id)
            return await handle.describe(rpc_timeout=ASK_TIMEOUT)


def _is_over() -> bool:
    """Whether nobody needs the watch any more; otherwise the next attempt goes on with it."""
    why = activity.cancellation_details()
    return why is not None and (why.cancel_requested or why.not_found)


def _running_apps(pipeline: WorkflowExecutionDescription) -> dict[str, str]:
    """Workflow IDs of the apps in flight, by the label of the app."""
    children = pipeline.raw_description.pending_children
    ids = [c.workflow_id for c in children if c.workflow_type_name == APP_WORKFLOW]
    return {app_label(workflow_id): workflow_id for workflow_id in sorted(ids)}


async def doing_of(app: WorkflowExecutionDescription) -> str:
    """A sentence for each activity that runs, waits in a queue, or is tried again soon.

    Raises:
        PlatformError: it is encrypted with a key that this process lacks.
    """
    pending = app.raw_description.pending_activities
    sentences = [await _sentence(app.data_converter, activity_) for activity_ in pending]
    return shortened("; ".join(sorted(filter(None, sentences))), DOING_CHARS)


async def _sentence(converter: DataConverter, pending: PendingActivityInfo) -> str:
    if pending.state == _QUEUED:
        return await _queued(converter, pending)
    details = pending.heartbeat_details.payloads
    if not details:
        return ""
    (beat,) = await converter.decode(details[:1], [Beat])
    return beat.message


async def _queued(converter: DataConverter, pending: PendingActivityInfo) -> str:
    name = pending.activity_type.name
    kind = pending.activity_id.removeprefix("analyze-") if name == "run_analysis" else ""
    if pending.attempt <= 1:
        return f"{kind}: waits for a free slot" if kind else _WAITS.get(name, "")
    cause = _told(await converter.decode_failure(pending.last_failure))
    message = cause.message if isinstance(cause, FailureError) else str(cause)
    return f"{kind or name}: is tried again after: {shortened(message, _CAUSE_CHARS)}"


def _told(failure: BaseException) -> BaseException:
    """What the activity told: the server puts a failure that is too large into one of its own."""
    while isinstance(failure, ServerError) and failure.cause is not None:
        failure = failure.cause
    return failure
