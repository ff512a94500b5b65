"""Running apps of a pipeline again: inside it while it runs, else by opening it again."""

from collections.abc import Sequence
from dataclasses import dataclass

from temporalio.client import Client

from contract.record import PipelineRecord
from contract.spec import AppRef, PipelinePlan
from control.errors import WrongInputError
from control.pipelines import Pipeline
from control.starting import current_plan, start_pipeline
from control.stored import Stored
from workflows.state import PipelineRun, resumed_state


@dataclass(frozen=True, slots=True)
class Retry:
    """What a retry began.

    Attributes:
        apps: `model/appN` of what runs again; none when nothing was `infra_failed`.
        reopened: the pipeline had ended, and was opened again.
    """

    apps: tuple[str, ...]
    reopened: bool


async def retry(pipeline: Pipeline, stored: Stored, apps: Sequence[AppRef]) -> Retry:
    """Run `apps` again as a whole; when none is named, whatever the platform failed.

    Raises:
        PlatformError: no such pipeline or app; the server or the store does not answer.
    """
    if await pipeline.is_running():
        return Retry(tuple(await pipeline.retry_failed(apps)), reopened=False)
    record = await stored.record(pipeline.id)
    again = await reopen(pipeline.client, record, [app.label for app in apps])
    return Retry(tuple(again), reopened=True)


async def reopen(client: Client, record: PipelineRecord, apps: list[str]) -> list[str]:
    """Start an ended pipeline again for `apps` (`model/appN`), or all that lack a measurement.

    Answers what will run; nothing is started when that is nothing.

    Raises:
        PlatformError: an app is not one of the pipeline's; its plan is gone; it runs already.
    """
    known = {app.ref.label for app in record.apps}
    unknown = [app for app in apps if app not in known]
    if unknown:
        raise WrongInputError(
            f"pipeline {record.pipeline_id} has no {', '.join(unknown)}",
            next_step=f"its apps: {', '.join(sorted(known))}",
        )
    state = resumed_state(record, tuple(apps))
    if state.pending:
        plan = await _recorded_plan(client, record.pipeline_id, known)
        await start_pipeline(client, PipelineRun.of(plan, state), again=True)
    return list(state.pending or ())


async def _recorded_plan(client: Client, pipeline_id: str, known: set[str]) -> PipelinePlan:
    """The plan of exactly the apps the store knows: it refuses some, history forgets some."""
    plan = await current_plan(client, pipeline_id)
    apps = {app.ref.label: app for app in plan.apps}
    lost = sorted(known - apps.keys())
    if lost:
        raise WrongInputError(
            f"the history of pipeline {pipeline_id} no longer tells of {', '.join(lost)}",
            next_step="submit the fleet under another ID",
        )
    return plan.model_copy(update={"apps": tuple(apps[key] for key in apps if key in known)})
