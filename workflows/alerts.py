"""The watch over the installation, run by a Temporal Schedule (`clients/temporal.py`)."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows import stages


@workflow.defn(name="Alerts")
class AlertsWorkflow:
    """Looks for alerts once a minute for half an hour: one activity, so that histories are few."""

    @workflow.run
    async def run(self) -> None:
        """One watch; the schedule begins the next one when it is over."""
        await stages.watch_alerts()
