"""Small pieces of work of the product's core, run again and again in one process.

    python bench/short_cases.py ROOT [SLOWER]

Measures the code below ROOT, whatever tree this file is in. Reads the name of a case from each line
of standard input, runs it once and answers with one JSON line: processor seconds of this process
(all its threads), and seconds. The first run of a case is not counted by those who ask. What a case
does must not depend on the tree, so `compare.py` puts this file and those of `WORKLOAD` over the
older tree's.
"""

import asyncio
import contextlib
import gc
import io
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

WORKLOAD = (
    "bench/recording.py",
    "bench/short_cases.py",
    "bench/bench_store.py",
    "bench/bench_report.py",
    "bench/bench_protocol.py",
    "tests/support/large_report.py",
    "tests/unit/report_samples.py",
)
_APPS, _FINDINGS, _MEGABYTES, _REPORT_APPS, _REPLAYS = 24, 60, 24, 6, 2
_HISTORIES = ("pipeline-measured", "app-measured")
Case = Callable[[Path], Awaitable[None]]


async def store_write(folder: Path) -> None:
    """Apps with cells, findings and listed weaknesses, as their workflows write them."""
    from bench.bench_store import fill

    store = await _store(folder)
    await fill(store, _APPS, _FINDINGS, 12)
    await store.close()


async def store_read(folder: Path) -> None:
    """Pages of findings by every filter, and whole apps."""
    from bench.bench_store import fill, queries, refs_of

    kept = folder.parent / "filled"
    kept.mkdir(exist_ok=True)
    fresh = not (kept / "assay.db").exists()
    store = await _store(kept)
    if fresh:
        await fill(store, _APPS, _FINDINGS, 12)
    for _, query in queries():
        await store.findings_page(query)
    await store.load_apps("bench", refs_of(_APPS))
    await store.close()


async def report(folder: Path) -> None:
    """The report of a small fleet with all its files."""
    from activities.report_writing import ReportWriting
    from bench.bench_report import Generated, NoArtifacts
    from clients.report_writer import FileReportWriter

    results: Any = Generated(_REPORT_APPS)
    artifacts: Any = NoArtifacts()
    writing = ReportWriting(results, FileReportWriter(folder), artifacts)
    await writing.write("large", lambda _: None)


async def protocol(folder: Path) -> None:
    """A result from an analyzer to its client, both in this process."""
    from analyzers.runtime.service import Service, ServiceOptions
    from bench.bench_protocol import STATIC, prepare, request
    from clients.analyzers.gateway import WebSocketGateway

    data = folder.parent / "data"
    if not data.exists():
        prepare(data, _MEGABYTES)
    service = Service(STATIC, (), ServiceOptions(data=data, tools_dir=data))
    await service.start()
    url = f"ws://127.0.0.1:{service.port}"
    gateway = WebSocketGateway({STATIC: url}, workdir=folder, direct=False)
    await gateway.analyze(request(), lambda _progress: None)
    await gateway.close()
    await service.stop()


async def workflow_core(folder: Path) -> None:
    """Recorded histories of a pipeline and of an app, replayed."""
    from temporalio.client import WorkflowHistory
    from temporalio.contrib.pydantic import pydantic_data_converter
    from temporalio.worker import Replayer

    from workflows import WORKFLOWS

    replayer = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter)
    for name in _HISTORIES * _REPLAYS:
        path = Path(sys.argv[1]) / f"tests/replay/histories/{name}.json"
        history = WorkflowHistory.from_json(name, path.read_text(encoding="utf-8"))
        await replayer.replay_workflow(history)


CASES: dict[str, Case] = {
    case.__name__: case for case in (store_write, store_read, report, protocol, workflow_core)
}


async def _store(folder: Path) -> Any:
    from store.migrate import upgrade
    from store.results import SqlResultStore

    url = f"sqlite:///{folder}/assay.db"
    if not (folder / "assay.db").exists():
        await upgrade(url)
    return SqlResultStore.from_url(url)


def measured(name: str, folder: Path, slower: float = 0.0) -> dict[str, float]:
    """One run of a case in a folder of its own; `slower`: the share to work longer than needed."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            asyncio.run(_run(CASES[name], Path(own)))
        until = cpu + (time.process_time() - cpu) * (1 + slower)
        while time.process_time() < until:
            sum(range(1_000))
        return {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}


async def _run(case: Case, folder: Path) -> None:
    await case(folder)


def main() -> None:
    """Answer until there is nothing more to read."""
    root = Path(sys.argv[1]).resolve()
    slower = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    sys.path[:] = [str(root), *(p for p in sys.path if Path(p).name != "bench" or p == "")]
    with tempfile.TemporaryDirectory(prefix="assay-short-") as folder:
        for line in sys.stdin:
            try:
                answer: dict[str, Any] = dict(measured(line.strip(), Path(folder), slower))
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"[:300]}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
