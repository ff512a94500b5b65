"""Which activities each task queue of a host serves, through which ports, and how many at once."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import FixedSizeSlotSupplier, Worker, WorkerTuner

from activities import Activities
from activities.alert_telling import Outbox
from activities.alerting import AlertActivities, AlertPorts
from activities.analysis import AnalysisActivities
from activities.analyzer_ports import AnalyzerGateway
from activities.apps import AppActivities
from activities.ports import AppRuntime, ArtifactStore, ResultStore
from activities.preflight import PreflightActivities
from activities.report_ports import ReportWriter
from activities.reports import ReportActivities
from activities.results import ResultActivities
from activities.scans import ScanActivities
from activities.slots import Slots
from activities.watch import WatchActivities
from clients.monitoring.work import WorkInProgress
from clients.versioning import deployment_config
from contract.analyzers import AnalyzerKind
from contract.ids import (
    TASK_QUEUE_APPS,
    TASK_QUEUE_CONTROL,
    TASK_QUEUE_WATCH,
    task_queue_analyzer,
    task_queue_host,
    task_queue_start,
)
from contract.limits import BEAT_INTERVAL_S
from contract.progress import PlatformService
from control.scanning import scan_activities
from settings import Settings
from workflows import workflows_of

GRACE = timedelta(seconds=8)
# Each beat of an activity is sent: a dead worker is noticed by the beats that are missing.
_BEAT_THROTTLE = timedelta(seconds=BEAT_INTERVAL_S)
# A workflow task that a dead worker's own queue holds goes to everybody's after this time.
_STICKY_LIMIT = timedelta(seconds=1.5)
_CONTROL_SLOTS, _START_SLOTS, _HOST_SLOTS, _WATCH_SLOTS = 50, 50, 20, 200
_Queue = tuple[str, Activities, int | Slots]


@dataclass(frozen=True, slots=True)
class Ports:
    """What the activities of one host reach the world through; `alerts` None: none are watched."""

    gateway: AnalyzerGateway
    runtime: AppRuntime
    artifacts: ArtifactStore
    results: ResultStore
    reports: ReportWriter
    alerts: AlertPorts | None = None


def workers_of(
    settings: Settings,
    client: Client,
    ports: Ports,
    *,
    grace: timedelta = GRACE,
    work: WorkInProgress | None = None,
) -> Sequence[Worker]:
    """The workers of one host, not started yet; a stop cancels activities after `grace`.

    `work` sees all activities, for metrics.
    """
    interceptors = [work] if work else []
    version = deployment_config(settings.deployment, settings.build_id)
    scans = _scans(settings, client, ports)
    queues = _queues(settings, ports, scans)
    if work:
        work.serve(TASK_QUEUE_CONTROL, _CONTROL_SLOTS)
        for queue, _, slots in queues:
            work.serve(queue, *_size(slots))
    return [
        Worker(
            client,
            task_queue=TASK_QUEUE_CONTROL,
            workflows=workflows_of(settings.build_id),
            activities=_control(settings, ports, scans),
            max_concurrent_activities=_CONTROL_SLOTS,
            interceptors=interceptors,
            sticky_queue_schedule_to_start_timeout=_STICKY_LIMIT,
            deployment_config=version,
            max_heartbeat_throttle_interval=_BEAT_THROTTLE,
            graceful_shutdown_timeout=grace,
        ),
        *(
            Worker(
                client,
                task_queue=queue,
                activities=activities,
                tuner=_tuner(slots),
                interceptors=interceptors,
                deployment_config=version,
                max_heartbeat_throttle_interval=_BEAT_THROTTLE,
                graceful_shutdown_timeout=grace,
            )
            for queue, activities, slots in queues
        ),
    ]


@asynccontextmanager
async def at_work(workers: Sequence[Worker]) -> AsyncGenerator[None]:
    """Let workers work until the end of the block; then all stop at once, within one grace.

    One after the other, those whose turn is to come would go on taking work that is cut later.
    """
    async with AsyncExitStack() as stack:
        for worker in workers:
            await stack.enter_async_context(worker)
        stack.push_async_callback(_stop, workers)
        yield


async def _stop(workers: Sequence[Worker]) -> None:
    await asyncio.gather(*(worker.shutdown() for worker in workers))


def _control(settings: Settings, ports: Ports, scans: ScanActivities) -> Activities:
    """What any host can do."""
    probes = {
        PlatformService.ENGINE: ports.runtime.probe,
        PlatformService.STORE: ports.results.probe,
    }
    alerts = ports.alerts and AlertActivities(ports.alerts, settings.alerts_every_s)
    return [
        *scans.in_control(),
        *(alerts.activities() if alerts else ()),
        *AppActivities(ports.runtime, None, settings.load_lock.absolute()).in_control(),
        *PreflightActivities(ports.gateway, probes).activities(),
        *ResultActivities(ports.results, ports.artifacts).activities(),
        *ReportActivities(ports.results, ports.reports, ports.artifacts).activities(),
    ]


def _queues(settings: Settings, ports: Ports, scans: ScanActivities) -> list[_Queue]:
    """The queues of builds, of this host, of what only watches, and of each analyzer."""
    lock, host = settings.load_lock.absolute(), settings.host_name
    builds = Slots(settings.app_slots)
    apps = AppActivities(ports.runtime, builds, lock)
    starts = AppActivities(ports.runtime, None, lock)
    watching = [*WatchActivities().activities(), *scans.in_watch()]
    return [
        (TASK_QUEUE_APPS, apps.on_any_host(), builds),
        (task_queue_start(host), starts.on_build_host(), _START_SLOTS),
        (task_queue_host(host), apps.on_app_host(), _HOST_SLOTS),
        (TASK_QUEUE_WATCH, watching, _WATCH_SLOTS),
        *(_analysis(kind, settings, ports) for kind in AnalyzerKind),
    ]


def _scans(settings: Settings, client: Client, ports: Ports) -> ScanActivities:
    alerts = ports.alerts if settings.alerts_file else None
    notifier = Outbox(alerts.keeper, alerts.receivers) if alerts else None
    url = settings.database_url
    return scan_activities(client, url, ports.artifacts, notifier, settings.secret)


def _analysis(kind: AnalyzerKind, settings: Settings, ports: Ports) -> _Queue:
    """An analyzer's queue; the only slot of a host is free again while a result is fetched."""
    slots = settings.analyzer_slots[kind]
    supplier = Slots(slots) if kind.is_alone else None
    activities = AnalysisActivities(ports.gateway, ports.artifacts, ports.runtime, supplier)
    queue = task_queue_analyzer(kind, settings.host_name)
    return queue, activities.activities(), supplier or slots


def _size(slots: int | Slots) -> tuple[int, Callable[[], int] | None]:
    """How many slots a queue has, and how to learn how many were given back."""
    return (slots.size, lambda: slots.given_back) if isinstance(slots, Slots) else (slots, None)


def _tuner(slots: int | Slots) -> WorkerTuner:
    """So many activities at once; of anything else a queue of activities has none."""
    none = FixedSizeSlotSupplier(1)
    return WorkerTuner.create_composite(
        workflow_supplier=none,
        activity_supplier=slots if isinstance(slots, Slots) else FixedSizeSlotSupplier(slots),
        local_activity_supplier=none,
        nexus_supplier=none,
    )
