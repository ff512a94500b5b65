"""Gauges of what runs now: apps, breakers, disks, slots. What is gone leaves no series."""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from temporalio.client import Client
from temporalio.service import RPCError

from clients.monitoring.work import WorkInProgress
from clients.usage import AppUsage
from contract.alerting import WatchFacts
from contract.ids import app_label, pipeline_of
from contract.progress import PipelineProgress

_RUNNING = "WorkflowType='Pipeline' AND ExecutionStatus='Running'"
_MAX_PIPELINES = 20
_ASK_LIMIT = timedelta(seconds=3)
_BREAKER_STATES = {"closed": 0, "half_open": 1, "open": 2}
_APP = ("pipeline", "model", "app")


def apps_of(
    usage: Callable[[], Awaitable[Sequence[AppUsage]]],
) -> Callable[[], Awaitable[Iterable[Metric]]]:
    """Figures of the apps that run on this host."""

    async def take() -> Iterable[Metric]:
        uptime = GaugeMetricFamily(
            "assay_app_uptime_seconds",
            "Time since the youngest service of a running app was started.",
            labels=_APP,
        )
        memory = GaugeMetricFamily(
            "assay_app_memory_bytes", "Memory of a running app, all services.", labels=_APP
        )
        cpu = CounterMetricFamily(
            "assay_app_cpu_seconds", "Processor time of a running app, all services.", labels=_APP
        )
        check = GaugeMetricFamily(
            "assay_app_health_check_last_seconds",
            "Time of the last check of a running app that this worker made.",
            labels=_APP,
        )
        for app in await usage():
            labels = _labels(app.workflow_id)
            uptime.add_metric(labels, app.uptime_s)
            memory.add_metric(labels, app.memory_bytes)
            cpu.add_metric(labels, app.cpu_s)
            if app.health_check_s is not None:
                check.add_metric(labels, app.health_check_s)
        return uptime, memory, cpu, check

    return take


def _labels(workflow_id: str) -> list[str]:
    model, _, app = app_label(workflow_id).rpartition("/")
    return [pipeline_of(workflow_id), model, app.removeprefix("app")]


def breakers_of(client: Client) -> Callable[[], Awaitable[Iterable[Metric]]]:
    """The circuit breakers of running pipelines, at most 20: each is asked for its progress.

    Every worker shows the same ones: take the `max` over instances.
    """

    async def take() -> Iterable[Metric]:
        family = GaugeMetricFamily(
            "assay_breaker_state",
            "State of a running pipeline's circuit breaker: 0 closed, 1 half open, 2 open.",
            labels=["pipeline", "breaker"],
        )
        running = [w.id async for w in client.list_workflows(_RUNNING, limit=_MAX_PIPELINES)]
        asked = [_progress(client, workflow_id) for workflow_id in running]
        for progress in filter(None, await asyncio.gather(*asked)):
            for breaker in progress.breakers:
                state = _BREAKER_STATES[breaker.state]
                family.add_metric([progress.pipeline_id, breaker.name], state)
        return (family,)

    return take


async def _progress(client: Client, workflow_id: str) -> PipelineProgress | None:
    """The progress of a pipeline; None if it has just ended, or cannot answer."""
    handle = client.get_workflow_handle(workflow_id)
    try:
        return await handle.query("progress", result_type=PipelineProgress, rpc_timeout=_ASK_LIMIT)
    except RPCError:
        return None


def disks_of(folders: Mapping[str, Path]) -> Callable[[], Awaitable[Iterable[Metric]]]:
    """Free and total bytes of the disks that hold `folders`; one that is not there is left out."""

    async def take() -> Iterable[Metric]:
        free = GaugeMetricFamily(
            "assay_disk_free_bytes",
            "Bytes that this process may still write on the disk of this folder.",
            labels=["of"],
        )
        size = GaugeMetricFamily(
            "assay_disk_size_bytes", "Size of the disk of this folder.", labels=["of"]
        )
        for name, folder in folders.items():
            if await asyncio.to_thread(folder.exists):
                usage = await asyncio.to_thread(shutil.disk_usage, folder)
                free.add_metric([name], usage.free)
                size.add_metric([name], usage.total)
        return free, size

    return take


def slots_of(work: WorkInProgress) -> Callable[[], Awaitable[Iterable[Metric]]]:
    """How many activities each task queue of this worker may run, and runs."""

    async def take() -> Iterable[Metric]:
        slots = GaugeMetricFamily(
            "assay_slots",
            "Activities of a task queue that may work at once.",
            labels=["queue"],
        )
        used = GaugeMetricFamily(
            "assay_slots_used", "Activities of a task queue that hold a slot now.", labels=["queue"]
        )
        for queue, (size, busy) in work.slots().items():
            slots.add_metric([queue], size)
            used.add_metric([queue], busy)
        return slots, used

    return take


def watch_of(
    ask: Callable[[], Awaitable[WatchFacts]],
) -> Callable[[], Awaitable[Iterable[Metric]]]:
    """The watch for alerts, as the store knows it; every worker shows the same: take the `max`."""

    async def take() -> Iterable[Metric]:
        look = GaugeMetricFamily(
            "assay_alerts_last_look_timestamp_seconds",
            "When some worker last looked for alerts, seconds since 1970.",
        )
        unsent = GaugeMetricFamily(
            "assay_notices_unsent_seconds",
            "How long the oldest notice has waited that this receiver has not taken.",
            labels=["receiver"],
        )
        watch = await ask()
        if watch.looked_at:
            look.add_metric([], watch.looked_at.timestamp())
        for receiver, since in watch.unsent_since.items():
            unsent.add_metric([receiver], max(0.0, time.time() - since.timestamp()))
        return look, unsent

    return take


def build_of(
    is_current: Callable[[], Awaitable[bool]],
) -> Callable[[], Awaitable[Iterable[Metric]]]:
    """Whether what begins is begun on the build of this worker."""

    async def take() -> Iterable[Metric]:
        return (
            GaugeMetricFamily(
                "assay_build_current",
                "1: pipelines that begin are given to workers of this build; 0: to others.",
                value=float(await is_current()),
            ),
        )

    return take
