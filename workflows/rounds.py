"""One subtask is tried again as long as what failed it can be cured; what was lost is counted."""

import asyncio
from collections.abc import Awaitable, Callable

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode
from contract.outcome import SubtaskOutcome
from contract.spec import AppSpec
from workflows import policies
from workflows.building import AppDown
from workflows.gate import Gate, why_down
from workflows.held import is_held, loss_of
from workflows.planning import Loss, app_failed, infra_failed, with_loss
from workflows.settle import Fault, failure_code

_CANCELLED_FOR_GOOD = "cancelled-for-good"


class Rounds:
    """Measures the subtasks of one app, each in up to `policies.MAX_ROUNDS` rounds.

    Args:
        gate: where each round waits.
        step: called with what a subtask does now.

    Attributes:
        cancelled: whether nothing begins any more.
    """

    def __init__(self, app: AppSpec, gate: Gate, step: Callable[[AnalyzerKind, str], None]) -> None:
        self._app = app
        self._gate = gate
        self._step = step
        self._losses: dict[AnalyzerKind, Loss] = {}
        self.cancelled = False

    async def measure(
        self, kind: AnalyzerKind, run: Callable[[AnalyzerKind], Awaitable[SubtaskOutcome]]
    ) -> SubtaskOutcome:
        """The outcome of `run`; a curable fault is tried again when all that `kind` needs is up.

        Of what was up all the time, only an unreachable analyzer is asked once more: it may just
        have come back, and hold the result.
        """
        fault = Fault(ErrorCode.UNAVAILABLE, f"analyzer {kind} went down again and again")
        once_more = True
        rounds = 0
        while rounds < policies.MAX_ROUNDS:
            self._step(kind, "is paused" if self._gate.paused else "waits for the platform")
            if reason := await self._gate.wait(kind):
                return infra_failed(self._app, kind, Fault(ErrorCode.UNAVAILABLE, reason))
            self._step(kind, "running")
            try:
                return await run(kind)
            except AppDown as down:
                return app_failed(self._app, kind, str(down))
            except FailureError as exc:
                if is_cancelled_exception(exc):
                    raise
                if self._is_kept_back(kind, exc):
                    continue
                fault = failure_code(exc)
                self._require_wanted_after(kind, fault)
            rounds += 1
            self.lose(kind, Loss(lost=dict(fault.lost), causes=fault.causes[:-1]))
            if not fault.curable:
                break
            if not await why_down(kind):
                if fault.code is not ErrorCode.UNAVAILABLE or not once_more:
                    break
                once_more = False
            self.lose(kind, Loss(causes=(fault.code,)))
        return infra_failed(self._app, kind, fault)

    def lose(self, kind: AnalyzerKind, loss: Loss) -> None:
        """Remember work on `kind` that was thrown away."""
        self._losses[kind] = self._losses.get(kind, Loss()).plus(loss)

    def counted(self, outcome: SubtaskOutcome) -> SubtaskOutcome:
        """`outcome` with what its earlier rounds lost."""
        return with_loss(outcome, self._losses.get(outcome.analyzer, Loss()))

    def require_wanted(self) -> None:
        """End what goes on although it was cancelled.

        An activity whose worker dies, or that ends just then, swallows the cancellation: what
        awaits it sees a failure, or its result.
        """
        if self.cancelled and workflow.patched(_CANCELLED_FOR_GOOD):
            raise asyncio.CancelledError

    def _require_wanted_after(self, kind: AnalyzerKind, fault: Fault) -> None:
        try:
            self.require_wanted()
        except asyncio.CancelledError:
            self.lose(kind, Loss(lost=dict(fault.lost), causes=fault.causes))
            raise

    def _is_kept_back(self, kind: AnalyzerKind, exc: FailureError) -> bool:
        """Whether a pause met it in its queue: it has not begun, and waits at the gate again."""
        if not is_held(exc):
            return False
        self.lose(kind, loss_of(exc))
        if self.cancelled:
            raise asyncio.CancelledError from exc
        return True
