"""The watch over the installation, run by a Temporal Schedule (`clients/temporal.py`)."""

from temporalio import workflow
from temporalio.common import VersioningBehavior

with workflow.unsafe.imports_passed_through():
    from contract.alerting import StoreFault
    from workflows import stages


@workflow.defn(name="Alerts")
class AlertsWorkflow:
    """Looks for alerts once a minute for half an hour: one activity, so that histories are few."""

    @workflow.run
    async def run(self) -> StoreFault | None:
        """One watch; the schedule begins the next one when it is over.

        Its result is for that one: a store that fails, which the store cannot tell it.
        """
        return await _watch()


@workflow.defn(name="Alerts", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class UpgradingAlertsWorkflow:
    """The same one, of workers that have a build: it goes on with the one that is current."""

    @workflow.run
    async def run(self) -> StoreFault | None:
        """See `AlertsWorkflow.run`."""
        return await _watch()


async def _watch() -> StoreFault | None:
    before = workflow.get_last_completion_result(type_hint=StoreFault)
    return await stages.watch_alerts(before)
