"""The end of a pipeline: what never ran is named, then the report is written, whatever happened."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from contract.missing import unended
    from contract.outcome import AppOutcome
    from contract.plan import UnendedApps
    from workflows import policies, stages
    from workflows.child import Child
    from workflows.fleet import Fleet, Tools
    from workflows.settle import failure_code


async def account_for(child: Child, tools: Tools, reason: str) -> AppOutcome:
    """The outcome of an app whose workflow did not end: what it recorded, the rest missing."""
    outcome = unended(child.app, f"its workflow did not end: {reason}")
    await _record_missing(child.app.pipeline_id, [child.entry.position], tools, outcome.reason)
    try:
        recorded = await stages.recorded_subtasks(child.app)
    except ActivityError as exc:
        workflow.logger.error("not read back", extra={"cause": failure_code(exc).message})
        return outcome
    subtasks = tuple(s for s in recorded if s.analyzer not in child.orders.kept)
    return outcome.model_copy(update={"subtasks": subtasks})


def shortcoming(gave_up: str, fleet: Fleet) -> str:
    """Why the pipeline began less than its plan has, if nobody cancelled it; "" if it did not."""
    lost = fleet.header.total - fleet.registered
    missing = f"{lost} apps of its plan never came: it was not submitted whole" if lost > 0 else ""
    return "; ".join(filter(None, (gave_up, missing)))


async def skip_waiting(fleet: Fleet, tools: Tools, why: str) -> None:
    """Take every app off the waiting list; those that never ran become `infra_failed`."""
    reason = f"did not run: {why}"
    while fleet.waiting:
        skipped = fleet.drop(policies.SKIP_BATCH, reason)
        await _record_missing(fleet.header.pipeline_id, skipped, tools, reason)


async def _record_missing(id_: str, positions: list[int], tools: Tools, reason: str) -> None:
    """Write the missing cells of apps that did not end; what they recorded themselves stands."""
    if not positions:
        return
    skipped = UnendedApps(
        pipeline_id=id_, positions=tuple(positions), tools=dict(tools), reason=reason
    )
    try:
        await stages.record_skipped(skipped)
    except ActivityError as exc:
        workflow.logger.error("not recorded", extra={"cause": failure_code(exc).message})


async def write_report(pipeline_id: str) -> tuple[str, str, str]:
    """Paths of JSON and HTML, and why there is none: a pipeline does not fail for its report."""
    try:
        return (*await stages.write_report(pipeline_id), "")
    except ActivityError as exc:
        return "", "", f"no report: {failure_code(exc).message}"
