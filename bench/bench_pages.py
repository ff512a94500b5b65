"""Every page and every reading route of the API over ten thousand apps and a million findings.

    python bench/bench_pages.py [--apps 10000] [--findings 100] [--report]
                                [--data FOLDER [--filled]] [--url postgresql://... --server PID]

Each address is asked in the same process, without a socket. Prints the processor time of the first
answer, and the median and p95 of the processor time and of the wall clock of the others. A mark
stands where the p95 is above its limit, or where the answer is an error; the exit code is 1 then.
The p95 is that of the processor time, which others on the machine change less than the wall clock.
A PostgreSQL server works in processes of its own: with `--server` and the number of its first one,
on this machine, their time is counted as well.

`--report` writes the pipeline's report first, for the pages that are made of it: that takes long.
`--data` keeps the folder; with `--filled` it is one that an earlier run kept. Without `--url`, the
store is a SQLite file in it. The apps' folders are there in any case: the wizard, and the page that
adds apps to a pipeline, read them.
"""

import argparse
import asyncio
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx

from bench.bench_store import MODELS, TOOLS, fill, findings_of, folder_of, refs_of
from bench.recording import recorded
from contract.analyzers import AnalyzerKind
from contract.ids import safe_model
from contract.spec import AppRef
from control.authoring import Step
from control.stored import Stored
from dashboard.memory import settle
from dashboard.site import Site
from dashboard.urls import API, app_url, finding_url
from dashboard.wizard.form import STEPS
from store.migrate import upgrade
from store.results import SqlResultStore
from tests.support.dashboard_site import operating, site_of
from tests.support.every_route import api_routes, page_routes
from tests.support.two_pipelines import write_report

PIPELINE, APP = "bench", AppRef(model="vendor/model-3", app_number=5)
LIMIT_MS, LIST_LIMIT_MS = 300.0, 200.0
# Streams without an end, what is made for one file or one secret, and what needs a second pipeline.
_LEFT_OUT = re.compile(r"/events$|^/new/step$|^/files/|^/enter|/export|/finding$|^/compare$")
_TIMES = ("first", "busy", "busy p95", "wall", "wall p95")
_FINDINGS = (
    {"severity": "high"},
    {"model": APP.model, "category": "security"},
    {"app": APP.label},
    {"tool": TOOLS[2], "severity": "high"},
    {"tool": TOOLS[27]},
    {"cwe": "CWE-89"},
    {"owasp": "A10"},
    {"family": "family-22"},
    {"confidence": "high", "category": "quality"},
    {"state": "new"},
    {"text": "cursor"},
    {"text": "no such words anywhere"},
)
_CELLS = ({"state": "infra_failed"}, {"text": "model-3/app77"}, {"model": "vendor/model-9"})


def addresses(fleet: str) -> Iterator[tuple[str, float]]:
    """What is asked for, each with its limit in milliseconds."""
    known = {
        "pipeline_id": PIPELINE,
        "model": quote(safe_model(APP.model), safe=""),
        "app": f"app{APP.app_number}",
    }
    for prefix, routes in (("", page_routes("GET")), (API, api_routes("GET"))):
        for route in routes:
            missing = set(re.findall(r"\{(\w+)", route.path)) - known.keys()
            if not missing and not _LEFT_OUT.search(route.path):
                yield prefix + route.path.format(**known), LIMIT_MS
    for query in _FINDINGS:
        for base in (f"/pipelines/{PIPELINE}/findings", f"{API}/pipelines/{PIPELINE}/findings"):
            yield f"{base}?{urlencode(query)}", LIST_LIMIT_MS
    for query in _CELLS:
        yield f"/pipelines/{PIPELINE}?{urlencode(query)}", LIMIT_MS
    yield f"{app_url(PIPELINE, APP)}/findings?severity=high", LIST_LIMIT_MS
    place = (APP.app_number - 1) * MODELS + int(APP.model.rpartition("-")[2])
    yield finding_url(PIPELINE, APP, findings_of(place, 1)[0].fingerprint), LIMIT_MS
    answers = [("root", fleet), *(("analyzer", kind.value) for kind in AnalyzerKind)]
    answers += [("seen", step.value) for step in Step] + [("parallelism", "4")]
    for at in STEPS:
        yield f"/new?{urlencode([*answers, ('at', at)])}", LIMIT_MS


