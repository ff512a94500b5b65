"""The janitor of one host, run by a Temporal Schedule (`clients/temporal.py`)."""

from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from contract.running import SweepReport
    from workflows import stages
    from workflows.settle import in_order, is_unclaimed


@workflow.defn(name="Janitor")
class JanitorWorkflow:
    """Removes what belongs to no running workflow, then old images above the disk limit."""

    @workflow.run
    async def run(self, host: str) -> SweepReport:
        """One round on `host`; the last one when nobody serves the host any more."""
        return await _round(host)


@workflow.defn(name="Janitor", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class UpgradingJanitorWorkflow:
    """The same one, of workers that have a build: it goes on with the one that is current."""

    @workflow.run
    async def run(self, host: str) -> SweepReport:
        """See `JanitorWorkflow.run`."""
        return await _round(host)


async def _round(host: str) -> SweepReport:
    try:
        return await in_order(stages.sweep_host(host), lambda: stages.prune_host(host))
    except ActivityError as exc:
        if not is_unclaimed(exc):
            raise
    await stages.forget_host(host)
    return SweepReport()
