"""What this host can do at all: our own server with a fixed answer, loaded by the same generator.

`python -m analyzers.performance.calibration PLAN RESULT` starts the server as a process of its own
on a free port, runs the plan against it and writes a LoadResult. `--serve` is that server.
"""

import asyncio
import contextlib
import sys
from pathlib import Path

from analyzers.performance.openloop.generator import run_plan
from analyzers.performance.openloop.plan import LoadPlan

_BODY = b"x" * 1024
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(_BODY)
) + _BODY


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each request head with the same bytes; enough HTTP for our own generator."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(_ANSWER)
            await writer.drain()
    writer.close()


async def _serve() -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


async def _measure(plan_file: Path, result_file: Path) -> None:
    plan = LoadPlan.model_validate_json(plan_file.read_bytes())
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "analyzers.performance.calibration", "--serve",
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
    if sys.argv[1:] == ["--serve"]:
        asyncio.run(_serve())
    elif len(sys.argv) == 3:
        asyncio.run(_measure(Path(sys.argv[1]), Path(sys.argv[2])))
    else:
        sys.exit("usage: python -m analyzers.performance.calibration PLAN RESULT | --serve")
