"""`submit`: starts a pipeline from a spec file."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from shlex import quote

from cli.documents import Submitted
from cli.exits import Exit
from cli.follow import follow_to_report
from cli.installation import login_finder, require_stored_baseline
from cli.output import print_lines, print_result, say
from cli.person import person
from cli.program import command
from cli.recorded import recorded_in
from cli.session import Session, open_session
from cli.verdict import require_baseline
from contract.gate import Gate
from contract.priority import PipelinePriority
from contract.spec import PipelinePlan
from control.actions import Action
from control.launching import left_aside
from control.pipelines import submit
from control.plans import checked_plan
from control.specfile import load_spec
from settings import Settings

Ready = Callable[[Session, PipelinePlan], Awaitable[bool]]


async def run_submit(
    settings: Settings,
    spec: Path,
    pipeline_id: str,
    *,
    wait: bool,
    as_json: bool,
    strict: bool = False,
    gates: Collection[Gate] = (),
    priority: PipelinePriority | None = None,
    ready: Ready | None = None,
) -> Exit:
    """Submit the spec; with `wait`, follow it to the end (a stack we started then stops again).

    Gates can only be told at the end, so with them it is followed, too. `ready` is asked when the
    stack is up; where it says no, nothing is submitted.
    """
    wait = wait or bool(gates)
    secret = login_finder(settings)
    plan = await asyncio.to_thread(checked_plan, spec, pipeline_id, say, secret)
    note = left_aside(await asyncio.to_thread(load_spec, spec))
    if priority is not None:
        plan = plan.model_copy(update={"spec": plan.spec.model_copy(update={"priority": priority})})
    require_baseline(gates, pipeline_id, plan.spec.baseline is not None)
    await require_stored_baseline(settings, plan)
    async with open_session(settings, say, start=True) as session:
        if ready is not None and not await ready(session, plan):
            say("nothing was started")
            return Exit.OK
        async with recorded_in(session, Action.START, pipeline_id, f"spec {spec}"):
            started = await submit(session.client, plan, person())
        session.keep = not wait  # only now: a refused submission leaves nothing up
        say(f"{'submitted' if started else 'joined running'} pipeline {pipeline_id}")
        if not started and priority is not None:
            change = command(f"priority {pipeline_id} {priority}")
            say(f"it stays as urgent as it was; to change that: {change}")
        if note:
            add = command(f"schedule add {quote(str(spec))}")
            say(f"{note}; to let the spec run again by itself: {add}")
        if wait:
            return await follow_to_report(
                session, pipeline_id, as_json=as_json, strict=strict, gates=gates
            )
        document = Submitted(
            pipeline_id=pipeline_id,
            started=started,
            apps=len(plan.apps),
            ui=session.ui_link(pipeline_id),
            dashboard=session.dashboard_link(pipeline_id),
            note=note,
        )
        print_result(document, f"pipeline {pipeline_id}: {document.apps} apps", as_json=as_json)
        session.print_where(pipeline_id, as_json=as_json)
        if not as_json:
            print_lines(f"follow: {command(f'watch {pipeline_id}')}")
        if session.started and not as_json:
            print_lines(f"stop the local stack when done: {command('down')}")
    return Exit.OK
