"""Evidence of a run: histories, pending activities, rows."""

from datetime import datetime, timedelta
from typing import Any

from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.service import RPCError

from contract.analysis import SubtaskRequest
from contract.ids import app_workflow_id, pipeline_workflow_id
from contract.record import PipelineRecord
from store.results import SqlResultStore
from tests.chaos.oracle import ActivityRun, WorkflowRun

_ENDS = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: ("completed", "activity_task_completed"),
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: ("failed", "activity_task_failed"),
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: ("timed_out", "activity_task_timed_out"),
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED: ("cancelled", "activity_task_canceled"),
}


async def connect(address: str) -> Client:
    """A client whose threads are in the caller's network namespace."""
    return await Client.connect(
        address,
        data_converter=pydantic_data_converter,
        runtime=Runtime(telemetry=TelemetryConfig()),
    )


async def workflows_of(client: Client, pipeline_id: str) -> list[WorkflowRun]:
    """Every execution of the pipeline: itself, its apps, their guards."""
    mine = pipeline_workflow_id(pipeline_id)
    query = f"WorkflowId = '{mine}' OR WorkflowId STARTS_WITH '{mine}/'"
    return [
        WorkflowRun(
            workflow_id=one.id,
            run_id=one.run_id,
            type=one.workflow_type,
            status=one.status.name if one.status else "UNKNOWN",
        )
        async for one in client.list_workflows(query)
    ]


async def activities_of(client: Client, run: WorkflowRun) -> list[ActivityRun]:
    """Every activity of one history."""
    handle = client.get_workflow_handle(run.workflow_id, run_id=run.run_id)
    scheduled: dict[int, HistoryEvent] = {}
    started: dict[int, HistoryEvent] = {}
    found: list[ActivityRun] = []
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            scheduled[event.event_id] = event
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            begun = event.activity_task_started_event_attributes
            started[begun.scheduled_event_id] = event
        elif event.event_type in _ENDS:
            outcome, name = _ENDS[event.event_type]
            number = getattr(event, f"{name}_event_attributes").scheduled_event_id
            begun = started.get(number)
            found.append(await _activity(client, run, scheduled[number], begun, event, outcome))
    return found


async def _activity(
    client: Client,
    run: WorkflowRun,
    event: HistoryEvent,
    begun: HistoryEvent | None,
    end: HistoryEvent,
    outcome: str,
) -> ActivityRun:
    facts = event.activity_task_scheduled_event_attributes
    subtask_id = ""
    if facts.activity_type.name == "run_analysis":
        (request,) = await client.data_converter.decode(facts.input.payloads, [SubtaskRequest])
        subtask_id = request.subtask_id
    attributes = begun.activity_task_started_event_attributes if begun else None
    return ActivityRun(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        type=facts.activity_type.name,
        task_queue=facts.task_queue.name,
        subtask_id=subtask_id,
        scheduled_s=_unix(event.event_time),
        attempt=attributes.attempt if attributes else 0,
        started_s=_unix(begun.event_time) if begun else 0.0,
        closed_s=_unix(end.event_time),
        outcome=outcome,
        identity=attributes.identity if attributes else "",
    )


async def starts_now(client: Client, workflow_ids: list[str]) -> set[tuple[float, str]]:
    """Start and worker of every attempt that runs now; workflows without an answer are left out."""
    found: set[tuple[float, str]] = set()
    for workflow_id in workflow_ids:
        try:
            description = await client.get_workflow_handle(workflow_id).describe(
                rpc_timeout=timedelta(seconds=3)
            )
        except RPCError:
            continue
        for pending in description.raw_description.pending_activities:
            if pending.HasField("last_started_time") and pending.last_worker_identity:
                found.add((_unix(pending.last_started_time), pending.last_worker_identity))
    return found


async def load_tests_now(client: Client, workflow_ids: list[str]) -> dict[str, bool]:
    """The apps whose load test runs or waits for a slot, and whether it has a slot."""
    found: dict[str, bool] = {}
    for workflow_id in workflow_ids:
        description = await client.get_workflow_handle(workflow_id).describe()
        for pending in description.raw_description.pending_activities:
            if pending.activity_id == "analyze-performance":
                state = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
                found[workflow_id] = pending.state == state
    return found


async def record_of(database_url: str, pipeline_id: str) -> PipelineRecord:
    """The record of the pipeline in the store."""
    store = SqlResultStore.from_url(database_url)
    try:
        return await store.load_pipeline(pipeline_id)
    finally:
        await store.close()


def app_rows(record: PipelineRecord) -> list[str]:
    """Workflow IDs the store's app rows stand for."""
    return [
        app_workflow_id(record.pipeline_id, app.ref.model, app.ref.app_number)
        for app in record.apps
    ]


def load_windows(record: PipelineRecord) -> list[tuple[float, float]]:
    """Begin and end of each load test (Unix time), from its own provenance."""
    windows: list[tuple[float, float]] = []
    for cell in record.cells:
        began: datetime | None = cell.report.provenance.started_at
        if cell.analyzer == "performance" and began:
            duration_s = cell.report.provenance.duration_s
            windows.append((began.timestamp(), began.timestamp() + duration_s))
    return windows


def _unix(stamp: Any) -> float:
    return stamp.seconds + stamp.nanos / 1e9
