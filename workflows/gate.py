"""Where a subtask waits before it begins: for a resume, and for its analyzer to be up."""

import asyncio
from contextlib import suppress

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from contract.progress import BreakerProgress
    from contract.spec import AnalyzerKind, BreakerSpec
    from workflows import stages
    from workflows.breaker import BreakerState


class Gate:
    """Knows what the pipeline signalled, and asks the analyzer itself before it lets work pass."""

    def __init__(self, spec: BreakerSpec, *, paused: bool) -> None:
        self._spec = spec
        self._limit_s = spec.wait_limit_s if spec.on_open == "wait" else 0.0
        self._open: dict[str, str] = {}
        self.paused = paused

    def told(self, change: BreakerProgress) -> None:
        """The pipeline's breaker for one analyzer changed."""
        if change.state == BreakerState.OPEN:
            self._open[change.name] = change.reason
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
            reason = self._open.get(kind) or await _why_down(kind)
            waited_s = workflow.time() - began_s
            if not reason:
                return ""
            if waited_s >= self._limit_s:
                return f"analyzer {kind} is down, waited {waited_s:.0f} s: {reason}"
            await self._pause(min(self._spec.probe_interval_s, self._limit_s - waited_s))

    async def _pause(self, seconds: float) -> None:
        before = dict(self._open)
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: self._open != before,
                timeout=seconds,
                timeout_summary="until the next probe",
            )


async def _why_down(kind: AnalyzerKind) -> str:
    ready = await stages.probe(kind)
    return "" if ready.ok else ready.reason or "it does not take work"
