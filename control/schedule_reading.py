"""What the server and the store say of recurring scans."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleDescription,
)
from temporalio.service import RPCError, RPCStatusCode

from activities.scans import missed
from contract.errors import ErrorCode, PlatformError
from contract.ids import scan_pipeline_id, scan_schedule_id
from contract.scans import ScanOrder, ScanRun, ScanState
from contract.schedule import LAST, ScheduleSpec, span_of
from control.errors import NoScheduleError, NotStoredError, WrongInputError
from control.scanning import due_times
from control.schedule_documents import ScheduleDocument, SchedulesDocument
from control.server_errors import refused
from control.stored import Stored
from control.system_documents import ScheduleHealth

LISTED, RUNS, RUNS_MAX = 100, 5, 200
_PREFIX = scan_schedule_id("")


async def list_schedules(client: Client, stored: Stored) -> SchedulesDocument:
    """The recurring scans, each with its latest runs.

    Raises:
        PlatformError: the server does not answer, or the store cannot be read.
    """
    names = sorted(await schedule_names(client))
    read = (_read(client, stored, name, RUNS) for name in names[:LISTED])
    found = await asyncio.gather(*read)
    return SchedulesDocument(
        schedules=tuple(one for one in found if one is not None),
        left_out=len(names[LISTED:]),
    )


async def schedule_names(client: Client) -> frozenset[str]:
    """The names of the recurring scans that there are. Raises: PlatformError: no answer."""
    try:
        listed = [one.id async for one in await client.list_schedules()]
    except RPCError as error:
        raise refused(error) from error
    return frozenset(id_.removeprefix(_PREFIX) for id_ in listed if id_.startswith(_PREFIX))


async def read_schedule(
    client: Client, stored: Stored, name: str, limit: int = 20
) -> ScheduleDocument:
    """One recurring scan, with its latest runs.

    Raises:
        PlatformError: NOT_FOUND; or the server does not answer, or the store cannot be read.
    """
    found = await _read(client, stored, name, limit)
    if found is None:
        raise NoScheduleError(name)
    return found


async def _read(client: Client, stored: Stored, name: str, limit: int) -> ScheduleDocument | None:
    try:
        described = await client.get_schedule_handle(scan_schedule_id(name)).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise refused(error) from error
    order = await order_of(client, described)
    runs = await stored.scans(name, limit)
    late = await _missed(client, order, runs)
    return _document(order, described, runs, late)


async def with_result(one: ScheduleHealth, stored: Stored) -> ScheduleHealth:
    """The health of a schedule, if it is a recurring scan with how its latest run ended.

    Raises:
        PlatformError: the store cannot be read.
    """
    if not one.id.startswith(_PREFIX):
        return one
    told = [one.detail] if one.detail else []
    for run in await stored.scans(one.id.removeprefix(_PREFIX), 1):
        why = f": {run.reason}" if run.reason else ""
        told.append(f"last run {run.pipeline_id} {run.state.replace('_', ' ')}{why}")
    return one.model_copy(update={"detail": "; ".join(told)})


def _document(
    order: ScanOrder,
    described: ScheduleDescription,
    runs: Sequence[ScanRun],
    late: tuple[datetime, ...],
) -> ScheduleDocument:
    said = order.spec.schedule
    assert said is not None  # noqa: S101 (no order is made without)
    info, state = described.info, described.schedule.state
    running = running_pipelines(described)
    waits = described.raw_description.info.buffer_size > 0
    waiting, late = (_waiting(late, running), late[1:]) if waits else ("", late)
    return ScheduleDocument(
        name=order.name,
        when=said.when,
        schedule=said,
        paused=state.paused,
        note=state.note or "",
        file=order.file,
        base=order.base,
        added_by=order.added_by,
        changed_at=order.changed_at,
        next=() if state.paused else tuple(info.next_action_times),
        running=running,
        waiting=waiting,
        missed=late,
        skipped_total=info.num_actions_skipped_overlap,
        late_total=info.num_actions_missed_catchup_window,
        runs=tuple(_as_it_is(run, running) for run in runs),
    )


def _waiting(late: Sequence[datetime], running: Sequence[str]) -> str:
    at = f"the run of {late[0]:%Y-%m-%d %H:%M:%S} UTC" if late else "a run"
    return f"{at} waits for the end of {', '.join(running) or 'the one before'}"


def _as_it_is(run: ScanRun, running: Sequence[str]) -> ScanRun:
    """A run as it is now: one whose workflow was ended from outside said nothing of its end."""
    if run.state is not ScanState.RUNNING or run.pipeline_id in running:
        return run
    reason = "its workflow was ended from outside; see its pipeline"
    return run.model_copy(update={"state": ScanState.FAILED, "reason": reason})


async def _missed(
    client: Client, order: ScanOrder, runs: Sequence[ScanRun]
) -> tuple[datetime, ...]:
    """Times since the latest run at which nothing began."""
    since = max([order.changed_at, *(run.scheduled_at for run in runs[:1])])
    until = order.unpaused_until(datetime.now(UTC))
    due = await due_times(client, order.name, since, until)
    jitter = span_of(order.spec.schedule.jitter) if order.spec.schedule else span_of("0s")
    return tuple(missed(due, [run.scheduled_at for run in runs], jitter))


async def order_of(client: Client, described: ScheduleDescription) -> ScanOrder:
    """What a schedule keeps of its spec.

    Raises:
        PlatformError: it is no recurring scan, or is encrypted with a key that is not here.
    """
    action = described.schedule.action
    payloads = action.args if isinstance(action, ScheduleActionStartWorkflow) else ()
    kept = [payload for payload in payloads if isinstance(payload, Payload)]
    if len(kept) != 1:
        raise PlatformError(ErrorCode.FAILED_PRECONDITION, f"{described.id} is no recurring scan")
    (order,) = await client.data_converter.decode(kept, [ScanOrder])
    return order


def running_pipelines(described: ScheduleDescription) -> tuple[str, ...]:
    """IDs of the pipelines of the runs that go on."""
    ids = (
        _pipeline_of(described.id, action.workflow_id)
        for action in described.info.running_actions
        if isinstance(action, ScheduleActionExecutionStartWorkflow)
    )
    return tuple(id_ for id_ in ids if id_)


def latest_pipeline(described: ScheduleDescription) -> str:
    """ID of the pipeline of the latest run; empty: there was none."""
    actions = [one.action for one in described.info.recent_actions[-1:]]
    ids = (
        _pipeline_of(described.id, action.workflow_id)
        for action in actions
        if isinstance(action, ScheduleActionExecutionStartWorkflow)
    )
    return next(ids, "")


def _pipeline_of(schedule_id: str, workflow_id: str) -> str:
    """The server puts the time of a run behind the ID of its workflow."""
    try:
        at = datetime.fromisoformat(workflow_id.removeprefix(f"{schedule_id}-"))
    except ValueError:
        return ""
    return scan_pipeline_id(schedule_id.removeprefix(_PREFIX), at)


async def require_compared_with(stored: Stored, said: ScheduleSpec | None) -> None:
    """Refuse a schedule that compares its runs with a pipeline that the store does not have.

    Raises:
        WrongInputError: there is no such pipeline.
    """
    if said is None or said.compare_with == LAST:
        return
    name = said.compare_with
    try:
        await stored.answered(name, lambda store: store.overview(name))
    except NotStoredError as error:
        raise WrongInputError(
            f"schedule.compare_with: {error.message}",
            next_step=f"name a pipeline that the store has, or write {LAST}",
        ) from error
