"""How often regressions are called that are none, which ones are found, and what asking costs.

    python bench/bench_regression.py [--series 1000]
    python bench/bench_regression.py --scale [--apps 10000] [--pipelines 20] [--against FOLDER]

Without `--scale`: plants changes of 5, 10, 20 and 50 % into noise and counts what is called
changed. The noise is (1) drawn from a recorded sample of our own load test
(`bench/noise.json`, made by `noise_sample.py`; calm runs alone, as contended ones never count), and
(2) synthetic: Student's t
with 3 degrees of freedom, without and with a slow drift. `alone`: a series is asked for by itself;
`of 100`: one of a hundred figures, corrected for all of them.

With `--scale`: a SQLite store of so many apps in so many pipelines, and the time of one app's
history and of a whole pipeline's answer. `--against`: another checkout answers the same questions
of the same store, in turns with this one, each in processes of their own. The exit code is 1 where
a goal is missed.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from sqlalchemy import insert

from bench.recording import Recording
from contract.figures import AppFigures, FiguresPart, PipelineAt
from contract.role import AppRole
from contract.spec import AppRef
from control.regressions import app_trends
from control.stored import Stored
from reports.trends.judge import Judge, _judged
from reports.trends.model import TrendState
from reports.trends.points import apps_of
from reports.trends.tested import Batch, rows_of
from store.columns import dump_json
from store.figure_tables import app_figures
from store.migrate import upgrade
from store.results import SqlResultStore
from store.tables import apps, pipelines

SIZES = (0.0, 0.05, 0.1, 0.2, 0.5)
HISTORIES = (5, 8, 12, 19)
BEHIND = (1, 2, 3)
FAMILY = 100
FALSE_GOAL, ONE_GOAL_S, WHOLE_GOAL_S = 0.05, 0.3, 5.0
START = datetime(2026, 1, 1, tzinfo=UTC)
SAMPLE = Path(__file__).with_name("noise.json")


def recorded(figure: str) -> np.ndarray:
    """Logarithms of a figure in the calm runs of the sample, around their mean."""
    runs = json.loads(SAMPLE.read_text(encoding="utf-8"))["runs"]
    calm = [run for run in runs if not run["contended"]]
    if figure == "throughput_at_objective":
        calm = [run for run in calm if not run["censored"]]
    values = np.log([run[figure] for run in calm if run[figure]])
    return values - values.mean()


def noises() -> dict[str, Any]:
    """By name: a function from a generator and a shape to noise on a logarithmic scale."""
    found: dict[str, Any] = {}
    for figure in ("latency_p50", "latency_p95", "throughput_at_objective"):
        sample = recorded(figure)
        found[f"recorded {figure}"] = lambda rng, shape, s=sample: rng.choice(s, shape)

    def heavy(rng: Any, shape: tuple[int, int]) -> np.ndarray:
        return 0.03 * rng.standard_t(3, shape)

    def drift(rng: Any, shape: tuple[int, int]) -> np.ndarray:
        return heavy(rng, shape) + rng.normal(0, 0.01, shape).cumsum(axis=1)

    return {**found, "heavy tails, 3 % scale": heavy, "the same with 1 % drift a step": drift}


def part_of(rows: np.ndarray, figure: str) -> FiguresPart:
    """The series as figures of apps, so that all of the judging is measured."""
    points = rows.shape[1]
    at = [PipelineAt(f"p{n}", START + timedelta(days=n)) for n in range(points)]
    found: list[AppFigures] = []
    for number, row in enumerate(rows):
        ref = AppRef(model="m", app_number=number + 1)
        for where, value in zip(at, row, strict=True):
            tool = {"v": "3", "s": "measured", "f": {figure: {"GET /": value}}, "r": {"GET /": 20}}
            load = json.dumps({"performance/openloop": tool})
            of_app = (where.pipeline_id, ref, AppRole.SUBJECT)
            found.append(AppFigures(*of_app, "s", "process", load, "same", "{}"))
    return FiguresPart(at, found)


def said_of(rows: np.ndarray) -> list[Any]:
    """What is said of each series, asked for by itself.

    They are tested together, which changes no p-value, and each is its own family of one.
    """
    apps_there = apps_of(part_of(rows, "latency_p95"))
    found = [series for app in apps_there for series in app.loads()]
    batch = Batch(found, rows_of(found))
    return [_judged(one, one.p) for one in batch.chosen(batch.p <= 1)]


def share(rows: np.ndarray, state: TrendState) -> float:
    """Of series that are said to be so."""
    return sum(said.state is state for said in said_of(rows)) / len(rows)


def sizes(draw: Any, series: int, before: int, behind: int) -> dict[str, Any]:
    """Of planted changes: whether what is told of their size holds.

    Of those found, the median of the told size and how many intervals hold the planted one; and of
    all, how many are called unchanged within less than they changed.
    """
    found: dict[str, Any] = {"before": before, "behind": behind}
    for size in SIZES[1:]:
        values = draw(np.random.default_rng(20), (series, before + behind))
        values[:, before:] += np.log1p(size)
        said = said_of(np.exp(values + 3))
        told = [one.more for one in said if one.state is TrendState.CHANGED]
        calm = [one.more for one in said if one.state is TrendState.UNCHANGED]
        found[f"{size:.0%}"] = {
            "median": float(np.median([one["ratio"] for one in told])) - 1,
            "in interval": sum(one["low"] <= 1 + size <= one["high"] for one in told) / len(told),
            "unchanged within less": sum(one["within"] < size for one in calm) / len(said),
        }
    return found


def in_a_row(draw: Any, series: int) -> dict[str, Any]:
    """False alarms of those who ask after each of twelve pipelines, the first one after nine.

    An alarm is a change that began in one of the last three.
    """
    alone = np.zeros(series, dtype=bool)
    in_family = f"in a row, of {FAMILY}"
    families = np.zeros(series // FAMILY, dtype=bool)
    rows = np.exp(draw(np.random.default_rng(19), (series, 20)) + 3)
    for points in range(9, 21):
        there, fresh = rows[:, :points], {f"p{at}" for at in range(points - 3, points)}
        alone |= [one.more.get("since") in fresh for one in said_of(there)]
        for family in range(len(families)):
            some = there[family * FAMILY : (family + 1) * FAMILY]
            families[family] |= any(since in fresh for since in changed_in(some).values())
    return {"in a row, alone": float(alone.mean()), in_family: float(families.mean())}


def changed_in(rows: np.ndarray) -> dict[str, str]:
    """Of a family that is asked for together: apps that changed, and since when."""
    judge = Judge()
    judge.add(apps_of(part_of(rows, "latency_p95")))
    return {one.app: one.since for one in judge.result() if one.state is TrendState.CHANGED}


def planted(series: int) -> list[dict[str, Any]]:
    """A row for each noise, history and number of pipelines behind the change."""
    rows: list[dict[str, Any]] = []
    for name, draw in noises().items():
        rows.append({"noise": name, **in_a_row(draw, series)})
        rows.append({"noise": name, "sizes": sizes(draw, series, 8, 2)})
        print(*rows[-2:], sep="\n", flush=True)
        for before in HISTORIES:
            for behind in BEHIND:
                found = {"noise": name, "before": before, "behind": behind}
                for size in SIZES:
                    rng = np.random.default_rng(17)
                    values = draw(rng, (series, before + behind))
                    values[:, before:] += np.log1p(size)
                    found[f"{size:.0%}"] = share(np.exp(values + 3), TrendState.CHANGED)
                    if size in (0.0, 0.2):
                        drifting = share(np.exp(values + 3), TrendState.DRIFTING)
                        found[f"drifting, {size:.0%}"] = drifting
                # A single change among figures that did not change.
                for size in (0.0, 0.5):
                    rng = np.random.default_rng(18)
                    values = draw(rng, (3 * series, before + behind))
                    values[::FAMILY, before:] += np.log1p(size)
                    found[f"of {FAMILY}, {size:.0%}"] = _in_family(values, size)
                rows.append(found)
                print(_line(found), flush=True)
    return rows


def _in_family(values: np.ndarray, size: float) -> float:
    """Without a change: the share of families with a false alarm; with: the share found."""
    hit = families = 0
    for at in range(0, len(values), FAMILY):
        found = changed_in(np.exp(values[at : at + FAMILY] + 3))
        families += 1
        hit += "m/app1" in found if size else bool(found)
    return hit / families


_COLUMNS = (
    *(f"{size:.0%}" for size in SIZES),
    *(f"of {FAMILY}, {size:.0%}" for size in (0.0, 0.5)),
    *(f"drifting, {size:.0%}" for size in (0.0, 0.2)),
)


def _line(row: dict[str, Any]) -> str:
    shares = "".join(f"{row[key]:>9.1%}" for key in _COLUMNS)
    return f"{row['noise']:<34}{row['before']:>4}+{row['behind']}{shares}"


def _figures(rng: random.Random, app: int, level: float, found: int) -> dict[str, str]:
    """About what 25 tools leave of an app; no two apps have the same findings."""
    scans = {
        f"static/tool{n:02}": {
            "v": "1.2.3 abcdef012345",
            "s": "measured",
            "n": (n * 7 + app) % 9 + found * (n == 3),
        }
        for n in range(22)
    }
    noisy = {
        f"GET /api/things/{n}": float(f"{level * rng.lognormvariate(0, 0.05):.5g}")
        for n in range(4)
    }
    factors = {"throughput_at_objective": 8, "latency_p50": 1, "latency_p95": 2, "error_ratio": 0}
    load = {
        "f": {
            name: {key: float(f"{value * factor:.5g}") for key, value in noisy.items()}
            for name, factor in factors.items()
        },
        "r": dict.fromkeys(noisy, 20.0),
        "h": 5000.0,
    }
    page = {"f": {"lighthouse_performance": {"": round(rng.uniform(80, 90))}}, "r": {}}
    tools = {"performance/openloop": load, "performance/lighthouse": page}
    told = {"v": "3 abc", "s": "measured"}
    return {
        "role": "subject",
        "source": "s",
        "engine": "container",
        "load": dump_json({name: {**told, **tool} for name, tool in tools.items()}),
        "scanned": f"d{app}-{found}",
        "scans": dump_json(scans),
    }


async def fill(url: str, number: int, runs: int) -> None:
    """So many apps in so many pipelines, with their figures alone."""
    await upgrade(url)
    store = SqlResultStore.from_url(url)
    rng = random.Random(3)
    async with store._engine.begin() as connection:
        for run in range(runs):
            row = {
                "pipeline_id": f"run-{run:02}",
                "spec_digest": "s",
                "spec": {},
                "state": "completed",
                "detail": {},
                "body": {},
                "created_at": START + timedelta(days=run),
                "started_by": "",
            }
            await connection.execute(insert(pipelines), row)
            keys = [
                {
                    "pipeline_id": f"run-{run:02}",
                    "target_model": f"model-{n % 10}",
                    "target_app_number": n // 10 + 1,
                }
                for n in range(number)
            ]
            more = {
                "plan_digest": "d",
                "state": "measured",
                "reason": "",
                "role": "subject",
                "body": {},
            }
            await connection.execute(
                insert(apps), [{**key, **more, "ordinal": n} for n, key in enumerate(keys)]
            )
            slow = 1.5 if run >= runs - 3 else 1.0
            # Scans of a fifth of the apps are not what they were in the newest pipeline.
            texts = [
                {**key, **_figures(rng, n, 20 * (1 if n % 100 else slow), int(n % 5 == run % 2))}
                for n, key in enumerate(keys)
            ]
            await connection.execute(insert(app_figures), texts)
    await store.close()


ASK = """
import asyncio, gc, json, resource, sys, time
from control.regressions import regressions
from control.stored import Stored

