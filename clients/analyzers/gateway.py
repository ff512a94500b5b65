"""`AnalyzerGateway` over protocol v1: activities call it to let an analyzer measure an app.

After a lost connection it goes on from the last checked byte, a few times and only to fetch. It
never
starts the work itself twice: retries of the work are in Temporal's policies.
"""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from websockets.exceptions import WebSocketException

from clients.analyzers.archive import ArchiveReceiver, read_report
from clients.analyzers.http import AnalyzerHttp
from clients.analyzers.pool import ConnectionPool
from clients.analyzers.transfer import ConnectionLost, Transfer
from clients.analyzers.upload import pack_source
from contract.analysis import AnalyzerReport, SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode, PlatformError
from contract.health import AnalyzerHealth
from contract.protocol import Ack, Progress
from contract.secret import SecretRef
from telemetry.spans import traced

HEALTH_CACHE_S = 5.0
_UNACKNOWLEDGED_MAX = 1_000


@dataclass(frozen=True, slots=True)
class FetchedResult:
    """The parsed `report.json` and the whole result archive, until it is acknowledged."""

    report: AnalyzerReport
    archive: Path

    async def discard(self) -> None:
        """Remove the archive; safe to repeat."""
        await asyncio.to_thread(self.archive.unlink, missing_ok=True)


