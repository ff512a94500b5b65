"""The watch over the installation, run by a Temporal Schedule (`clients/temporal.py`)."""

from temporalio import workflow
from temporalio.common import VersioningBehavior

with workflow.unsafe.imports_passed_through():
    from workflows import stages


@workflow.defn(name="Alerts")
class AlertsWorkflow:
    """Looks for alerts once a minute for half an hour: one activity, so that histories are few."""

    @workflow.run
    async def run(self) -> None:
        """One watch; the schedule begins the next one when it is over."""
        await stages.watch_alerts()


@workflow.defn(name="Alerts", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class UpgradingAlertsWorkflow:
    """The same one, of workers that have a build: it goes on with the one that is current."""

    @workflow.run
    async def run(self) -> None:
        """See `AlertsWorkflow.run`."""
        await stages.watch_alerts()
