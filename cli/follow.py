"""Following a pipeline to its end: progress for people, then what its report says."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from rich.live import Live
from temporalio.service import RPCError

from cli.errors import UserError
from cli.exits import Exit
from cli.program import command
from cli.session import Session
from cli.teardown import leave_nothing
from cli.terminal import print_json, progress_out, say, stdout
from cli.view import not_measured, progress_line, render_progress, render_summary
from contract.progress import PipelinePhase, PipelineProgress
from control.documents import PipelineStatus, TimeLeft
from control.pipelines import Pipeline
from control.reports import of_phase, read_report, report_path, verdict
from control.time_left import Span, in_words, time_left
from settings import Settings

_ASK_EVERY_S = 10.0
# Lines of a terminal beside the apps: head, bar, troubles, the prompt that follows.
_OTHER_LINES = 8
_LEAST_ROWS = 5


class Estimate:
    """The time left of one pipeline; asks the server seldom, for its answer moves slowly."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._asked_s = float("-inf")
        self._spans: list[Span] | None = None

    async def of(self, progress: PipelineProgress) -> tuple[TimeLeft | None, str]:
        """What is left, or None and why that is not known."""
        if time.monotonic() - self._asked_s > _ASK_EVERY_S:
            self._asked_s = time.monotonic()
            try:
                self._spans = await self._pipeline.spans()
            except (RPCError, UserError):
                self._spans = None
        if self._spans is None:
            return None, "not known: the server does not list the apps"
        return time_left(progress, self._spans, datetime.now(UTC))

    async def words(self, progress: PipelineProgress) -> str:
        """The time left as people read it; empty at the end."""
        left, unknown = await self.of(progress)
        if left is not None:
            return in_words(left)
        return f"time left {unknown}" if unknown else ""


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


async def follow_to_report(
    session: Session, pipeline_id: str, *, as_json: bool = False, strict: bool = False
) -> Exit:
    """Show progress to the end, then the report's summary.

    The exit code says how the pipeline ended. Ctrl-C cancels the pipeline if this command also owns
    the stack it runs on; otherwise the pipeline goes on without us.
    """
    pipeline = Pipeline(session.client, pipeline_id)
    try:
        last = await watch(pipeline)
    except asyncio.CancelledError:
        await _on_interrupt(session, pipeline)
        raise
    if last.phase is PipelinePhase.FAILED and last.message:
        say(f"pipeline {pipeline_id} failed: {last.message}")
    ended = of_phase(last.phase)
    try:
        code = show_report(session.settings, pipeline_id, as_json=as_json, strict=strict)
    except UserError as error:
        error.code = ended or Exit.FAILED
        raise
    print_where(session.ui_link(pipeline_id), as_json=as_json)
    return ended or code


async def _on_interrupt(session: Session, pipeline: Pipeline) -> None:
    if not session.started or session.keep:
        follow = command(f"watch {pipeline.id}")
        say(f"pipeline {pipeline.id} goes on; follow it with {follow}")
        return
    say(f"cancelling pipeline {pipeline.id} and tearing its apps down")
    session.abandoned = pipeline.id
    try:
        await pipeline.signal("cancel")
        await asyncio.wait_for(pipeline.result(), timeout=60)
    except Exception as error:  # whatever it is, the rest is still cleaned up
        say(f"the pipeline did not end by itself: {type(error).__name__}")
    await leave_nothing(session.settings, pipeline.id, say)


def show_report(settings: Settings, pipeline_id: str, *, as_json: bool, strict: bool) -> Exit:
    """Print the summary; the answer is the exit code the pipeline deserves."""
    report = read_report(settings.data_dir, pipeline_id)
    if as_json:
        print_json(report)
    else:
        _print_report(settings, pipeline_id, report)
    code = verdict(report, strict=strict)
    say_why(code)
    return code


def say_why(code: Exit) -> None:
    """Why a command that did what it was asked for does not end with 0."""
    if code:
        say(f"exit code {int(code)}: {code.meaning}")


def _print_report(settings: Settings, pipeline_id: str, report: dict[str, Any]) -> None:
    """The matrix, what was not measured, and the files."""
    stdout.print(render_summary(report))
    if said := report.get("verdict"):
        stdout.print(str(said))
    for line in not_measured(report):
        stdout.print(f"not measured: {line}")
    for suffix in ("html", "json"):
        stdout.print(f"report: {report_path(settings.data_dir, pipeline_id, suffix)}")


def print_where(link: str, *, as_json: bool) -> None:
    """Where the Temporal Web UI shows it, if that is known; no part of a JSON document."""
    if link and not as_json:
        stdout.print(f"Temporal UI: {link}")


def status_document(
    progress: PipelineProgress,
    *,
    told_by: str,
    state: str = "",
    left: TimeLeft | None = None,
    unknown: str = "",
) -> PipelineStatus:
    """The progress as `status --json` prints it."""
    return PipelineStatus(
        **{name: getattr(progress, name) for name in PipelineProgress.model_fields},
        state=state or progress.phase,
        told_by=told_by,
        left=left,
        left_unknown=unknown,
    )
