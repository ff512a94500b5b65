"""Where a subtask waits before it begins: for a resume, and for all it needs to be up."""

import asyncio
from contextlib import suppress

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from contract.analyzers import AnalyzerKind
    from contract.progress import BreakerProgress
    from contract.spec import BreakerSpec
    from workflows import stages
    from workflows.breaker import BreakerState
    from workflows.breakers import is_down
    from workflows.planning import services_of


class Gate:
    """Lets work pass when all that it needs is up: by the pipeline's signals, and by a probe."""

    def __init__(self, spec: BreakerSpec, *, paused: bool) -> None:
        self._spec = spec
        self._limit_s = spec.wait_limit_s if spec.on_open == "wait" else 0.0
        self._open: dict[str, str] = {}
        self.paused = paused

    def note(self, change: BreakerProgress) -> None:
        """Remember that the pipeline's breaker for an analyzer or a service changed."""
        if change.state == BreakerState.OPEN:
            self._open[change.name] = change.reason or "its breaker is open"
        else:
            self._open.pop(change.name, None)

    async def wait(self, kind: AnalyzerKind) -> str:
        """Wait until work on `kind` may begin: "", or why it may not, after the spec's limit.

        Being paused is a person's wish and has no limit.
        """
        began_s = workflow.time()
        while True:
            if self.paused:
                await workflow.wait_condition(lambda: not self.paused)
                began_s = workflow.time()
            reason = self._known_outage(kind) or await why_down(kind)
            waited_s = workflow.time() - began_s
            if not reason:
                return ""
            if waited_s >= self._limit_s:
                return f"waited {waited_s:.0f} s: {reason}"
            await self._pause(min(self._spec.probe_interval_s, self._limit_s - waited_s))

    def _known_outage(self, kind: AnalyzerKind) -> str:
        known = ((name, self._open.get(name, "")) for name in (*services_of([kind]), kind))
        return next((is_down(name, why) for name, why in known if why), "")

    async def _pause(self, seconds: float) -> None:
        before = dict(self._open)
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: self._open != before,
                timeout=seconds,
                timeout_summary="until the next probe",
            )


async def why_down(kind: AnalyzerKind) -> str:
    """What work on `kind` needs and lacks just now; "" when it may begin."""
    verdicts = (await stages.preflight([kind], services_of([kind]))).verdicts()
    return "; ".join(is_down(name, why) for name, why in verdicts.items() if why)
