"""An analyzer as a process: arguments, data folder, start and graceful end.

    python -m analyzers.static --port 2001 --data DIR --tools-dir .tools/static

The data folder belongs to this process alone, which locks it. It holds results that wait for their
acknowledgement, the result cache, uploaded sources and canary verdicts. Private folders of runs are
in the system's folder for temporary files.
"""

import argparse
import asyncio
import logging
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from aiohttp import web

from analyzers.runtime.folders import StartupError, fresh_work_dir, locked
from analyzers.runtime.measure.cache import LIVE_MAX_AGE, ReportCache
from analyzers.runtime.measure.cache_key import code_digest, measured_weights
from analyzers.runtime.measure.canary import CanaryKeeper
from analyzers.runtime.measure.canary_check import CanaryCheck
from analyzers.runtime.measure.cores import CpuBudget
from analyzers.runtime.measure.counts import Counts
from analyzers.runtime.measure.equipment import Equipment, Fuse
from analyzers.runtime.measure.measure import SERVICE_VERSION, Measurement
from analyzers.runtime.measure.weights import Weights
from analyzers.runtime.own_key import own_key
from analyzers.runtime.request_log import request_log
from analyzers.runtime.tool import Tool
from analyzers.runtime.wire.archive import ResultShelf
from analyzers.runtime.wire.jobs import JobRegistry, OnProgress
from analyzers.runtime.wire.metrics import Metrics
from analyzers.runtime.wire.server import AnalyzerServer
from analyzers.runtime.wire.uploads import SourceStore
from contract.analysis import AnalyzerReport, SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.health import AnalyzerHealth
from contract.protocol import DEFAULT_MAX_RESULT_BYTES
from contract.quiet import LOAD_LOCK
from telemetry.logs import LogForm, log_to_stderr
from telemetry.tracing import start_tracing

_HOUSEKEEPING_S = 600.0
_SHUTDOWN_S = 5.0
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

logger = logging.getLogger("assay.analyzer")


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """How an analyzer is started.

    Attributes:
        port: 0: a free one, printed in the log and known from `Service.port`.
        data: folder for everything it keeps; a sub-folder per analyzer is made.
        capacity: subtasks at once.
        cpu_budget: cores its tools may use at once.
        load_lock: lock of the host's load tests, to which its tools give way; None: they never do.
    """

    data: Path
    tools_dir: Path
    host: str = "127.0.0.1"
    port: int = 0
    token: str | None = None
    capacity: int = 2
    cpu_budget: float = 2.0
    load_lock: Path | None = None
    max_result_bytes: int = DEFAULT_MAX_RESULT_BYTES


