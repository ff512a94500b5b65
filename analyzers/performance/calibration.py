"""What this host can do at all: our own server with a fixed answer, loaded by the same generator.

`python -m analyzers.performance.calibration PLAN RESULT` starts the server as a process of its own
on a free port, runs the plan against it and writes a LoadResult.
"""

import asyncio
import sys
from pathlib import Path

from analyzers.performance.openloop.generator import run_plan
from analyzers.performance.openloop.plan import LoadPlan


async def _measure(plan_file: Path, result_file: Path) -> None:
    plan = LoadPlan.model_validate_json(plan_file.read_bytes())
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "analyzers.performance.calibration_server",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert server.stdout  # noqa: S101 - asked for as a pipe
        port = int(await server.stdout.readline())
        result = await run_plan(plan.model_copy(update={"url": f"http://127.0.0.1:{port}/"}))
    finally:
        server.kill()
        await server.wait()
    result_file.write_text(result.model_dump_json(), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m analyzers.performance.calibration PLAN RESULT")
    asyncio.run(_measure(Path(sys.argv[1]), Path(sys.argv[2])))
