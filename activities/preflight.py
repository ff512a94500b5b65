"""Whether the analyzers take work, and which tools they have."""

import asyncio

from temporalio import activity

from activities.heartbeat import Attempt
from activities.ports import AnalyzerGateway
from contract.errors import PlatformError
from contract.progress import AnalyzerReadiness
from contract.spec import AnalyzerKind


class PreflightActivities:
    """Asks analyzers for their health; the gateway caches answers for 5 s."""

    def __init__(self, gateway: AnalyzerGateway) -> None:
        self._gateway = gateway

    @activity.defn(name="preflight")
    async def preflight(self, analyzers: list[AnalyzerKind]) -> list[AnalyzerReadiness]:
        """Readiness of each analyzer, in order. A dead one is an answer, not an error.

        Retry is safe: only reads.
        """
        async with Attempt("asking the analyzers for their health"):
            return list(await asyncio.gather(*(self._readiness(kind) for kind in analyzers)))

    @activity.defn(name="probe_analyzer")
    async def probe_analyzer(self, analyzer: AnalyzerKind) -> AnalyzerReadiness:
        """Readiness of one analyzer. Retry is safe: only reads."""
        async with Attempt(f"asking {analyzer} for its health"):
            return await self._readiness(analyzer)

    async def _readiness(self, kind: AnalyzerKind) -> AnalyzerReadiness:
        try:
            health = await self._gateway.health(kind)
        except PlatformError as exc:
            return AnalyzerReadiness(analyzer=kind, ok=False, reason=exc.message)
        return AnalyzerReadiness(
            analyzer=kind,
            ok=health.ok,
            tools=tuple(tool.name for tool in health.tools),
            blind=tuple(tool.name for tool in health.tools if not tool.ok),
            reason=health.reason or ("" if health.ok else "it does not take work"),
        )
