"""Every activity call: which queue, which policy, which label on the timeline."""

from contextlib import suppress
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.alerting import AlertActivities
    from activities.analysis import AnalysisActivities
    from activities.apps import AppActivities
    from activities.preflight import PreflightActivities
    from activities.reports import ReportActivities
    from activities.results import ResultActivities
    from activities.watch import WatchActivities
    from contract.alerting import StoreFault
    from contract.analyzers import AnalyzerKind
    from contract.ids import (
        TASK_QUEUE_APPS,
        TASK_QUEUE_CONTROL,
        TASK_QUEUE_WATCH,
        task_queue_analyzer,
        task_queue_host,
        task_queue_start,
    )
    from contract.outcome import AppOutcome, SubtaskOutcome
    from contract.plan import AppChoice, AppEntry, PlanHeader, PlanPage, UnendedApps
    from contract.progress import PlatformService, Preflight
    from contract.running import (
        AppCheck,
        RunningApp,
        StartOutcome,
        SubtaskOrder,
        SweepReport,
        TeardownReport,
    )
    from contract.spec import AppSpec
    from workflows import policies


async def register_page(header: PlanHeader, page: PlanPage) -> None:
    """Make the rows of a page of apps, and the pipeline's."""
    await workflow.execute_activity_method(
        ResultActivities.register_page,
        args=[header, page],
        task_queue=TASK_QUEUE_CONTROL,
        summary=f"{len(page.apps)} apps from {page.first + 1} on",
        **policies.RECORD,
    )


async def read_apps(pipeline_id: str, positions: list[int]) -> list[AppEntry]:
    """Apps of the pipeline, with what is recorded of them."""
    return await workflow.execute_activity_method(
        ResultActivities.read_apps,
        args=[pipeline_id, positions],
        task_queue=TASK_QUEUE_CONTROL,
        summary=f"{len(positions)} apps from {positions[0] + 1} on",
        **policies.READ,
    )


async def apps_to_retry(pipeline_id: str, labels: list[str]) -> list[AppChoice]:
    """The apps that `labels` name; without labels, those that lack a measurement."""
    return await workflow.execute_activity_method(
        ResultActivities.apps_to_retry,
        args=[pipeline_id, labels],
        task_queue=TASK_QUEUE_CONTROL,
        summary=", ".join(labels)[:100] or "all that lack a measurement",
        **policies.RECORD,
    )


async def preflight(kinds: list[AnalyzerKind], services: list[PlatformService]) -> Preflight:
    """Health of analyzers and of services of the platform."""
    return await workflow.execute_activity_method(
        PreflightActivities.preflight,
        args=[kinds, services],
        task_queue=TASK_QUEUE_CONTROL,
        summary=", ".join([*kinds, *services]),
        **policies.PREFLIGHT,
    )


async def prepare_app(app: AppSpec) -> StartOutcome:
    """Build the app on whichever host takes it."""
    return await workflow.execute_activity_method(
        AppActivities.prepare_app,
        app,
        task_queue=TASK_QUEUE_APPS,
        summary=f"{app.ref.model} app {app.ref.app_number}",
        **policies.START_APP,
    )


async def start_built(app: AppSpec, host: str) -> StartOutcome:
    """Start the app on the host that built it."""
    return await workflow.execute_activity_method(
        AppActivities.start_app,
        app,
        task_queue=task_queue_start(host),
        summary=f"on {host}",
        **policies.START_BUILT,
    )


async def check_app(app: RunningApp, policy: policies.Policy = policies.CHECK_APP) -> AppCheck:
    """Whether it is still the app we started."""
    return await workflow.execute_activity_method(
        AppActivities.check_app,
        app,
        task_queue=task_queue_host(app.host),
        summary=f"on {app.host}",
        **policy,
    )


async def teardown_app(host: str, workflow_id: str) -> TeardownReport:
    """Remove all that `workflow_id` owns on `host`."""
    return await workflow.execute_activity_method(
        AppActivities.teardown_app,
        workflow_id,
        task_queue=task_queue_host(host),
        summary=f"on {host}",
        **policies.TEARDOWN_APP,
    )


