"""Recurring scans: added, changed, started, removed. The Temporal server keeps them."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from contract.errors import ErrorCode, PlatformError
from contract.ids import TASK_QUEUE_CONTROL, scan_schedule_id
from contract.scans import ScanOrder
from contract.schedule import span_of
from contract.spec import PipelineSpec
from control.errors import EndedError, NoPipelineError, NoScheduleError, WrongInputError
from control.pipelines import Pipeline
from control.schedule_documents import ScheduleChanged
from control.schedule_reading import latest_pipeline, order_of, running_pipelines
from control.server_errors import refused
from workflows.scheduled_scan import ScheduledScanWorkflow

_OVERLAPS = {
    "skip": ScheduleOverlapPolicy.SKIP,
    "buffer_one": ScheduleOverlapPolicy.BUFFER_ONE,
    "cancel_other": ScheduleOverlapPolicy.CANCEL_OTHER,
    "allow": ScheduleOverlapPolicy.ALLOW_ALL,
}
# A server takes payloads of 2 MB; decisions and the like have files of their own.
_MOST_BYTES = 256 * 1024
# How long a run that was asked for may take to show which pipeline is its own.
_SEEN_S, _LOOK_S = 5.0, 0.1


def order_for(spec: PipelineSpec, name: str, file: Path, by: str) -> ScanOrder:
    """What the schedule of a spec file keeps of it.

    Raises:
        WrongInputError: the spec says no schedule, or is too large to be kept.
    """
    if spec.schedule is None:
        raise WrongInputError(
            f"{file}: says no schedule",
            next_step='write, for example, schedule: {cron: "0 2 * * *"}',
        )
    order = ScanOrder(
        name=name,
        spec=spec,
        base=str(file.absolute().parent),
        file=file.name,
        added_by=by,
        changed_at=datetime.now(UTC),
        paused_at=datetime.now(UTC) if spec.schedule.paused else None,
    )
    if len(order.model_dump_json()) > _MOST_BYTES:
        raise WrongInputError(
            f"{file}: a spec of more than {_MOST_BYTES // 1024} KiB is not kept by a schedule",
            next_step="write decisions and templates into files that it names",
        )
    return order


async def add_schedule(client: Client, order: ScanOrder) -> ScheduleChanged:
    """Let the order's spec run as its schedule says.

    Raises:
        PlatformError: ALREADY_EXISTS: there is a schedule of this name; or the server refuses it.
    """
    with _asked(order.name):
        try:
            await client.create_schedule(scan_schedule_id(order.name), _schedule(order))
        except ScheduleAlreadyRunningError as error:
            raise PlatformError(
                ErrorCode.ALREADY_EXISTS,
                f"there is a schedule {order.name} already",
                next_step="update it, or choose another name",
            ) from error
    return await _changed(client, order.name, "added")


async def update_schedule(client: Client, order: ScanOrder) -> ScheduleChanged:
    """Let later runs use this order; what runs goes on. Whether it is paused stays as it is.

    Raises:
        PlatformError: NOT_FOUND; or the server refuses it.
    """

    async def updated(known: ScheduleUpdateInput) -> ScheduleUpdate:
        paused = known.description.schedule.state.paused
        before = await order_of(client, known.description)
        since = (before.paused_at or order.changed_at) if paused else None
        schedule = _schedule(order.model_copy(update={"paused_at": since}))
        schedule.state.paused = paused
        return ScheduleUpdate(schedule)

    with _asked(order.name):
        await client.get_schedule_handle(scan_schedule_id(order.name)).update(updated)
    return await _changed(client, order.name, "updated")


async def pause_schedule(client: Client, name: str, note: str = "") -> ScheduleChanged:
    """Begin no run until it is resumed; what runs goes on.

    Raises:
        PlatformError: NOT_FOUND; or the server does not answer.
    """

    async def paused(known: ScheduleUpdateInput) -> ScheduleUpdate:
        before = await order_of(client, known.description)
        since = before.paused_at or datetime.now(UTC)
        schedule = _schedule(before.model_copy(update={"paused_at": since}))
        schedule.state.paused = True
        schedule.state.note = note or known.description.schedule.state.note
        return ScheduleUpdate(schedule)

    with _asked(name):
        await client.get_schedule_handle(scan_schedule_id(name)).update(paused)
    return await _changed(client, name, "paused")


async def resume_schedule(client: Client, name: str) -> ScheduleChanged:
    """Run again from now on: times that passed meanwhile are not made up for, and not missed.

    Raises:
        PlatformError: NOT_FOUND; or the server does not answer.
    """

    async def resumed(known: ScheduleUpdateInput) -> ScheduleUpdate:
        before = await order_of(client, known.description)
        fresh = {"changed_at": datetime.now(UTC), "paused_at": None}
        schedule = _schedule(before.model_copy(update=fresh))
        schedule.state.paused = False
        return ScheduleUpdate(schedule)

    with _asked(name):
        await client.get_schedule_handle(scan_schedule_id(name)).update(resumed)
    return await _changed(client, name, "resumed")


async def run_now(client: Client, name: str) -> ScheduleChanged:
    """Begin a run now, also of a schedule that is paused.

    Raises:
        PlatformError: NOT_FOUND; FAILED_PRECONDITION: the run before goes on, and the schedule
            skips then; or the server does not answer.
    """
    handle = client.get_schedule_handle(scan_schedule_id(name))
    with _asked(name):
        before = await handle.describe()
        running = running_pipelines(before)
        if running and before.schedule.policy.overlap is ScheduleOverlapPolicy.SKIP:
            raise PlatformError(
                ErrorCode.FAILED_PRECONDITION,
                f"schedule {name}: its run {running[0]} goes on, and it skips what overlaps",
                next_step="wait for its end, or cancel that pipeline",
            )
        await handle.trigger()
        known, seen = latest_pipeline(before), ""
        for _ in range(int(_SEEN_S / _LOOK_S)):
            seen = latest_pipeline(await handle.describe())
            if seen != known:
                break
            await asyncio.sleep(_LOOK_S)
    begun = seen if seen != known else ""
    return (await _changed(client, name, "started")).model_copy(update={"pipeline_id": begun})


async def remove_schedule(client: Client, name: str, *, cancel: bool) -> ScheduleChanged:
    """Remove the schedule; its pipelines stay, and what runs goes on unless `cancel`.

    Raises:
        PlatformError: NOT_FOUND; or the server does not answer.
    """
    handle = client.get_schedule_handle(scan_schedule_id(name))
    with _asked(name):
        running = running_pipelines(await handle.describe())
        await handle.delete()
    cancelled = [id_ for id_ in running if cancel and await _cancel(client, id_)]
    return ScheduleChanged(
        name=name,
        done="removed",
        cancelled=tuple(cancelled),
        still_running=tuple(id_ for id_ in running if id_ not in cancelled),
    )


async def _cancel(client: Client, pipeline_id: str) -> bool:
    try:
        await Pipeline(client, pipeline_id).cancel()
    except (EndedError, NoPipelineError):
        return False
    return True


async def _changed(client: Client, name: str, done: str) -> ScheduleChanged:
    with _asked(name):
        described = await client.get_schedule_handle(scan_schedule_id(name)).describe()
    coming = () if described.schedule.state.paused else described.info.next_action_times
    return ScheduleChanged(
        name=name,
        done=done,
        timezone=described.schedule.spec.time_zone_name or "UTC",
        next=tuple(coming),
        still_running=running_pipelines(described),
    )


def _schedule(order: ScanOrder) -> Schedule:
    said = order.spec.schedule
    assert said is not None  # noqa: S101 (order_for)
    every = [ScheduleIntervalSpec(every=span_of(said.every))] if said.every else []
    return Schedule(
        action=ScheduleActionStartWorkflow(
            ScheduledScanWorkflow.run,
            order,
            id=scan_schedule_id(order.name),
            task_queue=TASK_QUEUE_CONTROL,
            static_summary=f"scheduled scan {order.name}",
        ),
        spec=ScheduleSpec(
            cron_expressions=list(said.lines),
            intervals=every,
            jitter=span_of(said.jitter) or None,
            time_zone_name=said.timezone if said.lines else None,
        ),
        policy=SchedulePolicy(
            overlap=_OVERLAPS[said.overlap],
            catchup_window=max(span_of(said.catch_up), timedelta(seconds=10)),
        ),
        state=ScheduleState(note=said.note or None, paused=said.paused),
    )


@contextmanager
def _asked(name: str) -> Generator[None]:
    try:
        yield
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NoScheduleError(name) from error
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            message = f"schedule {name}: the server refuses it: {error.message}"
            raise WrongInputError(message, next_step="correct the schedule in the spec") from error
        raise refused(error) from error
