"""How close the load test comes to a known cap, compared with the method that it replaced.

    python bench/bench_throughput.py [--caps 20,50,80] [--step-s 5] [--json]

A server of ours accepts a fixed number of requests per second and no more: by a queue before one
worker, by refusing with 503, or by limiting with 429. Each is loaded with the default steps of a
spec, and with a single step 9 % above its cap. Two methods read the same answers: ours, and the old
one, which only doubles the rate and counts every answer of a step that held, also answers after the
last request. The result is the relative error of both, and their ratio. The exit code is 1 where
our error is above a tenth.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analyzers.performance.openloop.generator import run_plan
from analyzers.performance.openloop.plan import LoadResult, StepResult
from analyzers.performance.options import LoadOptions
from bench.recording import recorded
from tests.support.capped_server import KINDS, capped_server

GOAL = 0.1
ABOVE = 1.09


async def measure(kind: str, cap: float, step_s: float) -> dict[str, Any]:
    """Both readings of one server."""
    options = LoadOptions(step_s=step_s)
    async with capped_server(kind, cap) as url:
        began = time.monotonic()
        result = await run_plan(options.plan(url))
        spent_s = time.monotonic() - began
    async with capped_server(kind, cap) as url:
        plan = options.plan(url).model_copy(update={"rates": (cap * ABOVE,), "refine_steps": 0})
        (above,) = (await run_plan(plan)).steps
    ours, doubling = _ours(result), _doubling(result, options.rates)
    return {
        "kind": kind,
        "cap": cap,
        "ours": round(ours, 2),
        "ours_error": round(ours / cap - 1, 4),
        "doubling": round(doubling, 2),
        "doubling_error": round(doubling / cap - 1, 4),
        "above_error": None if above.broke else round(above.throughput / cap - 1, 4),
        "above_backlog_error": None if above.broke else round(_answers(above) / cap - 1, 4),
        "steps": len(result.steps),
        "seconds": round(spent_s, 1),
    }


def _ours(result: LoadResult) -> float:
    """The limit where the app has one, else the throughput at the objective."""
    if result.limit and result.limit.per_s:
        return result.limit.per_s
    return result.at_objective.throughput if result.at_objective else 0.0


def _doubling(result: LoadResult, rates: tuple[float, ...]) -> float:
    """The fastest of the doubling steps that held, with its backlog."""
    rising = [step for step in result.steps if not step.broke and step.rate in rates]
    last = max(rising, key=lambda step: step.rate, default=None)
    return _answers(last) if last else 0.0


def _answers(step: StepResult) -> float:
    """Every answer of a step, whenever it came, per second of the time of its requests."""
    return step.completed / step.window_s


async def bench(caps: list[float], step_s: float) -> dict[str, Any]:
    """All kinds and caps, one after another."""
    rows = [await measure(kind, cap, step_s) for kind in KINDS for cap in caps]
    ours = max(abs(row[name] or 0.0) for row in rows for name in ("ours_error", "above_error"))
    names = ("doubling_error", "above_backlog_error")
    other = max(abs(row[name] or 0.0) for row in rows for name in names)
    return {
        "rows": rows,
        "worst_error": ours,
        "worst_error_doubling": other,
        "ratio": round(ours / other, 3) if other else None,
        "load": os.getloadavg()[0],
    }


def table(result: dict[str, Any]) -> str:
    """The figures for people."""
    lines = [
        f"{'server':<12}{'cap':>6}{'ours':>9}{'error':>8}{'doubling':>10}{'error':>8}"
        f"{'9% above':>10}{'with backlog':>14}{'s':>6}"
    ]
    lines += [
        f"{row['kind']:<12}{row['cap']:>6g}{row['ours']:>9.1f}{row['ours_error']:>+8.1%}"
        f"{row['doubling']:>10.1f}{row['doubling_error']:>+8.1%}"
        f"{_percent(row['above_error']):>10}{_percent(row['above_backlog_error']):>14}"
        f"{row['seconds']:>6.0f}"
        for row in result["rows"]
    ]
    worst, other = result["worst_error"], result["worst_error_doubling"]
    lines.append(
        f"\nworst error {worst:.1%}, by doubling alone {other:.1%}: ratio {result['ratio']}"
    )
    return "\n".join(lines)


def _percent(error: float | None) -> str:
    return "broke" if error is None else f"{error:+.1%}"


def main() -> None:
    """Print the table, then the same as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--caps", default="20,50,80")
    parser.add_argument("--step-s", type=float, default=LoadOptions().step_s)
    parser.add_argument("--json", action="store_true", help="JSON alone")
    options = parser.parse_args()
    result = asyncio.run(bench([float(cap) for cap in options.caps.split(",")], options.step_s))
    if not options.json:
        print(table(result))
    print(json.dumps(result, indent=1))
    sys.exit(0 if result["worst_error"] <= GOAL else 1)


if __name__ == "__main__":
    recorded(__file__, main)
