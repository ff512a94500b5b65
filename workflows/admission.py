"""Whether the platform can take one more app: preflight, breakers, durable waiting."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from contract.analyzers import AnalyzerKind
    from contract.progress import AnalyzerReadiness
    from workflows import stages
    from workflows.breakers import Breakers


class Admission:
    """Feeds the breakers with probes, and holds new apps back.

    Attributes:
        readiness: what the last probe found of each analyzer.
        tools: every tool each analyzer named; one that is down keeps those it named before.
    """

    def __init__(
        self,
        breakers: Breakers,
        kinds: tuple[AnalyzerKind, ...],
        tools: dict[AnalyzerKind, tuple[str, ...]],
    ) -> None:
        self._breakers = breakers
        self._kinds = list(kinds)
        self.tools = dict(tools)
        self.readiness: tuple[AnalyzerReadiness, ...] = ()

    async def admit(self, stopped: Callable[[], bool]) -> str:
        """Return "" when an app may begin, else why the pipeline should give up.

        Asks every analyzer and service; waits while a breaker is worth it, or until `stopped`.
        """
        if not self._is_waiting() and not self._breakers.pipeline.is_open:
            await self._probe()
        await workflow.wait_condition(lambda: stopped() or not self._is_waiting())
        return "" if stopped() else self._breakers.hopeless()

    async def probe_while_open(self) -> None:
        """While a breaker is open, probe on a durable timer; runs until it is cancelled."""
        while True:
            await workflow.wait_condition(lambda: self._breakers.any_open)
            with suppress(asyncio.TimeoutError):
                await workflow.wait_condition(
                    lambda: not self._breakers.any_open,
                    timeout=self._breakers.next_probe_s(workflow.time()),
                    timeout_summary="until the next probe",
                )
            if self._breakers.any_open:
                await self._probe()

    def _is_waiting(self) -> bool:
        return bool(self._breakers.blocking(workflow.time()))

    async def _probe(self) -> None:
        probed = await stages.preflight(self._kinds, list(self._breakers.services))
        self.readiness = probed.analyzers
        self.tools |= {ready.analyzer: ready.tools for ready in probed.analyzers if ready.tools}
        self._breakers.learn(probed, workflow.time())
