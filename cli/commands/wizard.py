"""`wizard`: asks a few questions, writes a spec file, and starts the pipeline if one agrees."""

import asyncio
import signal
import sys

from cli.choosing import GoBackError, confirmed
from cli.commands.submit import run_submit
from cli.documents import Written
from cli.exits import Exit
from cli.installation import platform_of
from cli.interview import Interview
from cli.output import print_json, say
from cli.program import command
from cli.session import Session
from cli.surveyed import sight_lines
from cli.terminal import progress_out
from contract.spec import PipelinePlan
from control.errors import WrongInputError
from control.naming import new_id
from control.surveying import Sight, SurveyedAnalyzer, survey_analyzers
from settings import Settings, load_settings

# How long canaries may take that run for the first time; who waits may end it.
_CANARIES_S = 120
_MISSES: tuple[Sight, ...] = ("lost", "blind")


def ask() -> Interview:
    """Ask everything, and write the spec."""
    interview = Interview(load_settings())
    interview.run()
    return interview


async def run_answers(settings: Settings, interview: Interview, *, as_json: bool) -> Exit:
    """Start the pipeline, if that was the answer."""
    target = interview.target
    again = f"start it any time: {command(f'submit {target} --wait')}"
    document = Written(spec=str(target.absolute()), apps=interview.apps)
    if not interview.start:
        say(again)
        if as_json:
            print_json(document)
        return Exit.OK
    looked = _Looked()
    code = await run_submit(
        settings, target, new_id(target.stem), wait=True, as_json=as_json, ready=looked.ready
    )
    if looked.refused:
        say(again)
        if as_json:
            print_json(document)
    return code


class _Looked:
    """Looks at the tools when the stack is up: only then can each of them prove itself.

    Attributes:
        refused: somebody would rather not start, seeing what cannot be measured.
    """

    def __init__(self) -> None:
        self.refused = False

    async def ready(self, session: Session, plan: PipelinePlan) -> bool:
        """Say what cannot be measured, and ask whether to start all the same."""
        analyzers = await self._seen(session, plan)
        for line in sight_lines(analyzers):
            progress_out.print(line)
        missing = sum(len(analyzer.of(*_MISSES)) for analyzer in analyzers)
        if missing and sys.stdin.isatty():
            self.refused = not _agreed()
        return not self.refused

    async def _seen(self, session: Session, plan: PipelinePlan) -> tuple[SurveyedAnalyzer, ...]:
        platform = platform_of(session.settings)
        for second in range(_CANARIES_S):
            analyzers = await survey_analyzers(plan, platform)
            proving = [entry.analyzer.value for entry in analyzers if entry.of("starting")]
            if not proving:
                return analyzers
            if not second:
                say(f"tools of {', '.join(proving)} prove themselves")
            await asyncio.sleep(1)
        return await survey_analyzers(plan, platform)


def _agreed() -> bool:
    """Whether to start all the same; Ctrl-C ends the question, which the event loop would keep."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return confirmed("Start it all the same?", default=True)
    except (GoBackError, WrongInputError):
        return False
    finally:
        signal.signal(signal.SIGINT, before)