async def ask():
    began, cpu = time.perf_counter(), time.process_time()
    document = await regressions(Stored(sys.argv[1], in_use=lambda: False), sys.argv[2])
    return {
        "clock_s": round(time.perf_counter() - began, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "worse": document.worse_total,
        "figures": {str(state): count for state, count in document.figures.items()},
    }

command = open("cli/commands/regressions.py").read()
gc.disable() if "uncollected()" in command else gc.freeze()  # as that tree's command does
first, second = asyncio.run(ask()), asyncio.run(ask())
print(json.dumps({**second, "first_cpu_s": first["cpu_s"]}))
"""
"""Two questions in a process: the first one loads what is needed, and warms the disk's cache."""


def asked(tree: Path, url: str, pipeline_id: str) -> dict[str, Any]:
    """What a checkout answers, and what that cost."""
    done = subprocess.run(
        [sys.executable, "-c", ASK, url, pipeline_id],
        cwd=tree,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


async def one_app(url: str) -> float:
    """Seconds that an app's history takes: the median of eleven."""
    stored = Stored(url, in_use=lambda: False)
    taken: list[float] = []
    for n in range(1, 12):
        began = time.perf_counter()
        await app_trends(stored, AppRef(model="model-3", app_number=n))
        taken.append(time.perf_counter() - began)
    return sorted(taken)[len(taken) // 2]


def scale(number: int, runs: int, against: Path | None) -> dict[str, Any]:
    """What both questions cost; of each checkout the best of three turns."""
    trees = {"this": Path(__file__).resolve().parents[1]}
    trees |= {"against": against} if against else {}
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{folder}/assay.db"
        asyncio.run(fill(url, number, runs))
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in trees}
        for _ in range(3):
            for name, tree in trees.items():
                found[name].append(asked(tree, url, f"run-{runs - 1:02}"))
        best = {name: min(turns, key=itemgetter("cpu_s")) for name, turns in found.items()}
        return {
            "apps": number,
            "pipelines": runs,
            "mib": round(os.path.getsize(f"{folder}/assay.db") / 1024**2),
            "one_app_s": round(asyncio.run(one_app(url)), 3),
            "load": round(os.getloadavg()[0], 1),
            **best,
        }


def main() -> None:
    """Print and record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--series", type=int, default=1_000)
    parser.add_argument("--scale", action="store_true")
    parser.add_argument("--apps", type=int, default=10_000)
    parser.add_argument("--pipelines", type=int, default=20)
    parser.add_argument("--against", type=Path)
    given = parser.parse_args()
    recording = Recording(__file__)
    if given.scale:
        result: Any = scale(given.apps, given.pipelines, given.against)
        print(json.dumps(result, indent=1))
        failed = result["one_app_s"] > ONE_GOAL_S or result["this"]["cpu_s"] > WHOLE_GOAL_S
    else:
        heads = "".join(f"{f'{size:.0%}':>9}" for size in SIZES)
        print(
            f"{'noise':<34}{'runs':>6}{heads}{'0 of 100':>9}{'50% of':>9}{'drift 0':>9}{'20%':>9}"
        )
        result = planted(given.series)
        calm = [row for row in result if "drift" not in row["noise"] and "0%" in row]
        failed = max(row["0%"] for row in calm) > FALSE_GOAL * 1.5
    print(f"kept in {recording.write(result)}")
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
