"""The end of a pipeline: what never ran is named, then the report is written, whatever happened."""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from contract.outcome import AppOutcome
    from workflows import policies, stages
    from workflows.fleet import Fleet
    from workflows.settle import failure_code
    from workflows.state import AppOrders


async def record_missing(fleet: Fleet, keys: Sequence[str], reason: str) -> None:
    """Write the missing cells of apps that did not end; what they recorded themselves stands."""
    if not keys:
        return
    outcomes = [fleet.missing(key, reason) for key in keys]
    try:
        await stages.record_skipped(fleet.subset(keys), outcomes)
    except ActivityError as exc:
        workflow.logger.error("not recorded", extra={"cause": failure_code(exc).message})


async def account_for(fleet: Fleet, key: str, orders: AppOrders, reason: str) -> AppOutcome:
    """The outcome of an app whose workflow did not end: what it recorded, the rest missing."""
    outcome = fleet.missing(key, f"its workflow did not end: {reason}")
    await record_missing(fleet, [key], outcome.reason)
    try:
        recorded = await stages.recorded_subtasks(fleet.spec(key))
    except ActivityError as exc:
        workflow.logger.error("not read back", extra={"cause": failure_code(exc).message})
        return outcome
    subtasks = tuple(subtask for subtask in recorded if subtask.analyzer not in orders.kept)
    return outcome.model_copy(update={"subtasks": subtasks})


async def skip_pending(fleet: Fleet, why: str) -> None:
    """Take every app off the waiting list; those that never ran become `infra_failed`."""
    reason = f"did not run: {why}"
    while fleet.pending:
        keys = fleet.drop_pending(policies.SKIP_BATCH)
        await record_missing(fleet, keys, reason)
        for key in keys:
            fleet.finish(key, fleet.missing(key, reason), AppOrders())


async def write_report(pipeline_id: str) -> tuple[str, str, str]:
    """Paths of JSON and HTML, and why there is none: a pipeline does not fail for its report."""
    try:
        return (*await stages.write_report(pipeline_id), "")
    except ActivityError as exc:
        return "", "", f"no report: {failure_code(exc).message}"