def make_folders(fleet: Path, apps: int) -> None:
    """A folder with one file for each app, and for some apps that the pipeline does not have."""
    for ref in refs_of(apps + 5 * MODELS):
        folder = Path(folder_of(str(fleet), ref))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "app.py").write_text(f"print({ref.app_number})\n")


def processor_s(server: int | None) -> float:
    """Processor time of this process, and of those of a database server."""
    own = time.process_time()
    if server is None:
        return own
    folder = Path(f"/proc/{server}")
    ended = sum(map(int, (folder / "stat").read_text().rpartition(")")[2].split()[13:15]))
    children = (folder / "task" / str(server) / "children").read_text().split()
    return own + ended / os.sysconf("SC_CLK_TCK") + sum(map(_scheduled_s, children))


def _scheduled_s(process: str) -> float:
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9
    except FileNotFoundError:  # it ended just now
        return 0.0


async def asked(
    web: httpx.AsyncClient, url: str, rounds: int, server: int | None = None
) -> dict[str, float]:
    """Milliseconds of the answers, the status and the size of the last one."""
    busy: list[float] = []
    wall: list[float] = []
    answer = httpx.Response(0)
    for _ in range(rounds + 1):
        begun, worked = time.perf_counter(), processor_s(server)
        answer = await web.get(url)
        wall.append((time.perf_counter() - begun) * 1_000)
        busy.append((processor_s(server) - worked) * 1_000)
    return {
        "status": answer.status_code,
        "kB": len(answer.content) / 1_000,
        "first": busy[0],
        "busy": statistics.median(busy[1:]),
        "busy p95": _p95(busy[1:]),
        "wall": statistics.median(wall[1:]),
        "wall p95": _p95(wall[1:]),
    }


def _p95(spent: list[float]) -> float:
    return statistics.quantiles(spent, n=20)[-1] if len(spent) > 1 else spent[0]


async def measure(site: Site, rounds: int, server: int | None) -> int:
    """Ask for everything, and print what it took; how many addresses have a mark."""
    heads = "".join(f"{name:>9}" for name in ("status", "kB", *_TIMES))
    print(f"{'':68}{heads}")
    marked = 0
    async with operating(site) as web:
        settle()
        for url, limit in dict(addresses(str(site.fleets / "fleet"))).items():
            row = await asked(web, url, rounds, server)
            mark = f"  over {limit:.0f}" if row["busy p95"] > limit else ""
            mark += "" if row["status"] == 200 else "  no answer"
            marked += bool(mark)
            times = "".join(f"{row[name]:9.1f}" for name in _TIMES)
            name = url if len(url) <= 66 else f"{url[:32]}..{url[-32:]}"
            print(f"{name:68}{row['status']:9}{row['kB']:9.0f}{times}{mark}", flush=True)
    return marked


async def main() -> int:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--apps", type=int, default=10_000)
    parser.add_argument("--findings", type=int, default=100, help="per app")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--filled", action="store_true", help="the folder is filled already")
    parser.add_argument("--url", default="")
    parser.add_argument("--server", type=int, metavar="PID")
    parser.add_argument("--report", action="store_true", help="write the report, too")
    given = parser.parse_args()
    if given.apps < MODELS * APP.app_number:
        parser.error(f"at least {MODELS * APP.app_number} apps")
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        data = given.data or Path(folder)
        url = given.url or f"sqlite:///{data / 'assay.db'}"
        make_folders(data / "fleet", given.apps)
        await upgrade(url)
        store = SqlResultStore.from_url(url)
        if not given.filled:
            await fill(store, given.apps, given.findings, 50, str(data / "fleet"))
        if given.report:
            await write_report(store, data, PIPELINE)
        await store.close()
        site = site_of(data, stored=Stored(url, in_use=lambda: False))
        return 1 if await measure(site, given.rounds, given.server) else 0


if __name__ == "__main__":
    recorded(__file__, lambda: asyncio.run(main()))
