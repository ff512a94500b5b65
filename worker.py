"""The worker: settings -> clients and store -> activities -> one Temporal worker per task queue.

One process per host. `SIGTERM` lets activities go: running subtasks stay on their analyzers and are
re-attached to by the next worker.
"""

import asyncio
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import FixedSizeSlotSupplier, Worker, WorkerTuner

from activities import Activities
from activities.analysis import AnalysisActivities
from activities.analyzer_ports import AnalyzerGateway
from activities.apps import AppActivities
from activities.ports import (
    AppRuntime,
    ArtifactStore,
    ResultStore,
)
from activities.preflight import PreflightActivities
from activities.report_ports import ReportWriter
from activities.reports import ReportActivities
from activities.results import ResultActivities
from activities.slots import Slots
from activities.watch import WatchActivities
from clients.analyzers.gateway import WebSocketGateway
from clients.artifacts import FileArtifactStore
from clients.files import disk_faults
from clients.host import HostRuntime
from clients.monitoring.watching import Watched
from clients.monitoring.work import WorkInProgress
from clients.report_writer import FileReportWriter
from clients.runtime import host_runtime
from clients.temporal import connect, ensure_janitor_schedule, ensure_search_attributes
from contract.analyzers import AnalyzerKind
from contract.errors import PlatformError
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
from settings import Settings, load_settings, take_secrets
from store.migrate import upgrade
from store.results import SqlResultStore
from workflows import WORKFLOWS
from workflows.search_attributes import names as search_attributes

_GRACE = timedelta(seconds=8)
# Each beat of an activity is sent: a dead worker is noticed by the beats that are missing.
_BEAT_THROTTLE = timedelta(seconds=BEAT_INTERVAL_S)
# A workflow task that a dead worker's own queue holds goes to everybody's after this time.
_STICKY_LIMIT = timedelta(seconds=1.5)
_PATIENCE_S = 60.0
_CONTROL_SLOTS = 50
_Answer = TypeVar("_Answer")
_Queue = tuple[str, Activities, int | Slots]
logger = logging.getLogger("assay.worker")


@dataclass(frozen=True, slots=True)
class Ports:
    """What the activities of one host reach the world through."""

    gateway: AnalyzerGateway
    runtime: AppRuntime
    artifacts: ArtifactStore
    results: ResultStore
    reports: ReportWriter


async def run_worker(settings: Settings) -> None:
    """Work until told to stop.

    Raises:
        PlatformError: the store, the server, the data folder or a setting cannot be used.
    """
    with disk_faults(settings.data_dir):
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    watched = Watched(settings.metrics_address, settings.build_id)
    watched.open()
    await _patiently(lambda: upgrade(settings.database_url))
    client = await _patiently(lambda: connect(keys=settings.payload_key_text))
    await _patiently(lambda: ensure_search_attributes(client, search_attributes()))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    gateway = WebSocketGateway(
        settings.analyzer_urls,
        token=settings.token,
        workdir=settings.data_dir / "incoming",
        secret=settings.secret,
    )
    artifacts = FileArtifactStore(settings.data_dir / "artifacts")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(watched.close)
        stack.push_async_callback(gateway.close)
        runtime = await _runtime(settings, artifacts)
        ports = _ports(settings, gateway, runtime, artifacts)
        workers = workers_of(settings, client, ports, work=watched.work)
        for worker in workers:
            await stack.enter_async_context(worker)
        await _patiently(lambda: ensure_janitor_schedule(client, settings.host_name))
        probes = {"engine": runtime.probe, "store": ports.results.probe}
        folders = {"data": settings.data_dir, "engine": await runtime.disk()}
        watched.work_begins(client, workers, runtime.usage, probes, folders)
        logger.info("host %s works", settings.host_name)
        await stop.wait()


