"""Whether the platform takes work, and which tools the analyzers have."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from temporalio import activity

from activities import Activities
from activities.analyzer_ports import AnalyzerGateway
from activities.heartbeat import Attempt
from contract.analyzers import AnalyzerKind
from contract.errors import PlatformError
from contract.limits import PROBE_S
from contract.progress import AnalyzerReadiness, PlatformService, Preflight, ServiceReadiness

Probe = Callable[[], Awaitable[None]]


class PreflightActivities:
    """Asks analyzers for their health (the gateway caches answers for 5 s) and probes services."""

    def __init__(self, gateway: AnalyzerGateway, probes: Mapping[PlatformService, Probe]) -> None:
        self._gateway = gateway
        self._probes = probes

    def activities(self) -> Activities:
        """All activities of this class, for the control queue."""
        return [self.preflight]

    @activity.defn(name="preflight")
    async def preflight(
        self, analyzers: list[AnalyzerKind], services: list[PlatformService]
    ) -> Preflight:
        """Readiness of each, in order. That one is dead is an answer, not an error.

        Retry is safe: only reads.
        """
        async with Attempt("asking the platform for its health"):
            asked, probed = await asyncio.gather(
                asyncio.gather(*(self._analyzer(kind) for kind in analyzers)),
                asyncio.gather(*(self._service(service) for service in services)),
            )
        return Preflight(analyzers=tuple(asked), services=tuple(probed))

    async def _analyzer(self, kind: AnalyzerKind) -> AnalyzerReadiness:
        try:
            health = await self._gateway.health(kind)
        except PlatformError as exc:
            return AnalyzerReadiness(analyzer=kind, ok=False, reason=exc.message)
        return AnalyzerReadiness(
            analyzer=kind,
            ok=health.ok,
            starting=health.starting,
            tools=tuple(tool.name for tool in health.tools),
            blind=tuple(tool.name for tool in health.tools if tool.blind),
            reason=health.reason or ("" if health.ok else "it does not take work"),
        )

    async def _service(self, service: PlatformService) -> ServiceReadiness:
        try:
            async with asyncio.timeout(PROBE_S):
                await self._probes[service]()
        except PlatformError as exc:
            return ServiceReadiness(service=service, ok=False, reason=exc.message)
        except TimeoutError:
            reason = f"did not answer within {PROBE_S:.0f} s"
            return ServiceReadiness(service=service, ok=False, reason=reason)
        return ServiceReadiness(service=service, ok=True)
