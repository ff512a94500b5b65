"""One pipeline's life under faults, and the verdict of the oracle afterwards."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from contract.ids import app_workflow_id, pipeline_workflow_id
from contract.record import PipelineRecord
from control.reports import read_apps, read_report
from reports.model import AppReport, FleetReport
from tests.chaos import evidence, oracle
from tests.chaos.counters import RunCounter
from tests.chaos.engine import containers
from tests.chaos.faults import Injection, Injector
from tests.chaos.schedule import SELF_INFLICTED, Fault, FaultKind
from tests.chaos.site import HERE, HOST, SLOTS, Site

FLEET = [("slow", 1), ("slow", 2), ("steady", 1), ("steady", 2), ("steady", 3)]
# Not the load test's queue, whose slot is given back before the result is fetched: there may be any
# number while the server is away. Its promise is `load_tests_at_once`.
LIMITS = {
    "assay-apps": int(SLOTS["ASSAY_APP_SLOTS"]),
    "assay-static": int(SLOTS["ASSAY_STATIC_SLOTS"]),
    f"assay-dynamic-{HOST}": int(SLOTS["ASSAY_DYNAMIC_SLOTS"]),
    "assay-ai": int(SLOTS["ASSAY_AI_SLOTS"]),
}
_CAPACITY = {"static": 2, "dynamic": 1, "performance": 1, "ai": 2}
# Of three pipelines at once each waits for the load tests and scans of the others.
_END_LIMIT_S = 900.0
_TIDY_LIMIT_S = 20.0
_TICK_S = 0.3


@dataclass(slots=True)
class Round:
    """A pipeline that ended, with all the evidence of it."""

    pipeline_id: str
    took_s: float
    injections: list[Injection]
    left_over: list[Fault]
    starts: set[tuple[float, str]]
    report: FleetReport
    apps: tuple[AppReport, ...]
    record: PipelineRecord
    workflows: list[oracle.WorkflowRun]
    activities: list[oracle.ActivityRun]
    runs_started: dict[str, int]
    litter: list[str] = field(default_factory=list)

    def apps_hit(self, kinds: Collection[FaultKind]) -> frozenset[tuple[str, int]]:
        """Apps that met one of these faults."""
        names = {app_workflow_id(self.pipeline_id, m, n): (m, n) for m, n in FLEET}
        hit = [one.victim for one in self.injections if one.fault.kind in kinds]
        return frozenset(names[victim] for victim in hit if victim in names)

    @property
    def kinds(self) -> set[FaultKind]:
        """The kinds of faults that were injected."""
        return {one.fault.kind for one in self.injections}

    @property
    def cells(self) -> list[oracle.Cell]:
        """Cells of the report."""
        return oracle.cells_of(self.apps)

    def starts_of_all(self) -> list[tuple[float, str]]:
        """Every known start of an attempt, from histories and from observation."""
        recorded = {(one.started_s, one.identity) for one in self.activities if one.started_s}
        return sorted(self.starts | recorded)

    def runs_lost(self) -> Counter[str]:
        """How many runs of each analyzer the faults may have cost, so that they began anew."""
        lost: Counter[str] = Counter()
        for one in self.injections:
            kind = one.fault.kind
            if one.victim in _CAPACITY and one.pid:
                lost[one.victim] += _CAPACITY[one.victim]
            elif kind.hits_app or kind.takes_apps:
                apps = 1 if kind.hits_app else len(FLEET)
                lost += Counter(dict.fromkeys(oracle.LIVE, apps))
        return lost

    def worker_kills(self) -> list[tuple[float, int]]:
        """When, and which process."""
        return [
            (one.at_s, one.pid)
            for one in self.injections
            if one.fault.kind is FaultKind.WORKER_KILL
        ]


Meanwhile = Callable[[Client, Injector], Awaitable[None]]


async def live_through(
    site: Site,
    pipeline_id: str,
    faults: list[Fault],
    *,
    alone: bool = True,
    meanwhile: Meanwhile | None = None,
) -> Round:
    """Submit the fleet, inject the faults while it runs, and collect the evidence at its end.

    Args:
        alone: no other pipeline runs, so that everything that is left over is litter.
        meanwhile: does faults of its own choice at moments of its own.
    """
    began = time.monotonic()
    client = await evidence.connect(site.temporal_address)
    counter = RunCounter(site)
    counter.note()
    injector = Injector(site, counter)
    submit(site, pipeline_id)
    try:
        beside = asyncio.create_task(meanwhile(client, injector)) if meanwhile else None
        starts, left_over = await _until_closed(client, injector, pipeline_id, faults)
        if beside is not None:
            await beside
    finally:
        injector.lift_due(everything=True)
    took_s = time.monotonic() - began
    counter.note()
    workflows = await _all_closed(client, pipeline_id)
    report = read_report(site.data, pipeline_id)
    activities = [
        activity for run in workflows for activity in await evidence.activities_of(client, run)
    ]
    return Round(
        pipeline_id=pipeline_id,
        took_s=took_s,
        injections=injector.done,
        left_over=left_over,
        starts=starts,
        report=report,
        apps=tuple(read_apps(site.data, report)),
        record=await evidence.record_of(site.database_url, pipeline_id),
        workflows=workflows,
        activities=activities,
        runs_started=dict(counter.started) if alone else {},
        litter=await litter(site) if alone else [],
    )


def submit(site: Site, pipeline_id: str, spec: Path = HERE / "fleet.yaml") -> None:
    """Submit as a user does; the ID makes it safe to try again while the server restarts."""
    error = ""
    for _ in range(4):
        done = site.shell.run("submit", str(spec), "--id", pipeline_id, timeout_s=120)
        if done.returncode == 0:
            return
        error = done.stderr
        time.sleep(2)
    raise AssertionError(f"submit: {error[-2000:]}")


async def _until_closed(
    client: Client, injector: Injector, pipeline_id: str, faults: list[Fault]
) -> tuple[set[tuple[float, str]], list[Fault]]:
    """Inject the faults in order until the pipeline has ended; returns starts seen, faults left."""
    waiting = list(faults)
    ids = [pipeline_workflow_id(pipeline_id)]
    ids += [app_workflow_id(pipeline_id, model, number) for model, number in FLEET]
    starts: set[tuple[float, str]] = set()
    deadline = (
        time.monotonic() + _END_LIMIT_S + sum(fault.wait_s + fault.lasts_s for fault in faults)
    )
    due = time.monotonic() + (waiting[0].wait_s if waiting else 0)
    while not await closed(client, pipeline_id):
        assert time.monotonic() < deadline, (
            f"{pipeline_id} does not end after {[str(one.fault) for one in injector.done]}"
            f"{injector.site.last_words()}"
        )
        injector.lift_due()
        if waiting and time.monotonic() >= due and injector.inject(waiting[0]):
            say(f"{pipeline_id}: {waiting.pop(0)} -> {injector.done[-1].victim}")
            due = time.monotonic() + (waiting[0].wait_s if waiting else 0)
        starts |= await evidence.starts_now(client, ids)
        await asyncio.sleep(_TICK_S)
    return starts, waiting


async def closed(client: Client, pipeline_id: str) -> bool:
    """Whether the pipeline has ended; a server that does not answer is no answer."""
    handle = client.get_workflow_handle(pipeline_workflow_id(pipeline_id))
    try:
        description = await handle.describe(rpc_timeout=timedelta(seconds=3))
    except RPCError:
        return False
    return description.status is not WorkflowExecutionStatus.RUNNING


async def _all_closed(client: Client, pipeline_id: str) -> list[oracle.WorkflowRun]:
    """Every execution, once visibility is up to date and all guards have ended."""
    deadline = time.monotonic() + _TIDY_LIMIT_S
    while True:
        try:
            runs = await evidence.workflows_of(client, pipeline_id)
        except RPCError:
            runs = []
        settled = bool(runs) and all(run.status != "RUNNING" for run in runs)
        if settled or time.monotonic() > deadline:
            return runs
        await asyncio.sleep(_TICK_S)


async def litter(site: Site) -> list[str]:
    """What is left of ended pipelines, after some time to clean up."""
    deadline = time.monotonic() + _TIDY_LIMIT_S
    while (found := _litter(site)) and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
    return found


def _litter(site: Site) -> list[str]:
    found = [f"container {one['Names']}" for one in containers(site.engine, site.scope_label)]
    for kind in ("network", "volume"):
        listed = site.engine.docker(
            kind, "ls", "-q", "--filter", f"label={site.scope_label}", check=False
        )
        found += [listed.stderr] if listed.returncode else []
        found += [f"{kind} {name}" for name in listed.stdout.split()]
    found += [f"process {line}" for line in site.tool_processes()]
    found += [f"file {path}" for path in (site.data / "artifacts" / "tmp").glob("*")]
    found += [f"file {path}" for path in (site.data / "incoming").rglob("*") if path.is_file()]
    for folder in site.work_folders():
        found += [f"folder {path}" for path in folder.glob("*") if site.is_run_folder(path)]
    return found


def broken_promises(reference: list[oracle.Cell], one: Round) -> list[str]:
    """All promises that one round broke, according to the oracle."""
    apps = [app_workflow_id(one.pipeline_id, model, number) for model, number in FLEET]
    # What the platform took away in the middle was measured, thrown away and measured anew.
    taken = any(kind.takes_apps for kind in one.kinds)
    thrown = oracle.LIVE if taken else frozenset[str]()
    runs = [run for run in one.activities if run.subtask_id.rpartition("/")[2] not in thrown]
    return [
        *oracle.not_one_task_per_app(apps, one.workflows, evidence.app_rows(one.record)),
        *oracle.repeated_cells(one.cells),
        *oracle.unlike_reference(
            reference, one.cells, one.apps_hit(SELF_INFLICTED), one.apps_hit({FaultKind.APP_PAUSE})
        ),
        *oracle.repeated_subtasks(runs),
        *oracle.too_many_runs(one.runs_started, len(FLEET), one.runs_lost()),
        *oracle.over_limit(one.activities, LIMITS),
        *(f"load tests overlap: {n}" for n in [load_tests_at_once([one])] if n > 1),
        *(f"left over: {item}" for item in one.litter),
    ]


def load_tests_at_once(some: list[Round]) -> int:
    """The largest number of load tests that ran at the same moment."""
    return oracle.most_at_once(w for one in some for w in evidence.load_windows(one.record))


def wasted(one: Round) -> tuple[float, float, float]:
    """Tool seconds: thrown away, the part of these that no fault explains, and counted.

    Each cell has its share. A fault explains what was thrown away of the analyzers whose runs it
    destroyed.
    """
    cells, lost = one.record.cells, one.runs_lost()
    return (
        sum(cell.wasted_seconds for cell in cells),
        sum(cell.wasted_seconds for cell in cells if not lost[cell.analyzer]),
        sum(cell.tool_seconds for cell in cells),
    )


def say(text: str) -> None:
    """Progress for people who run with `-s`."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)
