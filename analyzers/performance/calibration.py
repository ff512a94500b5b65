"""The limits of this host: our own server with a fixed answer, loaded by the same generator.

`python -m analyzers.performance.calibration PLAN RESULT` starts the server as a separate process on
a free port, runs the plan against it, then asks it as fast as possible, and writes a Calibration.
"""

import asyncio
import sys
import time
from pathlib import Path

import aiohttp

from analyzers.performance.openloop.generator import run_plan
from analyzers.performance.openloop.plan import Calibration, LoadPlan

_CLIENTS = 32
_CEILING_S = 0.5


async def _measure(plan_file: Path, result_file: Path) -> None:
    plan = LoadPlan.model_validate_json(plan_file.read_bytes())
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "analyzers.performance.calibration_server",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert server.stdout  # noqa: S101 - asked for as a pipe
        url = f"http://127.0.0.1:{int(await server.stdout.readline())}/"
        series = await run_plan(plan.model_copy(update={"url": url}))
        result = Calibration(series=series, ceiling=await _ceiling(url))
    finally:
        server.kill()
        await server.wait()
    result_file.write_text(result.model_dump_json(), encoding="utf-8")


async def _ceiling(url: str) -> float:
    """Answers per second of a closed loop: this host can send no higher rate."""
    answered = 0
    end = time.monotonic() + _CEILING_S

    async def ask_again(session: aiohttp.ClientSession) -> None:
        nonlocal answered
        while time.monotonic() < end:
            async with session.get(url) as response:
                await response.read()
            answered += 1

    async with aiohttp.ClientSession() as session:
        began = time.monotonic()
        await asyncio.gather(*(ask_again(session) for _ in range(_CLIENTS)))
        return answered / (time.monotonic() - began)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m analyzers.performance.calibration PLAN RESULT")
    asyncio.run(_measure(Path(sys.argv[1]), Path(sys.argv[2])))
