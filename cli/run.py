"""Commands that drive pipelines: submit, watch, status, control, retry, report, up, down."""

import asyncio
from pathlib import Path
from typing import Any

from rich.live import Live

from cli.app import print_json, progress_out, say, stdout
from cli.choices import require_logins
from cli.errors import EXIT_FAILED, UserError
from cli.fleet import load_plan
from cli.pipelines import (
    Pipeline,
    list_pipelines,
    read_report,
    report_path,
    running_pipelines,
    submit,
)
from cli.session import Session, open_session
from cli.stack import Stack, running_stack, stop_stack
from cli.teardown import leave_nothing
from cli.view import not_measured, progress_line, render_progress, render_summary
from clients.temporal import connect
from contract.analysis import MeasurementState
from contract.errors import PlatformError
from contract.progress import PipelinePhase, PipelineProgress
from contract.record import PipelineRecord
from contract.spec import PipelinePlan
from settings import Settings, temporal_is_configured
from store.results import SqlResultStore


async def run_submit(
    settings: Settings, spec: Path, pipeline_id: str, *, wait: bool, as_json: bool
) -> int:
    """Submit the spec; with `wait`, follow it to the end (a stack we started then stops again)."""
    plan = await asyncio.to_thread(load_plan, spec, pipeline_id)
    if not temporal_is_configured():
        require_logins(plan.spec, settings)
    async with open_session(settings, say, start=True) as session:
        started = await submit(session.client, plan)
        session.keep = not wait  # only now: a refused submission leaves nothing up
        say(f"{'submitted' if started else 'joined running'} pipeline {pipeline_id}")
        if wait:
            return await follow_to_report(session, pipeline_id, as_json=as_json)
        if as_json:
            print_json(
                {"pipeline_id": pipeline_id, "started": started, "ui": session.ui_link(pipeline_id)}
            )
            return 0
        stdout.print(f"pipeline [bold]{pipeline_id}[/]: {len(plan.apps)} apps")
        _print_where(session, pipeline_id)
        stdout.print(f"follow: python starter.py watch {pipeline_id}")
        if session.started:
            stdout.print("stop the local stack when done: python starter.py down")
    return 0


async def follow_to_report(session: Session, pipeline_id: str, *, as_json: bool = False) -> int:
    """Show progress to the end, then the report's summary.

    The exit code says whether all is told. Ctrl-C cancels the pipeline if this command also owns
    the stack it runs on; otherwise the pipeline goes on without us.
    """
    pipeline = Pipeline(session.client, pipeline_id)
    try:
        await watch(pipeline)
    except asyncio.CancelledError:
        await _on_interrupt(session, pipeline)
        raise
    return show_report(session, pipeline_id, as_json=as_json)


async def _on_interrupt(session: Session, pipeline: Pipeline) -> None:
    if not session.started or session.keep:
        say(f"pipeline {pipeline.id} goes on; follow it with 'starter.py watch {pipeline.id}'")
        return
    say(f"cancelling pipeline {pipeline.id} and tearing its apps down")
    session.abandoned = pipeline.id
    try:
        await pipeline.signal("cancel")
        await asyncio.wait_for(pipeline.result(), timeout=60)
    except Exception as error:  # whatever it is, the rest is still cleaned up
        say(f"the pipeline did not end by itself: {type(error).__name__}")
    await leave_nothing(session.settings, pipeline.id, say)


async def watch(pipeline: Pipeline) -> PipelineProgress:
    """Show progress until the pipeline ends: a live table on a terminal, lines in a pipe."""
    last: PipelineProgress | None = None
    if not progress_out.is_terminal:
        return await _watch_lines(pipeline)
    with Live(console=progress_out, refresh_per_second=4, transient=False) as live:
        async for progress in pipeline.updates():
            last = progress
            live.update(render_progress(progress))
    assert last is not None  # noqa: S101 - updates() yields at least once
    return last


async def _watch_lines(pipeline: Pipeline) -> PipelineProgress:
    line, last = "", None
    async for last in pipeline.updates():
        if progress_line(last) != line:
            line = progress_line(last)
            progress_out.print(line, markup=False)
    assert last is not None  # noqa: S101 - updates() yields at least once
    return last


def show_report(session: Session, pipeline_id: str, *, as_json: bool) -> int:
    """Print the summary; 0 only if every cell of the matrix has a measurement state."""
    report = read_report(session.settings.data_dir, pipeline_id)
    if as_json:
        print_json(report)
    else:
        print_report(session.settings, pipeline_id, report)
        _print_where(session, pipeline_id)
    return 0 if is_complete(report) else EXIT_FAILED


def is_complete(report: dict[str, Any]) -> bool:
    """Whether every app ended and every cell carries one of the four states."""
    states = {state.value for state in MeasurementState}
    return (
        bool(report["cells"])
        and all(app["state"] in states for app in report["apps"])
        and all(cell["state"] in states for cell in report["cells"])
    )


