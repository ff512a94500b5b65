"""Whether the platform can take one more app: preflight, breakers, durable waiting."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from contract.analyzers import AnalyzerKind
    from contract.progress import AnalyzerReadiness
    from contract.spec import PipelineSpec
    from workflows import stages
    from workflows.board import BreakerBoard
    from workflows.breaker import CircuitBreaker
    from workflows.child import Children, Signal
    from workflows.fleet import Fleet


class Admission:
    """Feeds the breakers with probes, tells the children, and holds back new ones."""

    def __init__(
        self,
        spec: PipelineSpec,
        fleet: Fleet,
        children: Children,
        saved: dict[str, CircuitBreaker],
        on_change: Callable[[], None],
    ) -> None:
        self._fleet = fleet
        self._children = children
        self._kinds: list[AnalyzerKind] = list(spec.analyzers)
        self._on_change = on_change
        self._tending = False
        self.board = BreakerBoard(spec.breaker, spec.analyzers, saved)
        self.readiness: tuple[AnalyzerReadiness, ...] = ()

    @property
    def waiting_for(self) -> str:
        """The breakers that hold new work back, for people; "" when none does."""
        blocking = self.board.blocking(workflow.time())
        return ", ".join(f"{breaker.name} ({breaker.reason})" for breaker in blocking)

    async def admit(self, stopped: Callable[[], bool]) -> str:
        """Return "" when a child may be created, else why the pipeline should give up.

        Asks every analyzer and service; waits while a breaker is worth it, or until `stopped`.
        """
        if not self.waiting_for and not self.board.pipeline.is_open:
            await self._probe()
        await workflow.wait_condition(lambda: stopped() or not self.waiting_for)
        if stopped():
            return ""
        return self.board.hopeless()

    async def tend(self) -> None:
        """While a breaker is open, probe on a durable timer; ends after `stop`."""
        self._tending = True
        while self._tending:
            await workflow.wait_condition(lambda: self._idle or self.board.any_open)
            with suppress(asyncio.TimeoutError):
                await workflow.wait_condition(
                    lambda: self._idle or not self.board.any_open,
                    timeout=self.board.next_probe_s(workflow.time()),
                    timeout_summary="until the next probe",
                )
            if self._tending and self.board.any_open:
                await self._probe()

    def stop(self) -> None:
        """Let `tend` end."""
        self._tending = False

    async def tell(self) -> None:
        """Let subtasks in flight wait, or go on, as the breakers now say."""
        self._on_change()
        for change in self.board.changes():
            await self._children.tell(Signal("breaker_changed", change))

    @property
    def _idle(self) -> bool:
        return not self._tending

    async def _probe(self) -> None:
        probed = await stages.preflight(self._kinds, list(self.board.services))
        self.readiness = probed.analyzers
        self._fleet.learn(probed.analyzers)
        self.board.learn(probed, workflow.time())
        await self.tell()
