"""Commands that drive pipelines: submit, watch, control, retry, add."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

from cli.errors import UserError
from cli.exits import Exit
from cli.follow import follow_to_report, print_where, say_why, status_document, watch
from cli.program import command
from cli.session import open_session
from cli.terminal import print_json, say, stdout
from cli.view import progress_line
from contract.progress import PipelineProgress
from control.adding import apps_to_add
from control.documents import Added, Retried, Sent, Submitted
from control.listing import UNFINISHED, has_server, stored_progress, stored_record
from control.naming import app_of
from control.pipelines import Pipeline, submit
from control.plans import checked_plan
from control.reports import of_phase, read_report, verdict
from control.starting import current_plan
from settings import Settings


async def run_submit(
    settings: Settings,
    spec: Path,
    pipeline_id: str,
    *,
    wait: bool,
    as_json: bool,
    strict: bool = False,
) -> Exit:
    """Submit the spec; with `wait`, follow it to the end (a stack we started then stops again)."""
    plan = await asyncio.to_thread(checked_plan, settings, spec, pipeline_id, say)
    async with open_session(settings, say, start=True) as session:
        started = await submit(session.client, plan)
        session.keep = not wait  # only now: a refused submission leaves nothing up
        say(f"{'submitted' if started else 'joined running'} pipeline {pipeline_id}")
        if wait:
            return await follow_to_report(session, pipeline_id, as_json=as_json, strict=strict)
        link = session.ui_link(pipeline_id)
        if as_json:
            count = len(plan.apps)
            print_json(Submitted(pipeline_id=pipeline_id, started=started, apps=count, ui=link))
            return Exit.OK
        stdout.print(f"pipeline {pipeline_id}: {len(plan.apps)} apps")
        print_where(link, as_json=as_json)
        stdout.print(f"follow: {command(f'watch {pipeline_id}')}")
        if session.started:
            stdout.print(f"stop the local stack when done: {command('down')}")
    return Exit.OK


async def run_watch(settings: Settings, pipeline_id: str, *, as_json: bool, strict: bool) -> Exit:
    """Follow a running pipeline; one that ended is told of at once."""
    if told_by_server := has_server(settings):
        async with open_session(settings, say, start=False) as session:
            last = await watch(Pipeline(session.client, pipeline_id))
    else:
        last = await _ended(settings, pipeline_id)
    if as_json:
        print_json(status_document(last, told_by="server" if told_by_server else "store"))
    code = of_phase(last.phase)
    with suppress(UserError):  # the report is where the worker runs
        code = code or verdict(read_report(settings.data_dir, pipeline_id), strict=strict)
    say_why(code)
    return code


async def _ended(settings: Settings, pipeline_id: str) -> PipelineProgress:
    """What came of a pipeline that ended; nothing would happen to one that did not."""
    progress, state = await stored_progress(settings, pipeline_id)
    if state == UNFINISHED:
        raise UserError(
            f"pipeline {pipeline_id} is unfinished, and no local stack runs",
            next_step=f"it goes on after {command('up')}",
            code=Exit.UNAVAILABLE,
        )
    say(progress_line(progress))
    return progress


async def run_control(
    settings: Settings, pipeline_id: str, name: str, *arguments: Any, as_json: bool
) -> Exit:
    """Send one of the pipeline's messages."""
    async with open_session(settings, say, start=False) as session:
        pipeline = Pipeline(session.client, pipeline_id)
        await _require_running(
            pipeline, f"{command(f'report {pipeline_id}')} tells what came of it"
        )
        answer = None
        if arguments:
            answer = await pipeline.update(name, *arguments)
        else:
            await pipeline.signal(name)
    if as_json:
        print_json(Sent(pipeline_id=pipeline_id, sent=name, answer=answer))
    else:
        stdout.print(f"{name}: sent to {pipeline_id}")
    return Exit.OK


async def _require_running(pipeline: Pipeline, next_step: str) -> None:
    if not await pipeline.is_running():
        raise UserError(f"pipeline {pipeline.id} has ended", next_step=next_step)


async def run_retry(
    settings: Settings, pipeline_id: str, apps: list[str], *, as_json: bool, strict: bool
) -> Exit:
    """Retry inside a running pipeline, or reopen an ended one for what failed."""
    names = [app_of(app).label for app in apps]
    async with open_session(settings, say, start=True) as session:
        pipeline = Pipeline(session.client, pipeline_id)
        running = await pipeline.is_running()
        if running:
            retried = await pipeline.update("retry_failed", names)
        else:
            retried = await pipeline.reopen(await stored_record(settings, pipeline_id), names)
        # Without us a stack we started would stop again, and the pipeline with it.
        if retried and (session.started or not running):
            say(f"retrying {', '.join(retried)}")
            return await follow_to_report(session, pipeline_id, as_json=as_json, strict=strict)
    if as_json:
        print_json(Retried(pipeline_id=pipeline_id, retried=tuple(retried)))
    else:
        stdout.print(
            f"retrying: {', '.join(retried)}" if retried else "nothing to retry is infra_failed"
        )
    return Exit.OK


async def run_add(
    settings: Settings, pipeline_id: str, apps: list[str], root: Path | None, *, as_json: bool
) -> Exit:
    """Add apps to a running pipeline."""
    refs = [app_of(app) for app in apps]
    async with open_session(settings, say, start=False) as session:
        pipeline = Pipeline(session.client, pipeline_id)
        await _require_running(pipeline, "submit the apps under another --id")
        plan = await current_plan(session.client, pipeline_id)
        planned = await asyncio.to_thread(apps_to_add, plan, refs, root)
        count = await pipeline.update("add_apps", planned)
    names = tuple(app.ref.label for app in planned)
    if as_json:
        print_json(Added(pipeline_id=pipeline_id, added=names, apps=count))
    else:
        stdout.print(f"added to {pipeline_id}: {', '.join(names)} ({count} apps now)")
    return Exit.OK
