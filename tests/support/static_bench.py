"""For bench_static.py: a service that records its commands, and a bare repetition of them."""

import asyncio
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from analyzers.runtime.process.runner import Runner
from analyzers.runtime.service import Service
from analyzers.runtime.tool import Command, Completed
from analyzers.runtime.wire.uploads import digest_folder
from clients.analyzers.archive import read_report
from contract.analysis import AnalyzerReport, SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.spec import AppRef, SourceRef


@dataclass(slots=True)
class Chain:
    """The commands of one tool on one app, one after another.

    Attributes:
        workspace: where they ran, and run again.
        kept: copy of the files there.
        spent_s: how long the tool took, alone.
        cpu_s: CPU time that it used, the service's own part included.
    """

    tool: str
    workspace: Path
    kept: Path
    spent_s: float = 0.0
    cpu_s: float = 0.0
    commands: list[tuple[Command, dict[str, str]]] = field(default_factory=list)

    def restore(self) -> None:
        shutil.copytree(self.kept, self.workspace, symlinks=True, dirs_exist_ok=True)

    def run(self) -> None:
        for command, env in self.commands:
            subprocess.run(
                command.argv,
                cwd=command.cwd or self.workspace,
                env=env,
                input=command.stdin,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )


@dataclass(slots=True)
class Recorder:
    """Wraps `Runner.__call__` and keeps the input of each command."""

    folder: Path
    chains: dict[Path, Chain] = field(default_factory=dict)
    is_on: bool = False

    def install(self) -> None:
        run = Runner.__call__

        async def recorded(runner: Runner, command: Command) -> Completed:
            if self.is_on:
                self._keep(runner, command)
            return await run(runner, command)

        Runner.__call__ = recorded  # type: ignore[method-assign]

    def _keep(self, runner: Runner, command: Command) -> None:
        kept = self.folder / f"{len(self.chains)}"
        place = runner.workspace
        chain = self.chains.setdefault(place, Chain(place.name, place, kept))
        chain.commands.append((command, runner.environment(command)))
        shutil.copytree(place, chain.kept, symlinks=True, dirs_exist_ok=True)


async def analyze(service: Service, folder: Path, *tools: str) -> AnalyzerReport:
    """One subtask through the service, nothing from the cache."""
    request = SubtaskRequest(
        subtask_id=f"bench/{folder.name}/{time.monotonic_ns()}",
        analyzer=AnalyzerKind.STATIC,
        ref=AppRef(model="bench", app_number=1),
        source=SourceRef(path=str(folder), digest=digest_folder(folder)),
        tools=tools,
        cache=False,
    )
    job = await service.jobs.submit(request)
    while not job.ended:
        await job.wait_for_change(1)
    if job.failure is not None:
        raise SystemExit(f"{folder}: {job.failure}")
    report = read_report(service.jobs.archive(job))
    await service.jobs.acknowledge(job.subtask_id)
    return report


async def record(service: Service, recorder: Recorder, folder: Path) -> list[Chain]:
    """Every tool alone on the app: its commands, its seconds, its CPU seconds."""
    chains: list[Chain] = []
    for name in [tool.name for tool in service.canaries.health() if tool.ok]:
        recorder.chains, recorder.is_on = {}, True
        recorder.folder = recorder.folder.parent / f"{time.monotonic_ns()}"
        before, began = cpu_s(), time.monotonic()
        await analyze(service, folder, name)
        recorder.is_on = False
        spent_s, used_s = time.monotonic() - began, cpu_s() - before
        for chain in recorder.chains.values():
            chain.spent_s, chain.cpu_s = spent_s, used_s
            chains.append(chain)
    return chains


def repeat(chains: Sequence[Chain], cores: int) -> tuple[float, float]:
    """Seconds and CPU seconds of the bare commands, longest chain first, `cores` at a time."""
    for chain in chains:
        chain.restore()
    before, began = cpu_s(), time.monotonic()
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(Chain.run, sorted(chains, key=lambda chain: -chain.spent_s)))
    spent_s, used_s = time.monotonic() - began, cpu_s() - before
    for chain in chains:
        shutil.rmtree(chain.workspace.parent.parent, ignore_errors=True)
    return spent_s, used_s


async def together(service: Service, folders: Sequence[Path]) -> float:
    """Seconds of several subtasks at once."""
    began = time.monotonic()
    await asyncio.gather(*(analyze(service, folder) for folder in folders))
    return time.monotonic() - began


def cpu_s() -> float:
    """CPU seconds of this process, of the fork server, and of all children that ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    used = [resource.getrusage(kind) for kind in kinds]
    below = sum(sum(child.cpu_times()[:4]) for child in psutil.Process().children())
    return sum(one.ru_utime + one.ru_stime for one in used) + below


def background(spent_s: float, stat: Mapping[str, float], since: Mapping[str, float]) -> float:
    """Cores that other programs used in that time."""
    busy = stat["busy"] - since["busy"]
    own = stat["own"] - since["own"]
    return max(busy - own, 0.0) / spent_s


def host() -> dict[str, float]:
    """CPU seconds of the whole host, and our own."""
    fields = [float(value) for value in Path("/proc/stat").read_text().split()[1:9]]
    ticks = os.sysconf("SC_CLK_TCK")
    return {"busy": (sum(fields) - fields[3] - fields[4]) / ticks, "own": cpu_s()}
