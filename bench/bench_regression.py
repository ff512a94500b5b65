"""How often regressions are called that are none, which ones are found, and what asking costs.

    python bench/bench_regression.py [--series 4000] [--scale] [--apps 10000] [--pipelines 20]

Without `--scale`: plants changes of 5, 10, 20 and 50 % into noise and counts what is called
changed. The noise is (1) drawn from a recorded sample of our own load test
(`bench/noise.json`, made by `noise_sample.py`; calm runs alone, as contended ones never count), and
(2) synthetic: Student's t
with 3 degrees of freedom, without and with a slow drift. `alone`: a series is asked for by itself;
`of 100`: one of a hundred figures, corrected for all of them.

With `--scale`: a SQLite store of so many apps in so many pipelines, and the time of one app's
history and of a whole pipeline's answer. The exit code is 1 where a goal is missed.
"""

import argparse
import asyncio
import gc
import json
import os
import random
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from sqlalchemy import insert

from bench.recording import Recording
from contract.figures import AppFigures, FiguresPart, PipelineAt
from contract.role import AppRole
from contract.spec import AppRef
from control.regressions import app_trends, regressions
from control.stored import Stored
from reports.trends.judge import Judge, _judged
from reports.trends.model import TrendState
from reports.trends.points import apps_of
from reports.trends.tested import rows_of, tested
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


def called(rows: np.ndarray) -> float:
    """The share of series that are called changed, each asked for by itself.

    They are tested together, which changes no p-value, and each is its own family of one.
    """
    apps_there = apps_of(part_of(rows, "latency_p95"))
    found = [series for app in apps_there for series in app.loads()]
    said = (_judged(one, one.p) for one in tested(found, rows_of(found)))
    return sum(one.state is TrendState.CHANGED for one in said) / len(rows)


def planted(series: int) -> list[dict[str, Any]]:
    """A row for each noise, history and number of pipelines behind the change."""
    rows: list[dict[str, Any]] = []
    for name, draw in noises().items():
        for before in HISTORIES:
            for behind in BEHIND:
                found = {"noise": name, "before": before, "behind": behind}
                for size in SIZES:
                    rng = np.random.default_rng(17)
                    values = draw(rng, (series, before + behind))
                    values[:, before:] += np.log1p(size)
                    found[f"{size:.0%}"] = called(np.exp(values + 3))
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
        judge = Judge()
        judge.add(apps_of(part_of(np.exp(values[at : at + FAMILY] + 3), "latency_p95")))
        apps_found = {trend.app for trend in judge.result()}
        families += 1
        hit += "m/app1" in apps_found if size else bool(apps_found)
    return hit / families


def _line(row: dict[str, Any]) -> str:
    shares = "".join(f"{value:>9.1%}" for key, value in row.items() if "%" in key)
    return f"{row['noise']:<34}{row['before']:>4}+{row['behind']}{shares}"


def _figures(rng: random.Random, level: float, found: int) -> dict[str, str]:
    """About what 25 tools leave of an app."""
    scans = {
        f"static/tool{n:02}": {
            "v": "1.2.3 abcdef012345",
            "s": "measured",
            "n": n % 7 + found * (n == 3),
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
        "scanned": f"d{found}",
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
                {**key, **_figures(rng, 20 * (slow if n % 100 == 0 else 1), int(n % 5 == run % 2))}
                for n, key in enumerate(keys)
            ]
            await connection.execute(insert(app_figures), texts)
    await store.close()


async def scale(number: int, runs: int) -> dict[str, Any]:
    """Seconds of both questions, each the third time: the disk's cache is warm."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{folder}/assay.db"
        await fill(url, number, runs)
        stored = Stored(url, in_use=lambda: False)
        gc.freeze()  # as the dashboard and the command do
        one: list[float] = []
        for n in range(1, 12):
            began = time.perf_counter()
            await app_trends(stored, AppRef(model="model-3", app_number=n))
            one.append(time.perf_counter() - began)
        whole: list[float] = []
        for _ in range(2):
            began, cpu = time.perf_counter(), time.process_time()
            document = await regressions(stored, f"run-{runs - 1:02}")
            whole.append(time.perf_counter() - began)
            cpu = time.process_time() - cpu
        return {
            "apps": number,
            "pipelines": runs,
            "mib": round(os.path.getsize(f"{folder}/assay.db") / 1024**2),
            "one_app_s": round(sorted(one)[len(one) // 2], 3),
            "whole_s": round(min(whole), 2),
            "whole_cpu_s": round(cpu, 2),
            "load": round(os.getloadavg()[0], 1),
            "worse": document.worse_total,
            "figures": {str(state): count for state, count in document.figures.items()},
        }


def main() -> None:
    """Print and record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--series", type=int, default=1_000)
    parser.add_argument("--scale", action="store_true")
    parser.add_argument("--apps", type=int, default=10_000)
    parser.add_argument("--pipelines", type=int, default=20)
    given = parser.parse_args()
    recording = Recording(__file__)
    if given.scale:
        result: Any = asyncio.run(scale(given.apps, given.pipelines))
        print(json.dumps(result, indent=1))
        failed = result["one_app_s"] > ONE_GOAL_S or result["whole_s"] > WHOLE_GOAL_S
    else:
        heads = "".join(f"{f'{size:.0%}':>9}" for size in SIZES)
        print(f"{'noise':<34}{'runs':>6}{heads}{'0 of 100':>9}{'50% of':>9}")
        result = planted(given.series)
        calm = [row for row in result if "drift" not in row["noise"]]
        failed = max(row["0%"] for row in calm) > FALSE_GOAL * 1.5
    print(f"kept in {recording.write(result)}")
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
