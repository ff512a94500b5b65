"""`watch`: follows a pipeline to its end."""

from collections.abc import Collection

from cli.errors import UserError
from cli.exits import Exit
from cli.follow import watch
from cli.installation import has_server, stored_progress
from cli.output import print_json, say, say_why
from cli.program import command
from cli.session import open_session
from cli.summary import say_verdict
from cli.verdict import of_phase
from cli.view import progress_line
from contract.gate import Gate
from contract.progress import PipelineProgress
from control.documents import PipelineStatus
from control.errors import DamagedReportError, NoReportError, OldReportError
from control.listing import UNFINISHED
from control.pipelines import Pipeline
from control.reports import read_report
from settings import Settings


async def run_watch(
    settings: Settings,
    pipeline_id: str,
    *,
    as_json: bool,
    strict: bool,
    gates: Collection[Gate] = (),
) -> Exit:
    """Follow a running pipeline; of an ended one, say at once how it ended."""
    if told_by_server := has_server(settings):
        async with open_session(settings, say, start=False) as session:
            last = await watch(Pipeline(session.client, pipeline_id))
    else:
        last = await _ended(settings, pipeline_id)
    if as_json:
        print_json(PipelineStatus.of(last, told_by="server" if told_by_server else "store"))
    if code := of_phase(last.phase):
        say_why(code)
        return code
    return _of_report(settings, pipeline_id, strict=strict, gates=gates)


def _of_report(
    settings: Settings, pipeline_id: str, *, strict: bool, gates: Collection[Gate] = ()
) -> Exit:
    try:
        report = read_report(settings.data_dir, pipeline_id)
        return say_verdict(report, strict=strict, gates=gates)
    except NoReportError:  # the report is where the worker runs
        if gates:
            raise
        return Exit.OK
    except (DamagedReportError, OldReportError) as error:
        say(error.message)
        say_why(Exit.FAILED)
        return Exit.FAILED


async def _ended(settings: Settings, pipeline_id: str) -> PipelineProgress:
    """How an ended pipeline ended; an unfinished one is refused, since nobody works on it."""
    progress, state = await stored_progress(settings, pipeline_id)
    if state == UNFINISHED:
        raise UserError(
            f"pipeline {pipeline_id} is unfinished, and no local stack runs",
            next_step=f"it goes on after {command('up')}",
            code=Exit.UNAVAILABLE,
        )
    say(progress_line(progress))
    return progress
