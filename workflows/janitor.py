"""The janitor of one host, run by a Temporal Schedule (`clients/temporal.py`)."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.apps import AppActivities, SweepReport
    from contract.ids import task_queue_host
    from workflows import policies


@workflow.defn(name="Janitor")
class JanitorWorkflow:
    """Removes what belongs to no running workflow, then old images above the disk limit."""

    @workflow.run
    async def run(self, host: str) -> SweepReport:
        """One round on `host`."""
        queue = task_queue_host(host)
        swept = await workflow.execute_activity_method(
            AppActivities.sweep_host, task_queue=queue, **policies.JANITOR
        )
        await workflow.execute_activity_method(
            AppActivities.prune_host, task_queue=queue, **policies.JANITOR
        )
        return swept
