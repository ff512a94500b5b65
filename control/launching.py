"""Starts pipelines for programs that may not read every folder of the machine."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from temporalio.client import Client

from contract.base import Frozen
from contract.secret import SecretRef
from contract.spec import PipelinePlan, PipelineSpec
from control.authoring import require_below, require_pipeline
from control.choices import require_logins
from control.fleet import Say, silent
from control.pipelines import submit
from control.plans import Read, planned, resolve
from control.stored import Stored, require_comparable


class Launched(Frozen):
    """A pipeline that goes on by itself.

    Attributes:
        started: false when this very pipeline ran already, and was joined.
        apps: how many it has, those beside the fleet's among them.
        note: what of the spec this start leaves aside; empty: nothing.
    """

    pipeline_id: str
    started: bool
    apps: int
    note: str = ""


def left_aside(spec: PipelineSpec) -> str:
    """What of a spec counts for schedules alone, and is in no plan of it; empty: nothing.

    >>> left_aside(PipelineSpec.model_validate({"apps": {"root": "fleet"}}))
    ''
    """
    return "" if spec.schedule is None else "its schedule is left aside: it runs this once"


async def plan_below(
    root: Path,
    spec: PipelineSpec,
    pipeline_id: str,
    *,
    stored: Stored,
    secret: Callable[[SecretRef], str] | None,
    say: Say = silent,
    read: Read = planned,
) -> PipelinePlan:
    """The plan of a spec all of whose folders are below `root`, checked before the start.

    Args:
        root: where relative paths begin, and below which everything has to be, links followed.
        spec: what is asked for.
        pipeline_id: ID of the pipeline to be.
        stored: must know the baseline.
        secret: finds a login as the worker will; None: the worker is elsewhere.
        say: hears of folders that are left out.
        read: reads the apps, as in `resolve`.

    Raises:
        PlatformError: PERMISSION_DENIED: something is elsewhere; or what is wrong in the spec.
    """
    require_below(spec, root, root)
    await require_pipeline(stored, spec.baseline or "")
    plan = await asyncio.to_thread(resolve, spec, root, pipeline_id, say, root, read)
    if secret is not None:
        require_logins(plan.spec, secret)
    await require_comparable(stored, plan)
    return plan


async def launch(client: Client, plan: PipelinePlan, started_by: str) -> Launched:
    """Start the pipeline, or join it where this very plan runs already.

    Raises:
        AlreadyRanError: the ID stands for a pipeline that has ended.
        OtherPlanError: the ID stands for a running pipeline with another plan.
        PlatformError: the server does not take it.
    """
    started = await submit(client, plan, started_by)
    return Launched(pipeline_id=plan.pipeline_id, started=started, apps=len(plan.apps))
