"""Every activity call of a scheduled scan."""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.scans import ScanActivities
    from contract.analysis import ArtifactRef
    from contract.ids import TASK_QUEUE_CONTROL, TASK_QUEUE_WATCH
    from contract.scans import ScanComparison, ScanEnd, ScanOrder, ScanRun
    from workflows import policies


async def plan_scan(order: ScanOrder, pipeline_id: str) -> ArtifactRef:
    """Keep the plan of the spec over its fleet as it is now."""
    return await workflow.execute_activity_method(
        ScanActivities.plan_scan,
        args=[order, pipeline_id],
        task_queue=TASK_QUEUE_CONTROL,
        summary=f"{order.spec.apps.root} below {order.base}"[:100],
        **policies.PLAN_SCAN,
    )


async def start_scan(plan: ArtifactRef, started_by: str) -> int:
    """Start the pipeline of a kept plan; how many apps it has."""
    return await workflow.execute_activity_method(
        ScanActivities.start_scan,
        args=[plan, started_by],
        task_queue=TASK_QUEUE_CONTROL,
        **policies.START_SCAN,
    )


async def await_scan(pipeline_id: str) -> ScanEnd:
    """Wait for the end of the pipeline."""
    return await workflow.execute_activity_method(
        ScanActivities.await_scan,
        pipeline_id,
        task_queue=TASK_QUEUE_WATCH,
        summary=pipeline_id,
        **policies.AWAIT_SCAN,
    )


async def cancel_scan(pipeline_id: str) -> None:
    """Let the pipeline end early."""
    await workflow.execute_activity_method(
        ScanActivities.cancel_scan,
        pipeline_id,
        task_queue=TASK_QUEUE_CONTROL,
        summary=pipeline_id,
        **policies.RECORD,
    )


async def compare_scan(order: ScanOrder, run: ScanRun) -> ScanComparison:
    """The run against an earlier one."""
    return await workflow.execute_activity_method(
        ScanActivities.compare_scan,
        args=[order, run],
        task_queue=TASK_QUEUE_CONTROL,
        **policies.COMPARE_SCAN,
    )


async def missed_scans(order: ScanOrder, at: datetime) -> list[datetime]:
    """Times since the run before at which nothing began."""
    return await workflow.execute_activity_method(
        ScanActivities.missed_scans,
        args=[order, at],
        task_queue=TASK_QUEUE_CONTROL,
        **policies.MISSED_SCANS,
    )


async def record_scan(run: ScanRun) -> None:
    """Keep what came of the run."""
    await workflow.execute_activity_method(
        ScanActivities.record_scan,
        run,
        task_queue=TASK_QUEUE_CONTROL,
        summary=run.state,
        **policies.RECORD,
    )


async def notify_of_scan(order: ScanOrder, run: ScanRun) -> ScanRun:
    """Tell people what is new."""
    return await workflow.execute_activity_method(
        ScanActivities.notify_of_scan,
        args=[order, run],
        task_queue=TASK_QUEUE_CONTROL,
        **policies.NOTIFY_OF_SCAN,
    )