def run_analysis(order: SubtaskOrder, host: str = "") -> workflow.ActivityHandle[SubtaskOutcome]:
    """Start one analyzer; the fixed activity ID is for operators to type."""
    return workflow.start_activity_method(
        AnalysisActivities.run_analysis,
        order,
        task_queue=task_queue_analyzer(order.analyzer, host),
        activity_id=f"analyze-{order.analyzer}",
        summary=", ".join(order.tools) or "all tools",
        **policies.RUN_ANALYSIS,
    )


async def watch_apps(pipeline_id: str) -> None:
    """Watch what the running apps do, until this is cancelled. A failure of it harms nobody."""
    with suppress(ActivityError):
        await workflow.execute_activity_method(
            WatchActivities.watch_apps,
            pipeline_id,
            task_queue=TASK_QUEUE_WATCH,
            summary="what the running apps do",
            **policies.WATCH_APPS,
        )


async def record_subtask(app: AppSpec, outcome: SubtaskOutcome) -> SubtaskOutcome:
    """Write one subtask's cells; the outcome as it could be recorded."""
    recorded = await workflow.execute_activity_method(
        ResultActivities.record_subtask,
        args=[app, outcome],
        task_queue=TASK_QUEUE_CONTROL,
        summary=f"{outcome.analyzer}: {outcome.state}",
        **policies.RECORD,
    )
    return recorded or outcome


async def record_app(app: AppSpec, outcome: AppOutcome) -> None:
    """Write one app's state."""
    await workflow.execute_activity_method(
        ResultActivities.record_app,
        args=[app, outcome],
        task_queue=TASK_QUEUE_CONTROL,
        summary=outcome.state,
        **policies.RECORD,
    )


async def record_skipped(skipped: UnendedApps) -> None:
    """Write what is missing of apps that did not end."""
    await workflow.execute_activity_method(
        ResultActivities.record_skipped,
        skipped,
        task_queue=TASK_QUEUE_CONTROL,
        summary=f"{len(skipped.positions)} apps that did not end",
        **policies.RECORD,
    )


async def recorded_subtasks(app: AppSpec) -> list[SubtaskOutcome]:
    """What the store has of one app."""
    return await workflow.execute_activity_method(
        ResultActivities.recorded_subtasks,
        app,
        task_queue=TASK_QUEUE_CONTROL,
        summary=f"{app.ref.model} app {app.ref.app_number}",
        **policies.RECORD,
    )


async def record_pipeline_state(pipeline_id: str, state: str, detail: dict[str, Any]) -> None:
    """Write the pipeline's state and figures."""
    await workflow.execute_activity_method(
        ResultActivities.record_pipeline_state,
        args=[pipeline_id, state, detail],
        task_queue=TASK_QUEUE_CONTROL,
        summary=state,
        **policies.RECORD,
    )


async def await_app(app: AppSpec) -> AppOutcome | None:
    """Follow the run of this app that somebody else started."""
    return await workflow.execute_activity_method(
        ResultActivities.await_app,
        app,
        task_queue=TASK_QUEUE_CONTROL,
        summary=f"{app.ref.model} app {app.ref.app_number}: already under way",
        **policies.AWAIT_APP,
    )


async def write_report(pipeline_id: str) -> tuple[str, str]:
    """Paths of the JSON and the HTML report."""
    return await workflow.execute_activity_method(
        ReportActivities.write_report,
        pipeline_id,
        task_queue=TASK_QUEUE_CONTROL,
        **policies.REPORT,
    )


async def sweep_host(host: str) -> SweepReport:
    """Remove what belongs to no running workflow on `host`."""
    return await workflow.execute_activity_method(
        AppActivities.sweep_host, task_queue=task_queue_host(host), **policies.JANITOR
    )


async def prune_host(host: str) -> None:
    """Remove old images on `host` above the disk limit."""
    await workflow.execute_activity_method(
        AppActivities.prune_host, task_queue=task_queue_host(host), **policies.JANITOR
    )


async def forget_host(host: str) -> None:
    """Delete the schedule of the janitor of `host`."""
    await workflow.execute_activity_method(
        AppActivities.forget_host, host, task_queue=TASK_QUEUE_CONTROL, **policies.JANITOR
    )


async def watch_alerts(before: StoreFault | None) -> StoreFault | None:
    """Look for alerts, and tell them, for some minutes; what the store could not keep of it."""
    return await workflow.execute_activity_method(
        AlertActivities.watch_alerts,
        before,
        task_queue=TASK_QUEUE_CONTROL,
        **policies.WATCH_ALERTS,
    )
