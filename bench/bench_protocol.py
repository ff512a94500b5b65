"""Protocol v1 compared with a bare websockets loop in one run: throughput and memory of both sides.

    python bench/bench_protocol.py [--megabytes 500] [--rounds 3]

The bare loop sends the same file in messages of the same size, without digests and frames. It is
measured twice: once it stores what it receives in a file, as a client must, and once it throws the
bytes away. The goal is relative to the first, because the system sets the price of a new file's
pages. Each side is a process of its own. Extra memory is the peak resident set minus the resident
set before the transfer. A last pair, measured for its memory only, transfers the largest allowed
`report.json`, which is read as a whole. The exit code is 1 when a goal is missed.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from analyzers.runtime.service import Service, ServiceOptions
from analyzers.runtime.wire.archive import ResultShelf, StoredResult, digests, write_archive
from bench.recording import recorded
from clients.analyzers.gateway import WebSocketGateway
from contract.analysis import (
    AnalyzerReport,
    Coverage,
    Finding,
    MeasurementState,
    Severity,
    SubtaskRequest,
    ToolReport,
)
from contract.analyzers import AnalyzerKind
from contract.protocol import CHUNK_BYTES, MAX_REPORT_BYTES, request_digest
from contract.spec import AppRef, SourceRef

STATIC = AnalyzerKind.STATIC
RATIO_GOAL = 0.8
MEMORY_LIMIT_MIB = 150.0


def request() -> SubtaskRequest:
    source = SourceRef(path="/nowhere", digest="0" * 64)
    ref = AppRef(model="bench", app_number=1)
    return SubtaskRequest(subtask_id="bench", analyzer=STATIC, ref=ref, source=source)


def prepare(data: Path, megabytes: int, report_bytes: int = 0) -> Path:
    """Store a finished result of the given size at the analyzer."""
    attachments = data / "attachments"
    (attachments / "bench").mkdir(parents=True)
    with (attachments / "bench/raw.bin").open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1024 * 1024))
    finding = Finding(tool="bench", rule_id="r", message="m" * 500, severity=Severity.LOW)
    cell = ToolReport(
        tool="bench",
        state=MeasurementState.MEASURED,
        coverage=Coverage(unit="files", reached=1),
        findings=(finding,) * (report_bytes // (len(finding.model_dump_json()) + 1)),
        attachments=("raw.bin",),
    )
    report = AnalyzerReport(subtask_id="bench", analyzer=STATIC, tools=(cell,))
    shelf = ResultShelf(data / "static/results")
    write_archive(report, attachments, shelf.part("bench"), 2**40)
    size, sha256, chunks = digests(shelf.part("bench"))
    shelf.put(
        StoredResult(
            key="bench",
            subtask_id="bench",
            request_digest=request_digest(request()),
            size_bytes=size,
            sha256=sha256,
            chunks=chunks,
            finished_at=datetime.now(UTC),
        )
    )
    return shelf.path("bench")


def memory_mib(field: str, pid: int | str = "self") -> float:
    """`VmRSS` or `VmHWM` of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(field)


async def analyzer(data: str) -> None:
    service = Service(STATIC, (), ServiceOptions(data=Path(data), tools_dir=Path(data)))
    await service.start()
    print(service.port, flush=True)
    await asyncio.Event().wait()


