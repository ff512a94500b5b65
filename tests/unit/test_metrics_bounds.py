"""How many series a worker shows does not depend on how many apps and pipelines it has seen."""

import asyncio
from types import SimpleNamespace

import pytest

from activities.measures import CellCounts
from clients.host_measures import CheckTimes
from clients.monitoring.exposition import Exposition
from clients.monitoring.figures import apps_of, breakers_of
from clients.monitoring.samples import Samples
from clients.monitoring.sdk import SdkMetrics
from clients.usage import AppUsage
from contract.progress import BreakerProgress, PipelinePhase, PipelineProgress
from contract.running import AppCheck
from tests.support.expositions import total
from tests.unit.test_metrics import do_all, do_clients, outcome


async def shown(*collectors: SdkMetrics | Samples) -> str:
    return (await asyncio.to_thread(Exposition(collectors).render, ""))[0].decode()


def series(text: str) -> set[str]:
    lines = [line for line in text.splitlines() if line.startswith("assay_")]
    return {line.rpartition(" ")[0] for line in lines}


async def test_a_thousand_apps_make_no_more_series_than_one(monkeypatch: pytest.MonkeyPatch):
    do_clients()
    runtime, sdk = do_all(monkeypatch)  # its exporter ends with it
    before = await shown(sdk)
    counts, checks = CellCounts(), CheckTimes()

    for number in range(1_000):
        task = f"p{number % 7}/m/app{number}/static"
        counts.add(outcome().model_copy(update={"subtask_id": task}))
        workflow_id = f"pipeline/p{number % 7}/m/app{number}"
        with checks.of(workflow_id) as done:
            done(AppCheck(alive=True))
        checks.forget(workflow_id)
    after = await shown(sdk)

    assert runtime
    cells = {"analyzer": "static", "state": "measured"}
    told = [total(text, "assay_cells_total", **cells) for text in (before, after)]
    assert told[1] - told[0] == 1_000
    assert series(after) == series(before) | {'assay_app_health_checks_total{outcome="alive"}'}
    assert checks.last_s == {}


class Server:
    """So many pipelines run; a question about each is counted."""

    def __init__(self, running: int) -> None:
        self.running = running
        self.asked = 0

    async def list_workflows(self, _: str, limit: int):
        for number in range(min(limit, self.running)):
            yield SimpleNamespace(id=f"pipeline/p{number}")

    def get_workflow_handle(self, id_: str) -> SimpleNamespace:
        async def query(*_: object, **__: object) -> PipelineProgress:
            self.asked += 1
            breakers = (BreakerProgress(name="store", state="open"),)
            name, phase = id_.removeprefix("pipeline/"), PipelinePhase.RUNNING
            return PipelineProgress(pipeline_id=name, phase=phase, breakers=breakers)

        return SimpleNamespace(query=query)


async def test_gauges_are_of_what_runs_bounded_and_gone_with_it():
    server, apps = Server(500), [AppUsage(f"pipeline/p/m/app{n}", 1.0, 1, 1.0) for n in range(4)]

    async def usage() -> list[AppUsage]:
        return apps

    sources = {"breakers": breakers_of(server), "apps": apps_of(usage)}  # type: ignore[arg-type]
    samples = Samples(sources, every_s=0)

    await samples.refresh()
    busy = series(await shown(samples))
    server.running = 1
    del apps[1:]
    await samples.refresh()
    quiet = series(await shown(samples))

    def of(name: str, found: set[str]) -> int:
        return sum(one.startswith(name) for one in found)

    assert (of("assay_breaker_state{", busy), server.asked) == (20, 21)
    assert (of("assay_app_memory_bytes{", busy), of("assay_app_memory_bytes{", quiet)) == (4, 1)
    assert of("assay_breaker_state{", quiet) == 1, "a pipeline that has ended leaves no series"
