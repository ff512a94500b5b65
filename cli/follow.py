"""Following a pipeline to its end: progress for people, then what its report says."""

import asyncio
from collections.abc import Collection

from rich.live import Live

from cli.errors import explained
from cli.exits import Exit
from cli.output import say
from cli.program import command
from cli.recorded import recorded_in
from cli.session import Session
from cli.summary import show_report
from cli.teardown import leave_nothing
from cli.terminal import progress_out
from cli.verdict import of_phase
from cli.view import progress_line, render_progress
from contract.errors import PlatformError
from contract.gate import Gate
from contract.progress import PipelinePhase, PipelineProgress
from control.actions import Action
from control.estimate import Estimate
from control.pipelines import Pipeline
from control.time_left import in_words

# Lines of a terminal beside the apps: head, bar, troubles, the prompt that follows.
_OTHER_LINES = 8
_LEAST_ROWS = 5
_END_LIMIT_S = 60


async def watch(pipeline: Pipeline) -> PipelineProgress:
    """Show progress until the pipeline ends: a live table on a terminal, lines in a pipe."""
    last: PipelineProgress | None = None
    if not progress_out.is_terminal:
        return await _watch_lines(pipeline)
    estimate = Estimate(pipeline)
    with Live(console=progress_out, refresh_per_second=4, transient=False) as live:
        async for last in pipeline.updates():
            rows = max(_LEAST_ROWS, progress_out.height - _OTHER_LINES)
            live.update(render_progress(last, await estimate.words(last), rows))
    assert last is not None  # noqa: S101 - updates() yields at least once
    return last


async def _watch_lines(pipeline: Pipeline) -> PipelineProgress:
    line, last = "", None
    estimate = Estimate(pipeline)
    async for last in pipeline.updates():
        if progress_line(last) != line:
            line = progress_line(last)
            left, _ = await estimate.of(last)
            progress_out.print(f"{line}  ({in_words(left)})" if left else line)
    assert last is not None  # noqa: S101 - updates() yields at least once
    return last


async def follow(session: Session, pipeline_id: str) -> Exit | None:
    """Show progress to the end; the code of an end that is none as asked for.

    Ctrl-C cancels the pipeline if this command also owns the stack that it runs on; otherwise the
    pipeline goes on without us.
    """
    pipeline = Pipeline(session.client, pipeline_id)
    try:
        last = await watch(pipeline)
    except asyncio.CancelledError:
        await _on_interrupt(session, pipeline)
        raise
    if last.phase is PipelinePhase.FAILED and last.message:
        say(f"pipeline {pipeline_id} failed: {last.message}")
    return of_phase(last.phase)


async def follow_to_report(
    session: Session,
    pipeline_id: str,
    *,
    as_json: bool = False,
    strict: bool = False,
    gates: Collection[Gate] = (),
) -> Exit:
    """Show progress to the end, then the report's summary.

    The exit code says how the pipeline ended. Ctrl-C is as in `follow`.
    """
    if live := session.dashboard_link(pipeline_id):
        say(f"watch it live: {live}")
    ended = await follow(session, pipeline_id)
    try:
        code = show_report(
            session.settings, pipeline_id, as_json=as_json, strict=strict, gates=gates
        )
    except PlatformError as error:  # without its report a pipeline has not done its work
        unread = explained(error)
        unread.code = ended or Exit.FAILED
        raise unread from error
    session.print_where(pipeline_id, as_json=as_json)
    return ended or code


async def _on_interrupt(session: Session, pipeline: Pipeline) -> None:
    if not session.started or session.keep:
        follow = command(f"watch {pipeline.id}")
        say(f"pipeline {pipeline.id} goes on; follow it with {follow}")
        return
    say(f"cancelling pipeline {pipeline.id} and tearing its apps down")
    session.abandoned = pipeline.id
    try:
        async with recorded_in(session, Action.CANCEL, pipeline.id, "by Ctrl-C"):
            await pipeline.cancel()
        await asyncio.wait_for(pipeline.result(), timeout=_END_LIMIT_S)
    except Exception as error:  # whatever it is, the rest is still cleaned up
        say(f"the pipeline did not end by itself: {type(error).__name__}")
    await leave_nothing(session.settings, pipeline.id, say)
