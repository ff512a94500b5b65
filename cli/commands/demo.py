"""`demo`: analyses the bundled apps with every analyzer that this machine can run."""

import asyncio

from cli.exits import Exit
from cli.follow import follow_to_report
from cli.output import say
from cli.person import person
from cli.program import command
from cli.recorded import recorded_in
from cli.session import open_session
from cli.words import AI_IS_OFF
from contract.analyzers import AnalyzerKind
from contract.spec import PipelineSpec
from control.actions import Action
from control.naming import new_id
from control.pipelines import submit
from control.plans import plan_line, resolve
from control.specfile import load_spec
from settings import PROJECT_ROOT, Settings

SPEC = PROJECT_ROOT / "controls" / "demo.yaml"


async def run_demo(settings: Settings, *, keep: bool, as_json: bool = False) -> Exit:
    """Run the demo; what it started is stopped again unless `keep`."""
    spec = _with_ai(load_spec(SPEC), settings)
    pipeline_id = new_id("demo")
    plan = await asyncio.to_thread(resolve, spec, SPEC.parent, pipeline_id, say)
    say(f"pipeline {pipeline_id}: {plan_line(plan)}")
    async with open_session(settings, say, start=True, keep=keep) as session:
        async with recorded_in(session, Action.START, pipeline_id, "the demo"):
            await submit(session.client, plan, person())
        code = await follow_to_report(session, pipeline_id, as_json=as_json)
        if session.stack and (keep or not session.started):
            say(f"everything is left up; stop it with: {command('down')}")
    return code


def _with_ai(spec: PipelineSpec, settings: Settings) -> PipelineSpec:
    if settings.ai_configured:
        asking = [kind for kind in AnalyzerKind if kind.row.equipment == "endpoint"]
        return spec.model_copy(update={"analyzers": (*spec.analyzers, *asking)})
    say(AI_IS_OFF)
    return spec