class WebSocketGateway:
    """Speaks protocol v1 to the analyzers at `urls` (`ws://host:port`).

    Args:
        urls: one address per analyzer.
        token: shared secret, None where the analyzers ask for none.
        workdir: folder for incoming archives; files of dead processes there are removed.
        direct: read large results of analyzers on this machine from their folders.
        secret: reads the secret to which an option refers, at the call that needs it; raises a
            `PlatformError` if there is none. Blocking.
    """

    def __init__(
        self,
        urls: Mapping[AnalyzerKind, str],
        *,
        token: str | None = None,
        workdir: Path,
        direct: bool = True,
        secret: Callable[[SecretRef], str] | None = None,
    ) -> None:
        self._direct = direct
        self._secret = secret
        self._pools = {kind: ConnectionPool(kind, url, token) for kind, url in urls.items()}
        self._https = {kind: AnalyzerHttp(kind, url, token) for kind, url in urls.items()}
        self._incoming = _private_folder(workdir)
        self._transfers: dict[str, set[Transfer]] = {}
        self._archives: dict[str, dict[Path, str]] = {}
        self._health: dict[AnalyzerKind, tuple[float, AnalyzerHealth]] = {}
        self._health_locks = {kind: asyncio.Lock() for kind in urls}

    @property
    def handshakes(self) -> int:
        """WebSocket connections opened so far, to all analyzers."""
        return sum(pool.handshakes for pool in self._pools.values())

    async def close(self) -> None:
        """Close all connections and remove what was fetched and not acknowledged."""
        for pool in self._pools.values():
            await pool.close()
        for http in self._https.values():
            await http.close()
        await asyncio.to_thread(shutil.rmtree, self._incoming, ignore_errors=True)

    async def health(self, analyzer: AnalyzerKind) -> AnalyzerHealth:
        """Ask `GET /health`; answers are shared for 5 s. A dead analyzer is `ok=False`."""
        http = self._https.get(analyzer)
        if http is None:
            reason = f"no address for analyzer {analyzer}: set its URL in the settings"
            return AnalyzerHealth(analyzer=analyzer, ok=False, reason=reason)
        async with self._health_locks[analyzer]:
            asked_at, answer = self._health.get(analyzer, (0.0, None))
            if answer is None or time.monotonic() - asked_at > HEALTH_CACHE_S:
                answer = await http.health()
                self._health[analyzer] = (time.monotonic(), answer)
            return answer

    async def analyze(
        self,
        request: SubtaskRequest,
        on_progress: Callable[[Progress], None],
        on_end: Callable[[], None] = lambda: None,
    ) -> FetchedResult:
        """Run the subtask, or attach to its run, and fetch the result into a private folder.

        `on_end` is called, perhaps more than once, when the result begins to come.

        A cancelled call sends `cancel` and waits until the analyzer has ended the run.

        Raises:
            PlatformError: the analyzer is unreachable, refused, or failed.
        """
        pool = self._pool(request.analyzer)
        secrets = await asyncio.to_thread(self._secrets, request)
        receiver = await asyncio.to_thread(self._new_receiver)
        direct = self._direct and pool.is_local
        transfer = Transfer(
            pool, request, receiver, on_progress, on_end, direct=direct, secrets=secrets
        )
        self._transfers.setdefault(request.subtask_id, set()).add(transfer)
        fetched = False
        try:
            await self._fetch(transfer, on_progress)
            report = await asyncio.to_thread(read_report, receiver.path)
            fetched = True
        except asyncio.CancelledError:
            await asyncio.shield(asyncio.ensure_future(transfer.cancel()))
            raise
        except PlatformError as error:
            if error.code is ErrorCode.DATA_LOSS:  # or each retry would fetch it again
                await transfer.cancel()
            raise
        finally:
            self._forget(transfer)
            await asyncio.to_thread(receiver.close)
            if not fetched:
                receiver.path.unlink(missing_ok=True)
        self._archives.setdefault(request.subtask_id, {})[receiver.path] = receiver.sha256
        while len(self._archives) > _UNACKNOWLEDGED_MAX:  # of subtasks that were given up
            del self._archives[next(iter(self._archives))]
        return FetchedResult(report, receiver.path)

    async def detach(self, request: SubtaskRequest) -> None:
        """Drop the connection of the `analyze` that got this very object; the run goes on."""
        for transfer in tuple(self._transfers.get(request.subtask_id, ())):
            if transfer.request is request:
                await transfer.detach()

    async def acknowledge(self, subtask_id: str, analyzer: AnalyzerKind) -> None:
        """Tell the analyzer that the result is safe; forgets local copies too. Best effort."""
        fetched = self._archives.pop(subtask_id, {})
        for path in fetched:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        with suppress(PlatformError, WebSocketException, OSError):
            async with self._pool(analyzer).lease() as link:
                for sha256 in set(fetched.values()) or {""}:
                    ack = Ack(subtask_id=subtask_id, sha256=sha256)
                    await link.send(link.conversation.acknowledge(ack))

    async def _fetch(self, transfer: Transfer, on_progress: Callable[[Progress], None]) -> None:
        """Fetch over WebSocket, and over HTTP if that fails, also the result of an earlier call."""
        request, receiver = transfer.request, transfer.receiver
        http = self._https[request.analyzer]
        try:
            await self._with_source(transfer)
        except ConnectionLost:
            await transfer.unless_detached(http.fetch(request, receiver, on_progress))
        except PlatformError as error:
            if transfer.asked or error.code is not ErrorCode.UNAVAILABLE:
                raise
            try:
                await transfer.unless_detached(http.fetch(request, receiver, on_progress))
            except PlatformError:
                raise error from None

    async def _with_source(self, transfer: Transfer) -> None:
        """Run the transfer, sending the source once if the analyzer does not have it."""
        try:
            await transfer.run()
            return
        except PlatformError as error:
            if error.code is ErrorCode.DATA_LOSS:
                await asyncio.to_thread(transfer.receiver.restart)
            elif error.code is ErrorCode.NOT_FOUND:
                await self._upload(transfer.request)
            else:
                raise
        await transfer.run()

    @traced("upload source")
    async def _upload(self, request: SubtaskRequest) -> None:
        archive = self._incoming / f"{request.source.digest}-{time.monotonic_ns()}.tar"
        try:
            await asyncio.to_thread(pack_source, request.source, archive)
            await self._https[request.analyzer].upload(request.source, archive)
        finally:
            await asyncio.to_thread(archive.unlink, missing_ok=True)

    def _secrets(self, request: SubtaskRequest) -> dict[str, str]:
        """Values of the options that are references."""
        refs = {k: option for k, option in request.options.items() if isinstance(option, SecretRef)}
        if refs and self._secret is None:
            message = f"{', '.join(refs)}: logins by reference are not set up here"
            raise PlatformError(ErrorCode.FAILED_PRECONDITION, message)
        return {name: self._secret(ref) for name, ref in refs.items()} if self._secret else {}

    def _pool(self, analyzer: AnalyzerKind) -> ConnectionPool:
        pool = self._pools.get(analyzer)
        if pool is None:
            raise PlatformError(
                ErrorCode.INVALID_ARGUMENT,
                f"no address for analyzer {analyzer}: set its URL in the settings",
            )
        return pool

    def _new_receiver(self) -> ArchiveReceiver:
        try:
            self._incoming.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(suffix=".tar", dir=self._incoming)
            os.close(descriptor)
            return ArchiveReceiver(Path(name))
        except OSError as error:
            raise PlatformError(
                ErrorCode.RESOURCE_EXHAUSTED, f"no room for results: {error}"
            ) from error

    def _forget(self, transfer: Transfer) -> None:
        same = self._transfers.get(transfer.request.subtask_id, set())
        same.discard(transfer)
        if not same:
            self._transfers.pop(transfer.request.subtask_id, None)


def _private_folder(workdir: Path) -> Path:
    """This process's own folder below `workdir`; those of dead processes are removed."""
    for entry in workdir.glob("*-*"):
        pid, _, started = entry.name.partition("-")
        if pid.isdigit() and started != _start_ticks(int(pid)):
            shutil.rmtree(entry, ignore_errors=True)
    return workdir / f"{os.getpid()}-{_start_ticks(os.getpid())}"


def _start_ticks(pid: int) -> str:
    """When the process started, as text; empty if there is no such process."""
    try:
        return f"{psutil.Process(pid).create_time():.2f}"
    except psutil.Error:
        return ""