async def _runtime(settings: Settings, artifacts: ArtifactStore) -> HostRuntime:
    runtime = await _patiently(
        lambda: asyncio.to_thread(
            host_runtime, settings, artifacts, docker_host=settings.docker_host
        )
    )
    logger.info("%s", runtime.description)
    return runtime


def _ports(
    settings: Settings, gateway: WebSocketGateway, runtime: HostRuntime, artifacts: ArtifactStore
) -> Ports:
    return Ports(
        gateway=gateway,
        runtime=runtime,
        artifacts=artifacts,
        results=SqlResultStore.from_url(settings.database_url),
        reports=FileReportWriter(settings.data_dir / "reports"),
    )


def workers_of(
    settings: Settings,
    client: Client,
    ports: Ports,
    *,
    grace: timedelta = _GRACE,
    work: WorkInProgress | None = None,
) -> Sequence[Worker]:
    """The workers of one host, not started yet; a stop cancels activities after `grace`.

    `work` sees all activities, for metrics.
    """
    builds = Slots(settings.app_slots)
    lock = settings.load_lock.absolute()
    apps = AppActivities(ports.runtime, builds, lock)
    recording = ResultActivities(ports.results, ports.artifacts)
    probes = {
        PlatformService.ENGINE: ports.runtime.probe,
        PlatformService.STORE: ports.results.probe,
    }
    preflight = PreflightActivities(ports.gateway, probes)
    writer = ReportActivities(ports.results, ports.reports, ports.artifacts)
    control = [
        *apps.in_control(),
        *preflight.activities(),
        *recording.activities(),
        *writer.activities(),
    ]
    host = settings.host_name
    starts = AppActivities(ports.runtime, None, lock)
    queues: list[_Queue] = [
        (TASK_QUEUE_APPS, apps.on_any_host(), builds),
        (task_queue_start(host), starts.on_build_host(), 50),
        (task_queue_host(host), apps.on_app_host(), 20),
        (TASK_QUEUE_WATCH, WatchActivities().activities(), 200),
        *(_analysis(kind, settings, ports) for kind in AnalyzerKind),
    ]
    interceptors = [work] if work else []
    if work:
        work.serve(TASK_QUEUE_CONTROL, _CONTROL_SLOTS)
        for queue, _, slots in queues:
            work.serve(queue, *_size(slots))
    return [
        Worker(
            client,
            task_queue=TASK_QUEUE_CONTROL,
            workflows=WORKFLOWS,
            activities=control,
            max_concurrent_activities=_CONTROL_SLOTS,
            interceptors=interceptors,
            sticky_queue_schedule_to_start_timeout=_STICKY_LIMIT,
            max_heartbeat_throttle_interval=_BEAT_THROTTLE,
            graceful_shutdown_timeout=grace,
        ),
        *(
            Worker(
                client,
                task_queue=queue,
                activities=work,
                tuner=_tuner(slots),
                interceptors=interceptors,
                max_heartbeat_throttle_interval=_BEAT_THROTTLE,
                graceful_shutdown_timeout=grace,
            )
            for queue, work, slots in queues
        ),
    ]


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


async def _patiently(call: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """What `call` answers; server, store or engine may still be starting beside us."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return await call()
        except PlatformError as error:
            if not error.retryable or time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.5)


def main() -> int:
    """Entry point; exit code 2 for what the user can mend."""
    try:
        settings = load_settings()
        take_secrets()
        logging.basicConfig(
            level=settings.log_level,
            format="%(asctime)s %(levelname)s %(name)s: %(message)s",
            stream=sys.stderr,
        )
        logging.getLogger("httpx").setLevel(logging.WARNING)
        logging.getLogger("websockets").setLevel(logging.INFO)  # below, it shows frames
        asyncio.run(run_worker(settings))
    except PlatformError as error:
        return _refuse(error.message)
    except RPCError as error:
        return _refuse(f"the Temporal server refused: {error.message}")
    return 0


def _refuse(cause: str) -> int:
    sys.stderr.write(f"error: {cause}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
