"""The journal of a pipeline, read from the histories that the server still holds."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from contract.errors import ErrorCode, PlatformError
from contract.ids import APP_WORKFLOW, pipeline_workflow_id
from contract.journal import (
    AppRecorded,
    JournalEntry,
    PageRegistered,
    SkippedRecorded,
    StateRecorded,
    SubtaskRecorded,
)
from contract.outcome import AppOutcome, SubtaskOutcome
from contract.plan import PlanHeader, PlanPage, UnendedApps
from contract.spec import AppSpec
from control.server_errors import refused

# Activities that write: the entry that each is, its inputs in order and their types.
_WRITES: Mapping[str, tuple[type[Any], tuple[tuple[str, Any], ...]]] = {
    "register_page": (PageRegistered, (("header", PlanHeader), ("page", PlanPage))),
    "record_subtask": (SubtaskRecorded, (("app", AppSpec), ("outcome", SubtaskOutcome))),
    "record_app": (AppRecorded, (("app", AppSpec), ("outcome", AppOutcome))),
    "record_skipped": (SkippedRecorded, (("skipped", UnendedApps),)),
    "record_pipeline_state": (
        StateRecorded,
        (("pipeline_id", str), ("state", str), ("detail", dict)),
    ),
}


async def journal_of(client: Client, pipeline_id: str) -> list[JournalEntry]:
    """What the histories of a pipeline and of its apps hold, in the order in which it happened.

    Raises:
        PlatformError: the server does not answer, or a history cannot be read: UNAUTHENTICATED
            without its key, DATA_LOSS if an input is none that this version knows.
    """
    own = f"WorkflowId = '{pipeline_workflow_id(pipeline_id)}'"
    apps = f"AssayPipeline = '{pipeline_id}' AND WorkflowType = '{APP_WORKFLOW}'"
    timed: list[tuple[datetime, JournalEntry]] = []
    try:
        for query in (own, apps):
            async for run in client.list_workflows(query):
                timed += await _entries(client, run)
    except RPCError as error:
        raise refused(error) from error
    return [entry for _, entry in sorted(timed, key=lambda pair: pair[0])]


async def _entries(client: Client, run: WorkflowExecution) -> list[tuple[datetime, JournalEntry]]:
    """What one run wrote: when it was done, and what. What failed or was called off is left out."""
    handle = client.get_workflow_handle(run.id, run_id=run.run_id)
    begun: dict[int, HistoryEvent] = {}
    done: dict[int, datetime] = {}
    async for event in handle.fetch_history_events():
        if event.HasField("activity_task_scheduled_event_attributes"):
            if _kind(event) in _WRITES:
                begun[event.event_id] = event
        elif event.HasField("activity_task_completed_event_attributes"):
            ended = event.activity_task_completed_event_attributes.scheduled_event_id
            done[ended] = _moment(event)
        elif event.HasField("activity_task_failed_event_attributes"):
            begun.pop(event.activity_task_failed_event_attributes.scheduled_event_id, None)
        elif event.HasField("activity_task_canceled_event_attributes"):
            begun.pop(event.activity_task_canceled_event_attributes.scheduled_event_id, None)
    return [
        (done.get(number, _moment(event)), await _entry(client, run, event))
        for number, event in begun.items()
    ]


async def _entry(client: Client, run: WorkflowExecution, event: HistoryEvent) -> JournalEntry:
    model, inputs = _WRITES[_kind(event)]
    payloads = event.activity_task_scheduled_event_attributes.input.payloads
    try:
        values = await client.data_converter.decode(payloads, [type_ for _, type_ in inputs])
        names = (name for name, _ in inputs)
        return model(at=_moment(event), **dict(zip(names, values, strict=True)))
    except (ValidationError, ValueError, RuntimeError) as error:
        message = f"the history of {run.id} (run {run.run_id}) cannot be read: {_first(error)}"
        raise PlatformError(ErrorCode.DATA_LOSS, message) from error


def _kind(event: HistoryEvent) -> str:
    return event.activity_task_scheduled_event_attributes.activity_type.name


def _moment(event: HistoryEvent) -> datetime:
    """When the server wrote it down; activities are told the same moment."""
    return event.event_time.ToDatetime().replace(tzinfo=UTC)


def _first(error: Exception) -> str:
    return str(error).splitlines()[0][:300] if str(error) else type(error).__name__


def is_whole(entries: Iterable[JournalEntry]) -> bool:
    """Whether every page of the plan is among them: histories forget what is old."""
    headers = [entry for entry in entries if isinstance(entry, PageRegistered)]
    if not headers:
        return False
    seen = {entry.page.digest for entry in headers}
    return seen.issuperset(headers[0].header.pages)
