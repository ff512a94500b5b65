"""A worker that shows itself: opened before it connects, told what it has as soon as that is there.

`/health` answers from the first moment; `/ready` says `starting` until `work_begins`.
"""

import logging
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from temporalio.client import Client
from temporalio.worker import Worker

from clients.address import Address
from clients.monitoring.endpoint import Endpoint
from clients.monitoring.exposition import Build, Exposition
from clients.monitoring.figures import apps_of, breakers_of, disks_of, slots_of
from clients.monitoring.loop import LoopFigure
from clients.monitoring.readiness import Probe, probe_server, unready
from clients.monitoring.samples import Later, Samples, Take
from clients.monitoring.sdk import EXPORTER_FAILURES, SdkMetrics, measure_sdk
from clients.monitoring.work import WorkInProgress
from clients.usage import AppUsage
from contract.version import ASSAY_VERSION

logger = logging.getLogger("assay.metrics")


class Watched:
    """What a worker shows of itself; without an address it shows nothing, and nothing is measured.

    Args:
        address: `host:port`, or empty.
        build_id: of this code, if it has one.

    Attributes:
        work: the interceptor for every Temporal worker of this process; None: nothing is shown.
    """

    def __init__(self, address: str, build_id: str = "") -> None:
        self._address = Address.parse(address) if address else None
        self._build_id = build_id
        self._endpoint: Endpoint | None = None
        self._workers: Sequence[Worker] = ()
        self._probes: Mapping[str, Probe] = {}
        self._samples: Samples | None = None
        self._loop = LoopFigure()
        self.work = WorkInProgress() if address else None

    def open(self, *, process_wide: bool = True) -> int:
        """Listen; the port, 0 if nothing is shown. To be called in the worker's event loop.

        Args:
            process_wide: whether the SDK of this process is measured, too, which must be decided
                before its first client connects.

        Raises:
            PlatformError: INVALID_ARGUMENT: the address cannot be used.
        """
        if self._address is None:
            return 0
        build = Build("worker", ASSAY_VERSION, self._build_id)
        sdk = _sdk() if process_wide else []
        exposition = Exposition([build, *sdk, self._loop, Later(lambda: self._samples)])
        self._endpoint = Endpoint(exposition, self._refresh, self._unready, self._loop_answered)
        return self._endpoint.open(self._address.host, self._address.port)

    async def close(self) -> None:
        """Show nothing any more."""
        if self._endpoint is not None:
            await self._endpoint.close()

    def work_begins(
        self,
        client: Client,
        workers: Sequence[Worker],
        usage: Callable[[], Awaitable[Sequence[AppUsage]]],
        probes: Mapping[str, Probe],
        folders: Mapping[str, Path],
        more: Mapping[str, Take] | None = None,
    ) -> None:
        """Show what runs from now on.

        Args:
            client: of the Temporal server.
            workers: that poll its task queues.
            usage: what the running apps of this host use.
            probes: of what work needs besides the server, by name.
            folders: whose disks are looked at, by name.
            more: other sources of figures, by name.
        """
        self._workers = workers
        self._probes = {**probes, "temporal": probe_server(client)}
        disks = {**folders, "tmp": Path(tempfile.gettempdir())}
        sources = {
            "apps": apps_of(usage),
            "breakers": breakers_of(client),
            "disks": disks_of(disks),
            **(more or {}),
        }
        if self.work is not None:
            sources["slots"] = slots_of(self.work)
        self._samples = Samples(sources)

    async def _refresh(self) -> None:
        if self._samples is not None:
            await self._samples.refresh()

    def _loop_answered(self, up: bool) -> None:
        """What was found before a loop began to hang is not shown as if it were found now."""
        self._loop.up = up
        if not up and self._samples is not None:
            self._samples.lose_all("the event loop gave no answer")

    async def _unready(self) -> dict[str, str]:
        if not self._workers:
            return {"worker": "starting"}
        reasons = await unready(self._probes)
        if not all(worker.is_running for worker in self._workers):
            reasons["worker"] = "it does not take work: it ends, or one of its queues failed"
        return reasons


def _sdk() -> list[SdkMetrics]:
    """The SDK's own figures; none, and a count, where it cannot be measured: work goes on."""
    try:
        return [SdkMetrics(measure_sdk())]
    except (ValueError, RuntimeError) as error:
        EXPORTER_FAILURES.inc()
        logger.warning("no metrics of the Temporal SDK: %s", error)
        return []
