"""How close the static tools are to the two-core floor, for one app and for two apps at once.

    python bench/bench_static.py [--cores 2] [--rounds 3] [--app careless-1/app2] [--write] [--json]

The floor is the time of the same commands without Assay around them: bare processes on the files
that the tools got, the longest tool first, two at a time. It is never less than half of the CPU
seconds that they used. Each round measures floor and service one after the other, for one app and
for two, so that both meet the same host. The ratios are medians of the rounds. The output also says
how much of the host other programs used. Canaries were seen before, and nothing comes from a cache.
The exit code is 1 where one app takes more than 1.15 times its floor, or two apps more than 1.9
times one.

`--write` measures every tool alone instead, on small and on larger sources, and writes
`analyzers/static/weights.json`. A tool that does not run here keeps its figures. On a busy host,
`chrt -r 5` before the command keeps other programs out of the figures.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analyzers.runtime.service import Service, ServiceOptions
from analyzers.static.fusion import fuse
from analyzers.static.tools import TOOLS
from bench.recording import recorded
from contract.analyzers import AnalyzerKind
from tests.support.control_scores import CONTROLS
from tests.support.static_bench import (
    Chain,
    Recorder,
    background,
    host,
    record,
    repeat,
    together,
)
from tests.support.static_run import ROOT, TOOLS_DIR

APPS = ("careless-1/app1", "careless-1/app2")
ONE_GOAL = 1.15
TWO_GOAL = 1.9
# What one thread works on is a lane, whatever its helpers do for a moment. What mostly waits for
# the network takes next to nothing, or a lane would be idle beside it: starting, copying and the
# disk leave so much of the others' cores.
LANE = 0.9
TWO_LANES = 1.75
WAITING = 0.05
IS_WAITING = 0.4
COPIES = 4  # of all control apps, in the larger sources of `--write`
WEIGHTS = ROOT / "analyzers/static/weights.json"


async def with_service(cores: float, work: Callable[[Service, Recorder], Awaitable[Any]]) -> Any:
    """`work` with a service whose canaries were all seen."""
    with tempfile.TemporaryDirectory() as data:
        recorder = Recorder(Path(data) / "commands/0")
        recorder.install()
        options = ServiceOptions(Path(data), TOOLS_DIR, cpu_budget=cores)
        service = Service(AnalyzerKind.STATIC, TOOLS, options, fuse)
        await service.start()
        try:
            await asyncio.gather(*(service.canaries.proven(tool.name) for tool in TOOLS))
            return await work(service, recorder)
        finally:
            await service.stop()


async def bench(app: str, cores: int, rounds: int) -> dict[str, Any]:
    """The figures of one app."""
    folder = CONTROLS / app

    async def work(service: Service, recorder: Recorder) -> dict[str, Any]:
        first = await record(service, recorder, folder)
        second = await record(service, recorder, folder)
        await together(service, [folder])  # so that nobody meets cold files
        rows = [await one_round(service, first, second, folder, cores) for _ in range(rounds)]
        names = ("one_ratio", "two_ratio", "two_over_one", "one_s", "one_floor_s", "two_s")
        names += ("two_floor_s", "others_cores")
        median = {name: round(statistics.median(row[name] for row in rows), 3) for name in names}
        return {"app": app, "tools": len(first), **median, "rounds": rows}

    return await with_service(cores, work)


async def one_round(
    service: Service, first: list[Chain], second: list[Chain], folder: Path, cores: int
) -> dict[str, float]:
    """Floor and service, for one app and for two."""
    since = host()
    one_bare_s, one_cpu_s = await asyncio.to_thread(repeat, first, cores)
    one_s = await together(service, [folder])
    two_bare_s, two_cpu_s = await asyncio.to_thread(repeat, [*first, *second], cores)
    two_s = await together(service, [folder, folder])
    others = background(one_bare_s + one_s + two_bare_s + two_s, host(), since)
    one_floor_s = max(one_bare_s, one_cpu_s / cores)
    two_floor_s = max(two_bare_s, two_cpu_s / cores)
    figures = {
        "one_s": one_s,
        "one_floor_s": one_floor_s,
        "one_cpu_s": one_cpu_s,
        "one_ratio": one_s / one_floor_s,
        "two_s": two_s,
        "two_floor_s": two_floor_s,
        "two_cpu_s": two_cpu_s,
        "two_ratio": two_s / two_floor_s,
        "two_over_one": two_s / one_s,
        "others_cores": others,
    }
    rounded = {name: round(value, 3) for name, value in figures.items()}
    print(rounded, file=sys.stderr, flush=True)
    return rounded


async def weigh(rounds: int) -> dict[str, Any]:
    """Every tool alone, on the control apps and on many copies of them: the best of the rounds."""
    from analyzers.runtime.measure.prepared import prepare
    from analyzers.runtime.measure.weights import Weight, Weights, read_weights
    from analyzers.runtime.source.listing import list_source
    from tests.support.static_run import make_run

    weights = read_weights(WEIGHTS)
    with tempfile.TemporaryDirectory() as scratch:
        small, large = Path(scratch, "small"), Path(scratch, "large")
        shutil.copytree(CONTROLS / "careless-1", small / "copy0")
        for number in range(COPIES):
            shutil.copytree(CONTROLS / "careless-1", large / f"copy{number}")

        async def work(service: Service, recorder: Recorder) -> list[dict[str, list[Chain]]]:
            seen: list[dict[str, list[Chain]]] = [{}, {}]
            for _ in range(rounds):
                for place, folder in zip(seen, (small, large), strict=True):
                    for chain in await record(service, recorder, folder):
                        place.setdefault(chain.tool, []).append(chain)
            return seen

        seen = await with_service(2, work)
        sizes = [
            prepare(make_run(list_source(one), one).request, one, TOOLS, "", Weights()).size_bytes
            for one in (small, large)
        ]
    for name in seen[0]:
        fast = [min(place[name], key=lambda chain: chain.cpu_s) for place in seen]
        cores = max(chain.cpu_s / chain.spent_s for chain in seen[0][name])
        (small_s, large_s), (less, more) = (c.cpu_s for c in fast), (s[name] for s in sizes)
        per_byte = max(large_s - small_s, 0.0) / max(more - less, 1)
        weights[name] = Weight(
            cores=lanes(cores),
            start_s=round(max(small_s - per_byte * less, 0.01), 2),
            s_per_mib=round(per_byte * 1024**2, 2),
        )
    return weights


def lanes(cores: float) -> float:
    """Cores that the schedule reserves for a tool that uses `cores`."""
    if cores > TWO_LANES:
        return round(cores, 1)
    return LANE if cores > IS_WAITING else WAITING


def line(result: dict[str, Any]) -> str:
    """The figures for people."""
    return (
        f"{result['app']}, {result['tools']} tools with commands: one app {result['one_s']:.2f} s, "
        f"floor {result['one_floor_s']:.2f} s, ratio {result['one_ratio']:.2f}; two apps "
        f"{result['two_s']:.2f} s, floor {result['two_floor_s']:.2f} s, ratio "
        f"{result['two_ratio']:.2f}; two over one {result['two_over_one']:.2f}; "
        f"others used {result['others_cores']:.1f} cores"
    )


def main() -> None:
    """Print the figures, then the same as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--app", action="append", help="of the control apps; may be repeated")
    parser.add_argument("--write", action="store_true", help="measure the weights anew")
    parser.add_argument("--json", action="store_true", help="JSON alone")
    options = parser.parse_args()
    if options.write:
        from analyzers.runtime.measure.weights import as_json

        WEIGHTS.write_text(as_json(asyncio.run(weigh(options.rounds))))
        return
    results = [
        asyncio.run(bench(app, options.cores, options.rounds)) for app in options.app or APPS
    ]
    if not options.json:
        print("\n".join(line(result) for result in results))
    print(json.dumps(results, indent=1))
    late = [r for r in results if r["one_ratio"] > ONE_GOAL or r["two_over_one"] > TWO_GOAL]
    sys.exit(1 if late else 0)


if __name__ == "__main__":
    recorded(__file__, main)