def print_report(settings: Settings, pipeline_id: str, report: dict[str, Any]) -> None:
    """The matrix, what was not measured, and the files."""
    stdout.print(render_summary(report))
    for line in not_measured(report):
        stdout.print(f"not measured: {line}", markup=False)
    for suffix in ("html", "json"):
        stdout.print(
            f"report: {report_path(settings.data_dir, pipeline_id, suffix)}", soft_wrap=True
        )


def _print_where(session: Session, pipeline_id: str) -> None:
    link = session.ui_link(pipeline_id)
    if link:
        stdout.print(f"Temporal UI: {link}", soft_wrap=True)


async def run_watch(settings: Settings, pipeline_id: str) -> int:
    """Follow a running pipeline."""
    async with open_session(settings, say, start=False) as session:
        last = await watch(Pipeline(session.client, pipeline_id))
    return 0 if last.phase is PipelinePhase.COMPLETED else EXIT_FAILED


async def run_status(settings: Settings, pipeline_id: str | None, *, as_json: bool) -> int:
    """One pipeline's progress, or the list of pipelines."""
    async with open_session(settings, say, start=False) as session:
        if pipeline_id is None:
            rows = await list_pipelines(session.client)
            if as_json:
                print_json(rows)
            for row in rows if not as_json else ():
                stdout.print(f"{row['id']:40} {row['status']:12} {row['started_at']}", markup=False)
            return 0
        progress, _ = await Pipeline(session.client, pipeline_id).snapshot()
    if as_json:
        print_json(progress.model_dump(mode="json"))
    else:
        stdout.print(render_progress(progress))
    return 0


async def run_control(settings: Settings, pipeline_id: str, name: str, *arguments: Any) -> int:
    """Send one of the pipeline's messages."""
    async with open_session(settings, say, start=False) as session:
        pipeline = Pipeline(session.client, pipeline_id)
        if not await pipeline.is_running():
            raise UserError(
                f"pipeline {pipeline_id} has ended", next_step="see 'starter.py report'"
            )
        if arguments:
            await pipeline.update(name, *arguments)
        else:
            await pipeline.signal(name)
        stdout.print(f"{name}: sent to {pipeline_id}")
    return 0


async def run_retry(settings: Settings, pipeline_id: str, apps: list[str]) -> int:
    """Retry inside a running pipeline, or reopen an ended one for what failed."""
    async with open_session(settings, say, start=True) as session:
        pipeline = Pipeline(session.client, pipeline_id)
        if await pipeline.is_running():
            retried = await pipeline.update("retry_failed", apps)
            stdout.print(
                f"retrying: {', '.join(retried) if retried else 'nothing is infra_failed'}"
            )
            # Without us the stack would stop again, and the pipeline with it.
            return await follow_to_report(session, pipeline_id) if session.started else 0
        retried = await pipeline.reopen(await _record(settings, pipeline_id), apps)
        if not retried:
            stdout.print("nothing to retry: no app is infra_failed")
            return 0
        say(f"retrying {', '.join(retried)}")
        return await follow_to_report(session, pipeline_id)


async def _record(settings: Settings, pipeline_id: str) -> PipelineRecord:
    store = SqlResultStore.from_url(settings.database_url)
    try:
        return await store.load_pipeline(pipeline_id)
    except PlatformError as error:
        raise UserError(error.message) from error
    finally:
        await store.close()


async def run_report(settings: Settings, pipeline_id: str, *, as_json: bool) -> int:
    """Print a written report; needs no server."""
    report = read_report(settings.data_dir, pipeline_id)
    if as_json:
        print_json(report)
    else:
        print_report(settings, pipeline_id, report)
    return 0 if is_complete(report) else EXIT_FAILED


async def run_up(settings: Settings) -> int:
    """Bring the local stack up and leave it."""
    async with open_session(settings, say, start=True, keep=True) as session:
        if session.stack is None:
            stdout.print("TEMPORAL_* names a server: no local stack is needed")
            return 0
        stdout.print(f"Temporal UI: {session.stack.ui_url}")
        stdout.print(f"Temporal:    {session.stack.temporal_address}, namespace default")
        stdout.print("stop it with: python starter.py down")
    return 0


async def run_down(settings: Settings) -> int:
    """Stop the local stack; running pipelines go on when it is started again."""
    stack = running_stack(settings)
    if stack is None:
        stdout.print(f"no local stack runs for {settings.data_dir}")
        return 0
    unfinished = await _unfinished(stack, settings)
    await asyncio.to_thread(stop_stack, stack)
    stdout.print("stopped")
    for name in unfinished:
        stdout.print(f"pipeline {name} is unfinished; it goes on at the next 'starter.py up'")
    return 0


async def _unfinished(stack: Stack, settings: Settings) -> list[str]:
    try:
        keys = settings.payload_key_text
        client = await connect(address=stack.temporal_address, namespace="default", keys=keys)
    except PlatformError:  # its server died: all the more reason to stop the rest
        return []
    return await running_pipelines(client)


def plan_line(plan: PipelinePlan) -> str:
    """What is about to run, in one line."""
    models = len({app.ref.model for app in plan.apps})
    analyzers = ", ".join(plan.spec.analyzers)
    return f"{len(plan.apps)} apps of {models} models through {analyzers}"