class Service:
    """One analyzer, started in the current event loop.

    Raises:
        StartupError: from `start`: the port or the data folder cannot be used.
    """

    def __init__(
        self,
        kind: AnalyzerKind,
        tools: Sequence[Tool],
        options: ServiceOptions,
        fuse: Fuse | None = None,
    ) -> None:
        self._kind = kind
        self._options = options
        self._data = options.data / kind.value
        self._lock = locked(self._data)
        self._key = own_key(self._data / "key")
        self._work_dir = work_dir = fresh_work_dir(self._data)
        budget = CpuBudget(options.cpu_budget)
        weights = Weights(measured_weights(tools), self._data / "learned.json")
        check = CanaryCheck(kind, options.tools_dir, work_dir, budget, weights)
        self._sources = SourceStore(self._data / "sources")
        self.jobs = JobRegistry(
            self._measure,
            ResultShelf(self._data / "results"),
            work_dir,
            options.capacity,
            options.max_result_bytes,
        )
        counts = Counts(kind)
        verdicts = self._data / "canaries.json"
        self.canaries = CanaryKeeper(
            tools, check, verdicts, lambda: self.jobs.running == 0, counts.canary
        )
        self._metrics = Metrics(kind, self.jobs, self.canaries, counts, tools, options.tools_dir)
        self._cache = ReportCache(self._data / "cache", LIVE_MAX_AGE if kind.is_live else None)
        self._equipment = Equipment(
            kind, tools, options.tools_dir, budget, self.canaries, self._cache,
            code_digest(tools), fuse, weights, options.load_lock, counts,
        )  # fmt: skip
        self._runner: web.AppRunner | None = None
        self._housekeeping: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._runner is None:
            raise RuntimeError("not started")
        return self._runner.addresses[0][1]

    async def start(self) -> None:
        """Listen, and run the canaries in the background."""
        served = (self._kind, self.jobs, self._sources, self._metrics, self.health)
        server = AnalyzerServer(*served, self._options.token, self._key)
        self._runner = web.AppRunner(
            server.application(),
            access_log=None,
            logger=request_log(),
            shutdown_timeout=_SHUTDOWN_S,
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._options.host, self._options.port).start()
        except OSError as error:
            await self.stop()
            raise StartupError(
                f"cannot listen on {self._options.host}:{self._options.port}: "
                f"{os.strerror(error.errno or 0)}: choose another with --port"
            ) from error
        self.canaries.start()
        self._housekeeping = asyncio.create_task(self._keep_house())
        logger.info("%s analyzer listens on %s:%d", self._kind, self._options.host, self.port)

    async def stop(self) -> None:
        """End all runs and their processes, close connections, free the data folder."""
        if self._housekeeping:
            self._housekeeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._housekeeping
        await self.jobs.stop()
        await self.canaries.stop()
        if self._runner:
            await self._runner.cleanup()
        shutil.rmtree(self._work_dir, ignore_errors=True)
        os.close(self._lock)

    def health(self) -> AnalyzerHealth:
        """Ready once every tool's first canary has ended.

        A service whose tools are all blind still takes work: each cell then says why. Waiting would
            not help (no endpoint configured, not installed).
        """
        tools = self.canaries.health()
        waiting = self.canaries.waiting_for
        reason = ""
        if waiting:
            done = len(tools) - len(waiting)
            reason = f"starting: canaries of {done} of {len(tools)} tools done"
        return AnalyzerHealth(
            analyzer=self._kind,
            ok=not waiting,
            starting=bool(waiting),
            reason=reason,
            version=SERVICE_VERSION,
            tools=tools,
            running=self.jobs.running,
            capacity=self.jobs.capacity,
        )

    async def _measure(
        self, request: SubtaskRequest, folder: Path, on_progress: OnProgress
    ) -> tuple[AnalyzerReport, Path]:
        root = await asyncio.to_thread(self._sources.find, request.source)
        measurement = Measurement(self._equipment, request, root, folder, on_progress)
        return await measurement.run(), measurement.attachments

    async def _keep_house(self) -> None:
        while True:
            await self.jobs.expire()
            await asyncio.to_thread(self._sources.expire)
            await asyncio.to_thread(self._cache.expire)
            await asyncio.sleep(_HOUSEKEEPING_S)


def main(kind: AnalyzerKind, tools: Sequence[Tool], fuse: Fuse | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Exits 2 when it cannot start."""
    given = _given(kind)
    log_to_stderr(kind, given.log_level, given.log_format)
    tracing = start_tracing(f"analyzer-{kind}")
    try:
        asyncio.run(_serve(kind, tools, _options(given), fuse))
    except StartupError as error:
        print(f"{kind} analyzer: {error}", file=sys.stderr)
        sys.exit(2)
    finally:
        tracing.stop()


async def _serve(
    kind: AnalyzerKind, tools: Sequence[Tool], options: ServiceOptions, fuse: Fuse | None
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    service = Service(kind, tools, options, fuse)
    await service.start()
    await stop.wait()
    logger.info("%s analyzer ends", kind)
    await service.stop()


def _given(kind: AnalyzerKind) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"analyzers.{kind}", description=f"The {kind} analyzer.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=kind.row.port)
    parser.add_argument("--data", type=Path, required=True, help="folder for all it keeps")
    parser.add_argument("--tools-dir", type=Path, required=True, help="what install.sh made")
    parser.add_argument("--token-file", type=Path, help="file with the shared token")
    parser.add_argument("--capacity", type=int, default=kind.row.slots)
    parser.add_argument("--cpu-budget", type=float, default=float(os.cpu_count() or 1))
    parser.add_argument("--load-lock", type=Path, default=LOAD_LOCK, help="given way to")
    parser.add_argument("--log-level", type=str.upper, choices=_LEVELS, default="INFO")
    parser.add_argument("--log-format", choices=get_args(LogForm), default="auto")
    given = parser.parse_args()
    if given.capacity < 1 or given.cpu_budget <= 0 or not 0 <= given.port <= 65_535:
        parser.error("--capacity and --cpu-budget are above zero, --port is 0 to 65535")
    return given


def _options(given: argparse.Namespace) -> ServiceOptions:
    return ServiceOptions(
        data=given.data.absolute(),
        tools_dir=given.tools_dir.absolute(),
        host=given.host,
        port=given.port,
        token=_token(given.token_file),
        capacity=given.capacity,
        cpu_budget=given.cpu_budget,
        load_lock=given.load_lock,
    )


def _token(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"--token-file {path}: {error}") from error
    if not token:
        raise StartupError(f"--token-file {path} is empty: write the shared token into it")
    return token
