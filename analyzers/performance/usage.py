"""CPU and memory of the app under load, from Docker's statistics or from the process tree.

Where neither can be read the metrics are left out: an unknown is not a zero.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import psutil

from contract.analysis import Metric, Target

_INTERVAL_S = 0.5


@dataclass(frozen=True, slots=True)
class Sample:
    """Counters of one target at one moment: processor seconds used so far, memory in bytes now."""

    at_s: float
    cpu_s: float
    memory_bytes: int


@dataclass(slots=True)
class UsageLog:
    """Samples per service; the number of failed samples, and the reason of the last failure."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    failed: Counter[str] = field(default_factory=Counter)
    missing: dict[str, str] = field(default_factory=dict)

    def metrics(self) -> tuple[Metric, ...]:
        """CPU (percent of one core) and highest memory of each service sampled twice or more."""
        return tuple(
            metric
            for service, samples in self.samples.items()
            if len(samples) >= 2
            for metric in _metrics(service, samples)
        )

    def series(self) -> list[dict[str, Any]]:
        """Each service over time: seconds since its first sample, percent of a core, bytes."""
        return [_series(service, samples) for service, samples in self.samples.items()]

    def notes(self) -> tuple[str, ...]:
        """Services whose figures are missing or do not cover the whole test."""
        return tuple(
            f"{service}: CPU and memory lack {self.failed[service]} of "
            f"{self.failed[service] + len(self.samples.get(service, ()))} samples: {reason}"
            if self.failed[service]
            else f"{service}: CPU and memory not measured: {reason}"
            for service, reason in self.missing.items()
        )


def parse_docker_stats(stats: dict[str, Any]) -> tuple[float, int]:
    """Processor seconds and working-set bytes of one Docker statistics answer."""
    memory = stats["memory_stats"]
    details = memory.get("stats", {})  # the first name is cgroup v1's, the second cgroup v2's
    cache = int(details.get("total_inactive_file", details.get("inactive_file", 0)))
    cpu_s = int(stats["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9
    return cpu_s, int(memory["usage"]) - cache


def process_usage(container_id: str) -> tuple[float, int]:
    """Processor seconds and resident bytes of the tree below `pid:<pid>:<start ticks>`.

    Raises:
        ProcessLookupError: that process is gone, or another one has its number now.
    """
    _, pid, ticks = container_id.split(":")
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    if stat.rpartition(")")[2].split()[19] != ticks:
        raise ProcessLookupError(f"process {pid} is another one now")
    root = psutil.Process(int(pid))
    cpu_s, memory_bytes = 0.0, 0
    for process in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess), process.oneshot():
            times = process.cpu_times()
            cpu_s += sum(times[:4])  # user, system, and both of reaped children
            memory_bytes += process.memory_info().rss
    return cpu_s, memory_bytes


@asynccontextmanager
async def watch_usage(targets: Sequence[Target], docker_host: str) -> AsyncGenerator[UsageLog]:
    """Sample every target twice a second until the block ends."""
    log = UsageLog()
    async with _engine(docker_host) as client:
        tasks = [asyncio.create_task(_follow(client, target, log)) for target in targets]
        try:
            yield log
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _engine(docker_host: str) -> httpx.AsyncClient:
    """A client of the engine at `unix:///path` or `tcp://host:port`."""
    scheme, _, place = docker_host.partition("://")
    if scheme == "unix":
        transport = httpx.AsyncHTTPTransport(uds=place)
        return httpx.AsyncClient(transport=transport, base_url="http://docker", timeout=5.0)
    return httpx.AsyncClient(base_url=f"http://{place}", timeout=5.0, trust_env=False)


async def _follow(client: httpx.AsyncClient, target: Target, log: UsageLog) -> None:
    """Sample until cancelled; a failed sample is counted, the next may succeed."""
    if not target.container_id:
        log.missing[target.service] = "no container or process is known"
        return
    read = _reader(client, target.container_id)
    while True:
        try:
            cpu_s, memory_bytes = await read()
        except (httpx.HTTPError, OSError, psutil.Error, KeyError, ValueError, IndexError) as error:
            log.failed[target.service] += 1
            log.missing[target.service] = f"{type(error).__name__}: {error}"
        else:
            sample = Sample(time.monotonic(), cpu_s, memory_bytes)
            log.samples.setdefault(target.service, []).append(sample)
        await asyncio.sleep(_INTERVAL_S)


def _reader(client: httpx.AsyncClient, container_id: str) -> Callable[[], Any]:
    async def from_docker() -> tuple[float, int]:
        answer = await client.get(
            f"/containers/{container_id}/stats", params={"stream": "false", "one-shot": "true"}
        )
        answer.raise_for_status()
        return parse_docker_stats(answer.json())

    async def from_process() -> tuple[float, int]:
        return process_usage(container_id)

    return from_process if container_id.startswith("pid:") else from_docker


def _series(service: str, samples: Sequence[Sample]) -> dict[str, Any]:
    """A restarted container counts from zero again: what it used since then is known alone."""
    shares: list[float | None] = [None] if samples else []
    for old, new in pairwise(samples):
        used_s = new.cpu_s - old.cpu_s if new.cpu_s >= old.cpu_s else new.cpu_s
        passed_s = new.at_s - old.at_s
        shares.append(round(used_s / passed_s * 100, 2) if passed_s > 0 else None)
    return {
        "service": service,
        "at_s": [round(sample.at_s - samples[0].at_s, 3) for sample in samples],
        "cpu_percent": shares,
        "memory_bytes": [sample.memory_bytes for sample in samples],
    }


def _metrics(service: str, samples: Sequence[Sample]) -> tuple[Metric, ...]:
    # A restarted container counts from zero again.
    used_s = sum(
        new.cpu_s - old.cpu_s if new.cpu_s >= old.cpu_s else new.cpu_s
        for old, new in pairwise(samples)
    )
    cpu_percent = used_s / (samples[-1].at_s - samples[0].at_s) * 100
    memory = float(max(sample.memory_bytes for sample in samples))
    return (
        Metric(name="app_cpu", value=round(cpu_percent, 2), unit="percent", target=service),
        Metric(name="app_memory_max", value=memory, unit="bytes", target=service),
    )
