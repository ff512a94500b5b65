"""`verify-deployment`: asks every part, runs the 2 x 2 pipeline, and says pass or what failed."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text
from temporalio.client import Client

from cli.exits import Exit
from cli.follow import watch
from cli.installation import store_of
from cli.output import print_result, say, say_why
from cli.person import person
from cli.program import project_version
from cli.recorded import recorded_in
from cli.rollout import Given, addresses_of, check_shared, fleet_of, left_behind
from cli.session import Session, open_session
from contract.analyzers import AnalyzerKind
from contract.spec import PipelinePlan
from control.actions import Action
from control.naming import new_id
from control.pipelines import Pipeline, submit
from control.plans import resolve
from control.rollout import (
    CheckOutcome,
    RolloutCheck,
    RolloutVerdict,
    failed,
    unmeasured,
)
from control.rollout_judging import (
    judge_leftovers,
    judge_rates,
    judge_state,
    judge_tasks,
    judge_timeouts,
    judge_versions,
)
from control.rollout_parts import PartAddresses, PartsTold, ask_parts, worker_figures
from control.specfile import load_spec
from settings import PROJECT_ROOT, Settings

_AGAIN_S = 2.0
_LISTED_S = 30.0
_MARKS = {
    CheckOutcome.PASSED: ("ok", "green"),
    CheckOutcome.FAILED: ("no", "red"),
    CheckOutcome.NOT_MEASURED: ("--", "yellow"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be checked.

    Attributes:
        given: addresses.
        fleet: folder with the bundled apps, as the worker sees it; None: of this project.
        patience_s: how long parts may take to get ready.
        limit_s: how long the pipeline may take.
        runs: whether the pipeline is run at all.
        asks: whether the parts are asked over HTTP.
    """

    given: Given
    fleet: Path | None = None
    patience_s: float = 60.0
    limit_s: float = 1_800.0
    runs: bool = True
    asks: bool = True


async def run_verify_deployment(settings: Settings, wanted: Wanted, *, as_json: bool) -> Exit:
    """Check the installation."""
    began, fleet = time.monotonic(), fleet_of(wanted.fleet, PROJECT_ROOT)
    addresses = addresses_of(settings, wanted.given)
    say("asking every part")
    told, server = await _asked(settings, addresses, wanted)
    before = [*(told.checks if wanted.asks else ()), *server]
    build = told.worker.labels("assay_build_info").get("build_id", "") if told.worker else ""
    builds = (settings.build_id if told.worker else "", build)
    before.append(judge_versions(told.versions, project_version(), builds))
    pipeline_id, after = "", list[RolloutCheck]()
    if any(check.failed for check in before):
        after = [unmeasured("pipeline", "not run: first mend what failed")]
    elif wanted.runs:
        pipeline_id, after = await _run(settings, addresses, told, fleet, wanted.limit_s)
    took_s = time.monotonic() - began
    verdict = RolloutVerdict.of((*before, *after), pipeline_id=pipeline_id, took_s=took_s)
    print_result(verdict, *map(_line, verdict.checks), _last(verdict), as_json=as_json)
    code = Exit.OK if verdict.passed else Exit.UNVERIFIED
    say_why(code)
    return code


async def _asked(
    settings: Settings, addresses: PartAddresses, wanted: Wanted
) -> tuple[PartsTold, tuple[RolloutCheck, ...]]:
    """What all parts say, once none of them fails or the patience is over."""
    deadline = time.monotonic() + wanted.patience_s
    while True:
        told, server = await asyncio.gather(ask_parts(addresses), check_shared(settings))
        asked = (*(told.checks if wanted.asks else ()), *server)
        missing = [check.name for check in asked if check.failed]
        if not missing or time.monotonic() > deadline:
            return told, server
        say(f"waiting for {', '.join(missing)}")
        await asyncio.sleep(_AGAIN_S)


async def _run(
    settings: Settings, addresses: PartAddresses, told: PartsTold, fleet: Path, limit_s: float
) -> tuple[str, list[RolloutCheck]]:
    pipeline_id = new_id("verify")
    plan = await asyncio.to_thread(_plan, fleet, pipeline_id, asks_ai=told.asks_ai)
    say(f"pipeline {pipeline_id}: {len(plan.apps)} apps")
    async with open_session(settings, say, start=False) as session:
        if late := await _followed(session, plan, limit_s):
            return pipeline_id, [late]
        listed = await _workflows(session.client, pipeline_id, 1 + len(plan.apps))
    after = await worker_figures(addresses) if told.worker else None
    record = await store_of(settings).record(pipeline_id)
    return pipeline_id, [
        judge_state(record),
        judge_tasks(record, listed, told.worker, after),
        *judge_rates(record),
        judge_timeouts(told.worker, after),
        judge_leftovers(*await left_behind(settings, pipeline_id)),
    ]


def _plan(fleet: Path, pipeline_id: str, *, asks_ai: bool) -> PipelinePlan:
    spec = load_spec(fleet / "verify.yaml")
    if asks_ai:
        asked = (kind for kind in AnalyzerKind if kind.row.equipment == "endpoint")
        spec = spec.model_copy(update={"analyzers": (*spec.analyzers, *asked)})
    return resolve(spec, fleet, pipeline_id, say)


async def _followed(session: Session, plan: PipelinePlan, limit_s: float) -> RolloutCheck | None:
    """Run it to its end; a check that failed if that takes too long: then it is cancelled."""
    id_ = plan.pipeline_id
    async with recorded_in(session, Action.START, id_, "to verify the deployment"):
        await submit(session.client, plan, person())
    pipeline = Pipeline(session.client, id_)
    try:
        async with asyncio.timeout(limit_s):
            await watch(pipeline)
    except TimeoutError:
        async with recorded_in(session, Action.CANCEL, id_, "it took too long"):
            await pipeline.cancel()
        detail = f"{id_} did not end within {limit_s:g} s, and was cancelled"
        return failed("pipeline", detail, "see what its apps waited for: its status, the Web UI")
    return None


async def _workflows(client: Client, pipeline_id: str, least: int) -> Sequence[str]:
    """IDs of all workflows of the pipeline; the server's list lags behind."""
    deadline = time.monotonic() + _LISTED_S
    query = f'AssayPipeline="{pipeline_id}"'
    while True:
        listed = [one.id async for one in client.list_workflows(query)]
        if len(listed) >= least or time.monotonic() > deadline:
            return listed
        await asyncio.sleep(1)


def _line(check: RolloutCheck) -> Text:
    mark, colour = _MARKS[check.outcome]
    line = Text.assemble((mark, colour), f"  {check.name}: {check.detail}")
    if check.next_step and check.outcome is not CheckOutcome.PASSED:
        line.append(f"\n      next: {check.next_step}")
    return line


def _last(verdict: RolloutVerdict) -> str:
    wrong = [check.name for check in verdict.checks if check.failed]
    unknown = [c.name for c in verdict.checks if c.outcome is CheckOutcome.NOT_MEASURED]
    beside = f"; not measured: {', '.join(unknown)}" if unknown else ""
    return f"failed: {', '.join(wrong)}{beside}" if wrong else f"passed{beside}"