async def bare_server(path: str) -> None:
    async def send(connection: ServerConnection) -> None:
        with open(path, "rb") as file:  # noqa: ASYNC230 - as bare as it gets
            while block := file.read(CHUNK_BYTES):
                await connection.send(block)

    async with serve(send, "127.0.0.1", 0, compression=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


async def fetch(port: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url, workdir = f"ws://127.0.0.1:{port}", Path(folder)
        gateway = WebSocketGateway({STATIC: url}, workdir=workdir, direct=False)
        before, started = memory_mib("VmRSS"), time.perf_counter()
        result = await gateway.analyze(request(), lambda _progress: None)
        report(result.archive.stat().st_size, started, before)
        await gateway.close()


async def bare_fetch(port: str) -> None:
    await bare_receive(port, Path(os.devnull))


async def bare_keep(port: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        await bare_receive(port, Path(folder, "result"))


async def bare_receive(port: str, path: Path) -> None:
    size = 0
    before, started = memory_mib("VmRSS"), time.perf_counter()
    url = f"ws://127.0.0.1:{port}"
    async with connect(url, compression=None, max_size=None, proxy=None) as connection:
        with path.open("wb") as file:
            async for message in connection:
                file.write(message)  # type: ignore[arg-type]
                size += len(message)
    report(size, started, before)


def report(size: int, started: float, before: float) -> None:
    seconds = time.perf_counter() - started
    extra = max(0.0, memory_mib("VmHWM") - before)
    print(json.dumps({"mb_per_s": size / seconds / 1e6, "extra_mib": extra}))


class Pair:
    """A server that stays up and a client process per round."""

    def __init__(self, server: str, client: str, what: Path) -> None:
        self._client = client
        self._server = self._child(server, str(what))
        assert self._server.stdout
        self._port = self._server.stdout.readline().strip()
        self._before = memory_mib("VmRSS", self._server.pid)
        self.mb_per_s: list[float] = []
        self.client_extra_mib = 0.0

    @property
    def server_extra_mib(self) -> float:
        """Peak of the server above its start."""
        return max(0.0, memory_mib("VmHWM", self._server.pid) - self._before)

    @property
    def extra_mib(self) -> float:
        """The larger of both sides."""
        return max(self.client_extra_mib, self.server_extra_mib)

    def round(self) -> None:
        """One transfer."""
        out, _ = self._child(self._client, self._port).communicate(timeout=300)
        figures = json.loads(out)
        self.mb_per_s.append(figures["mb_per_s"])
        self.client_extra_mib = max(self.client_extra_mib, figures["extra_mib"])

    def stop(self) -> None:
        """End the server."""
        self._server.terminate()
        self._server.communicate()

    def line(self, name: str) -> str:
        """The pair's figures, for people."""
        return (
            f"{name:24} {statistics.median(self.mb_per_s):8.0f} MB/s  extra memory: "
            f"client {self.client_extra_mib:.0f} MiB, server {self.server_extra_mib:.0f} MiB"
        )

    @staticmethod
    def _child(role: str, argument: str) -> "subprocess.Popen[str]":
        command = [sys.executable, __file__, "--role", role, "--argument", argument]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--role", help=argparse.SUPPRESS)
    parser.add_argument("--argument", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.role:
        roles = {
            "analyzer": analyzer,
            "bare": bare_server,
            "fetch": fetch,
            "bare-fetch": bare_fetch,
            "bare-keep": bare_keep,
        }
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(roles[given.role](given.argument))
        return
    sys.exit(compare(given.megabytes, given.rounds))


def ratio_of(one: "Pair", other: "Pair") -> float:
    """Median of the rounds' ratios."""
    pairs = zip(one.mb_per_s, other.mb_per_s, strict=True)
    return statistics.median(mine / theirs for mine, theirs in pairs)


def compare(megabytes: int, rounds: int) -> int:
    """Print the figures; the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        plain, worst = Path(folder, "plain"), Path(folder, "worst")
        archive = prepare(plain, megabytes)
        prepare(worst, megabytes, report_bytes=MAX_REPORT_BYTES - 64 * 1024)
        bare, keeping = Pair("bare", "bare-fetch", archive), Pair("bare", "bare-keep", archive)
        ours = Pair("analyzer", "fetch", plain)
        large = Pair("analyzer", "fetch", worst)
        for _ in range(rounds):  # taking turns: both see the same noise
            for pair in (bare, keeping, ours):
                pair.round()
        large.round()
        print(f"result of {megabytes} MB, median of {rounds} rounds")
        print(bare.line("bare loop, thrown away"))
        print(keeping.line("bare loop, kept"))
        print(ours.line("protocol v1"))
        print(large.line("with the largest report"))
        ratio = ratio_of(ours, keeping)
        print(
            f"ratio {ratio:.2f}, goal {RATIO_GOAL}; to bytes thrown away {ratio_of(ours, bare):.2f}"
        )
        extra = max(ours.extra_mib, large.extra_mib)
        print(f"extra memory {extra:.0f} MiB, limit {MEMORY_LIMIT_MIB:.0f} MiB")
        for pair in (bare, keeping, ours, large):
            pair.stop()
    return 0 if ratio >= RATIO_GOAL and extra <= MEMORY_LIMIT_MIB else 1


if __name__ == "__main__":
    recorded(__file__, main)
