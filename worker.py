"""The worker: settings -> clients and store -> activities -> one Temporal worker per task queue.

One process per host. `SIGTERM` lets activities go: running subtasks stay on their analyzers and are
re-attached to by the next worker.
"""

import asyncio
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import TypeVar

from temporalio.client import Client
from temporalio.runtime import Runtime
from temporalio.service import RPCError

from activities.alerting import AlertPorts
from activities.host_telling import tell_host
from activities.measures import begin_counting
from activities.ports import ArtifactStore
from clients.analyzers.gateway import WebSocketGateway
from clients.artifacts import FileArtifactStore
from clients.files import disk_faults
from clients.host import HostRuntime
from clients.host_look import HostWatch, host_disks
from clients.log_context import leave_names_to_fields
from clients.monitoring.figures import build_of, watch_of
from clients.monitoring.loop import Watchdog
from clients.monitoring.samples import Take
from clients.monitoring.watching import Watched
from clients.notify.notifier import FileNotifier
from clients.report_writer import FileReportWriter
from clients.runtime import host_runtime
from clients.server_look import ServerWatch
from clients.temporal import (
    connect,
    ensure_alerts_schedule,
    ensure_janitor_schedule,
    ensure_search_attributes,
)
from clients.versioning import is_current, require_versioning
from contract.errors import PlatformError
from control.releasing import Release, keep_current
from queues import Ports, at_work, workers_of
from settings import Settings, load_settings, take_secrets
from store.alerts import AlertStore
from store.engine import parse_url
from store.migrate import upgrade
from store.results import SqlResultStore
from telemetry.logs import log_to_stderr
from telemetry.tracing import start_tracing
from workflows.search_attributes import names as search_attributes

_PATIENCE_S = 60.0
# More than activities that may block at once; one is made when none is idle.
_THREADS = 256
_Answer = TypeVar("_Answer")
logger = logging.getLogger("assay.worker")


async def run_worker(settings: Settings) -> None:
    """Work until told to stop.

    Raises:
        PlatformError: the store, the server, the data folder or a setting cannot be used.
    """
    use_many_threads()
    stop = _Stop()
    with disk_faults(settings.data_dir):
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    watched = Watched(settings.metrics_address, settings.build_id)
    watched.open()
    if settings.loop_limit_s:
        Watchdog(settings.loop_limit_s).start()
    begin_counting(Runtime.default().metric_meter)
    await _patiently(lambda: upgrade(settings.database_url))
    client = await _patiently(lambda: connect(keys=settings.payload_key_text))
    await _patiently(lambda: ensure_search_attributes(client, search_attributes()))
    if settings.build_id:
        await _patiently(lambda: require_versioning(client))
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
        ports = _ports(settings, client, gateway, runtime, artifacts)
        workers = workers_of(settings, client, ports, work=watched.work)
        await stack.enter_async_context(at_work(workers))
        stack.callback(_watch_host(settings, ports).cancel)
        if settings.build_id and settings.make_current:
            stack.callback(_release(settings, client).cancel)
        await _patiently(lambda: ensure_janitor_schedule(client, settings.host_name))
        await _patiently(lambda: ensure_alerts_schedule(client))
        probes = {"engine": runtime.probe, "store": ports.results.probe}
        folders = {"data": settings.data_dir, "engine": await runtime.disk()}
        more = _figures(settings, client)
        watched.work_begins(client, workers, runtime.usage, probes, folders, more)
        logger.info("host %s works", settings.host_name)
        await stop.asked()


class _Stop:
    """SIGTERM and SIGINT. They end a start that waits for something, and are asked for later."""

    def __init__(self) -> None:
        self._main = asyncio.current_task()
        self._event = asyncio.Event()
        self._works = False
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._ask)

    def _ask(self) -> None:
        if self._works or self._main is None:
            self._event.set()
        else:
            self._main.cancel()

    async def asked(self) -> None:
        """Wait for a signal; the work has begun."""
        self._works = True
        await self._event.wait()


def use_many_threads() -> None:
    """Give what blocks (engine, disks) as many threads as it may ask for at once.

    By default there are four more than processors: a hung engine would take them all, and nothing
    could be recorded any more.
    """
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="blocking")
    asyncio.get_running_loop().set_default_executor(pool)


async def _runtime(settings: Settings, artifacts: ArtifactStore) -> HostRuntime:
    runtime = await _patiently(
        lambda: asyncio.to_thread(
            host_runtime, settings, artifacts, docker_host=settings.docker_host
        )
    )
    logger.info("%s", runtime.description)
    return runtime


def _ports(
    settings: Settings,
    client: Client,
    gateway: WebSocketGateway,
    runtime: HostRuntime,
    artifacts: ArtifactStore,
) -> Ports:
    alerts = AlertPorts(
        keeper=AlertStore.from_url(settings.database_url),
        receivers=FileNotifier(settings.alerts_file, settings.secret),
        server=ServerWatch(client),
    )
    return Ports(
        gateway=gateway,
        runtime=runtime,
        artifacts=artifacts,
        results=SqlResultStore.from_url(settings.database_url),
        reports=FileReportWriter(settings.data_dir / "reports"),
        alerts=alerts,
    )


def _watch_host(settings: Settings, ports: Ports) -> asyncio.Task[None]:
    """Begin to tell what this host is like, for alerts."""
    database = parse_url(settings.database_url)
    look = HostWatch(
        settings.host_name,
        host_disks(settings.data_dir, database.database if database.host is None else None),
        ports.gateway.health,
        settings.analyzer_urls,
        settings.token,
    )
    keeper = AlertStore.from_url(settings.database_url)
    return asyncio.create_task(tell_host(look, keeper, settings.alerts_every_s))


def _release(settings: Settings, client: Client) -> asyncio.Task[None]:
    """Begin to see to it that this build gets work."""
    release = Release(
        deployment=settings.deployment,
        build_id=settings.build_id,
        host=settings.host_name,
        store_url=settings.database_url,
    )
    return asyncio.create_task(keep_current(client, release))


def _figures(settings: Settings, client: Client) -> dict[str, Take]:
    """What shows whether work begins at all: a look for alerts is work like any other."""
    keeper = AlertStore.from_url(settings.database_url)
    deployment, build = settings.deployment, settings.build_id
    return {
        "watch": watch_of(keeper.watch),
        "build": build_of(lambda: is_current(client, deployment, build)),
    }


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
        log_to_stderr("worker", settings.log_level, settings.log_format)
        leave_names_to_fields()
        tracing = start_tracing("worker", temporal=True)
        try:
            asyncio.run(run_worker(settings))
        finally:
            tracing.stop()
    except asyncio.CancelledError:  # stopped before its work began
        return 0
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
