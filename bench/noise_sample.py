"""Records how much our own load test varies: the same app, started anew and loaded, many times.

    python bench/noise_sample.py [--runs 40] [--step-s 1.5] [--out bench/noise.json]

The app is the control app `careful-1/app2` with what its `requirements.txt` names, in an
environment of its own. Each run is what a pipeline does: the app is started, one operation is
loaded at rising rates, and the app is ended. `bench_regression.py` draws from its file.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analyzers.performance.host import HostLoad, Thresholds, watched
from analyzers.performance.openloop.generator import run_plan
from analyzers.performance.openloop.plan import LoadPlan, LoadResult
from bench.recording import machine

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "controls/careful-1/app2"
OPERATION = "/api/products"
RATES = (20.0, 160.0, 640.0, 1_280.0)


def installed(folder: Path) -> Path:
    """A Python that has what the app needs."""
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", APP / "requirements.txt"], check=True)
    return python


async def one_run(python: Path, step_s: float) -> tuple[LoadResult, HostLoad]:
    """Start the app, load it, end it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as data:
        command = [
            str(python),
            "-m",
            "uvicorn",
            "main:app",
            "--port",
            str(port),
            "--log-level",
            "error",
        ]
        environment = {**os.environ, "DATA_DIR": data, "PYTHONDONTWRITEBYTECODE": "1"}
        process = await asyncio.create_subprocess_exec(*command, cwd=APP, env=environment)
        try:
            await _answers(port)
            plan = LoadPlan(
                url=f"http://127.0.0.1:{port}{OPERATION}",
                rates=RATES,
                step_s=step_s,
                refine_steps=3,
            )
            return await watched(run_plan(plan))
        finally:
            process.terminate()
            await process.wait()


async def _answers(port: int) -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise RuntimeError("the app does not answer")


def figures(result: LoadResult, host: HostLoad) -> dict[str, Any]:
    """What `bench_regression` needs of a run; `contended` as the load test itself judges it."""
    foreign = replace(host, pressure=result.steps[0].pressure)
    why = foreign.contention(Thresholds(), result.chosen.late_ratio)
    first = result.steps[0]
    latency = first.latency.known() if first.latency else {}
    held = result.at_objective
    return {
        "latency_p50": latency.get("p50"),
        "latency_p95": latency.get("p95"),
        "throughput_at_objective": round(held.throughput, 2) if held else None,
        "censored": result.censored,
        "pressure": foreign.pressure,
        "contended": list(why),
    }


async def record(runs: int, step_s: float) -> dict[str, Any]:
    """All runs, one after another."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        python = installed(Path(folder))
        for _ in range(runs):
            began = time.time()
            row = figures(*(await one_run(python, step_s)))
            rows.append({**row, "at": round(began), "load": round(os.getloadavg()[0], 2)})
            print(json.dumps(rows[-1]), flush=True)
    about = {"app": "careful-1/app2", "operation": OPERATION, "rates": RATES, "step_s": step_s}
    return {"about": about, "machine": machine(), "runs": rows}


def main() -> None:
    """Record and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--step-s", type=float, default=1.5)
    parser.add_argument("--out", type=Path, default=ROOT / "bench/noise.json")
    given = parser.parse_args()
    recorded = asyncio.run(record(given.runs, given.step_s))
    given.out.write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
