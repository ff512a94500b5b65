"""`schedule`: specs that run again by themselves."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rich.table import Table
from rich.text import Text

from cli.exits import Exit
from cli.installation import (
    login_finder,
    require_stored_baseline,
    require_stored_comparison,
    store_of,
)
from cli.output import print_json, print_lines, print_result, say
from cli.person import person
from cli.program import command
from cli.recorded import recorded, typed
from cli.safe import one_line
from cli.session import Session, open_session
from contract.scans import ScanOrder, ScanRun
from contract.schedule import ScheduleSpec
from control.actions import Action
from control.naming import name_of
from control.naming import schedule_name as usable
from control.plans import checked_plan
from control.schedule_documents import ScheduleChanged, ScheduleDocument, SchedulesDocument
from control.schedule_reading import list_schedules, read_schedule
from control.schedules import (
    add_schedule,
    order_for,
    pause_schedule,
    remove_schedule,
    resume_schedule,
    run_now,
    update_schedule,
)
from control.specfile import load_spec
from settings import Settings

_SHOWN = 5


class Asked(NamedTuple):
    """What was typed; `what`: a spec file or the name of a schedule."""

    action: str
    what: str
    name: str
    note: str
    cancel: bool
    runs: int


class _Doing(NamedTuple):
    session: Session
    asked: Asked
    as_json: bool

    def recorded(
        self, action: Action, name: str, detail: str = ""
    ) -> AbstractAsyncContextManager[bool]:
        """The log has the change before it is made."""
        change = typed(action, f"schedule {name}", detail)
        make = self.session.stack is not None
        return recorded(self.session.settings, change, make=make)


async def run_schedule(settings: Settings, asked: Asked, *, as_json: bool) -> Exit:
    """Do what was typed."""
    # What is wrong in a spec is told before any server is looked for.
    order = await _order(settings, asked) if asked.action in ("add", "update") else None
    if order is None and asked.what:
        usable(asked.what)
    async with open_session(settings, say, start=False) as session:
        doing = _Doing(session, asked, as_json)
        if order is not None:
            await _keep(doing, order)
        else:
            await _ACTIONS[asked.action](doing)
    return Exit.OK


async def _order(settings: Settings, asked: Asked) -> ScanOrder:
    """What the schedule keeps; the fleet is read as `submit` would read it now."""
    file = Path(asked.what)
    spec = await asyncio.to_thread(load_spec, file)
    said = spec.schedule.name if spec.schedule else None
    name = usable(asked.name or said or name_of(file.stem))
    order = order_for(spec, name, file, person())
    secret = login_finder(settings)
    plan = await asyncio.to_thread(checked_plan, file, f"{name}-now", say, secret)
    await require_stored_baseline(settings, plan)
    await require_stored_comparison(settings, spec)
    return order


async def _keep(doing: _Doing, order: ScanOrder) -> None:
    adding = doing.asked.action == "add"
    action = Action.SCHEDULE_ADD if adding else Action.SCHEDULE_UPDATE
    make = add_schedule if adding else update_schedule
    said = order.spec.schedule or ScheduleSpec(every="1d")
    async with doing.recorded(action, order.name, f"spec {order.file}, {said.when}"):
        done = await make(doing.session.client, order)
    lines = [f"schedule {order.name} is {done.done}: {said.when}, from {order.file}"]
    lines += _next_lines(done.next, done.timezone)
    lines.append(f"see its runs: {command(f'schedule show {order.name}')}")
    _print(doing, done, lines)


async def _list(doing: _Doing) -> None:
    stored = store_of(doing.session.settings)
    listed = await list_schedules(doing.session.client, stored)
    if doing.as_json:
        print_json(listed)
    elif listed.schedules:
        print_lines(_table(listed))
        if listed.left_out:
            say(f"{listed.left_out} more are left out")
    else:
        say(f"there is no schedule; {command('schedule add SPEC')} adds one")


async def _show(doing: _Doing) -> None:
    stored = store_of(doing.session.settings)
    asked = doing.asked
    shown = await read_schedule(doing.session.client, stored, asked.what, asked.runs)
    print_result(shown, *map(Text, _show_lines(shown)), as_json=doing.as_json)


async def _pause(doing: _Doing) -> None:
    name, note = doing.asked.what, doing.asked.note
    async with doing.recorded(Action.SCHEDULE_PAUSE, name, note):
        done = await pause_schedule(doing.session.client, name, note)
    _print(doing, done, [f"schedule {name} is paused; what runs goes on"])


async def _resume(doing: _Doing) -> None:
    name = doing.asked.what
    async with doing.recorded(Action.SCHEDULE_RESUME, name):
        done = await resume_schedule(doing.session.client, name)
    _print(doing, done, [f"schedule {name} runs again", *_next_lines(done.next, done.timezone)])


async def _run(doing: _Doing) -> None:
    name = doing.asked.what
    async with doing.recorded(Action.SCHEDULE_RUN, name):
        done = await run_now(doing.session.client, name)
    id_ = done.pipeline_id
    told = f"pipeline {id_}; follow: {command(f'watch {id_}')}" if id_ else "its turn comes"
    _print(doing, done, [f"schedule {name} runs now: {told}"])


async def _remove(doing: _Doing) -> None:
    name = doing.asked.what
    async with doing.recorded(
        Action.SCHEDULE_REMOVE, name, "and what runs" if doing.asked.cancel else ""
    ):
        done = await remove_schedule(doing.session.client, name, cancel=doing.asked.cancel)
    lines = [f"schedule {name} is removed; its pipelines stay"]
    lines += [f"cancelled: {', '.join(done.cancelled)}"] * bool(done.cancelled)
    lines += [f"goes on: {', '.join(done.still_running)}"] * bool(done.still_running)
    _print(doing, done, lines)


_ACTIONS: dict[str, Callable[[_Doing], Awaitable[None]]] = {
    "list": _list,
    "show": _show,
    "pause": _pause,
    "resume": _resume,
    "run-now": _run,
    "remove": _remove,
}


def _print(doing: _Doing, done: ScheduleChanged, lines: list[str]) -> None:
    print_result(done, *(Text(one_line(line)) for line in lines), as_json=doing.as_json)


def _table(listed: SchedulesDocument) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("name", "when", "next", "last run", "state"):
        table.add_column(name, overflow="fold")
    for one in listed.schedules:
        zone = one.schedule.timezone
        coming = _moment(one.next[0], zone) if one.next else "paused" if one.paused else "never"
        last = one.last
        told = (last.pipeline_id, last.state) if last else ("none yet", "")
        cells = (one.name, one.when, coming, *told)
        table.add_row(*(Text(one_line(str(text))) for text in cells))
    return table


def _show_lines(one: ScheduleDocument) -> Iterator[str]:
    said = one.schedule
    yield one_line(f"{one.name}: {one.when}, overlap {said.overlap}, catch-up {said.catch_up}")
    yield one_line(f"  spec {one.file} in {one.base}, by {one.added_by}")
    if one.paused or one.note:
        yield one_line(f"  {'paused' if one.paused else 'note'}: {one.note or 'no note'}")
    yield from (f"  {line}" for line in _next_lines(one.next, said.timezone))
    if one.running:
        yield f"  runs now: {', '.join(one.running)}"
    if one.waiting:
        yield f"  {one.waiting}"
    if one.missed:
        yield f"  missed since the latest run: {_times(one.missed)}"
    if one.skipped_total or one.late_total:
        yield (
            f"  left out since it was added: {one.skipped_total} while another run went on, "
            f"{one.late_total} too late"
        )
    for run in one.runs:
        yield from (one_line(line) for line in _run_lines(run))
    if not one.runs:
        yield "  no run yet"


def _run_lines(run: ScanRun) -> Iterator[str]:
    why = f": {run.reason}" if run.reason else ""
    yield f"{_moment(run.scheduled_at)}  {run.pipeline_id}  {run.state}{why}"
    if run.missed:
        yield f"    missed before it: {_times(run.missed)}"
    told = run.comparison
    if told and told.then:
        yield (
            f"    against {told.then}: {told.new} new, {told.unknown} not known, "
            f"{told.lost_looks} no longer measured, {told.apps_gone} apps gone"
        )
    if told and told.note:
        yield f"    {told.note}"
    if run.notices:
        yield f"    told: {', '.join(run.notices)}"
    for problem in run.untold:
        yield f"    not told: {problem}"


def _times(times: tuple[datetime, ...]) -> str:
    more = f" and {len(times) - _SHOWN} more" if len(times) > _SHOWN else ""
    return ", ".join(map(_moment, times[:_SHOWN])) + more


def _next_lines(times: tuple[datetime, ...], zone: str = "UTC") -> list[str]:
    shown = [_moment(time, zone) for time in times[:_SHOWN]]
    return [f"next: {', '.join(shown)}"] if shown else []


def _moment(moment: datetime, zone: str = "UTC") -> str:
    local = moment.astimezone(UTC if zone == "UTC" else ZoneInfo(zone))
    seconds = f"{local::%S}" if local.second else ""
    return f"{local:%Y-%m-%d %H:%M}{seconds} {zone}"
