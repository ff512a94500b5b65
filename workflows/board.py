"""All breakers of a pipeline: one per analyzer and one, `pipeline`, for the platform as a whole."""

from collections.abc import Iterable, Sequence

from contract.analysis import AppOutcome, MeasurementState
from contract.progress import AnalyzerReadiness, BreakerProgress
from contract.spec import AnalyzerKind, BreakerSpec
from workflows.breaker import CircuitBreaker
from workflows.planning import is_fault

PIPELINE = "pipeline"


class BreakerBoard:
    """Pure bookkeeping: fed with probes and outcomes, asked what may go on.

    A failed health probe opens an analyzer's breaker at once. Faults of subtasks open it when they
    come in a row while the analyzer claims to be healthy. Faults of apps never count.
    """

    def __init__(
        self,
        spec: BreakerSpec,
        kinds: Sequence[AnalyzerKind],
        saved: dict[str, CircuitBreaker] | None = None,
    ) -> None:
        self._spec = spec
        self._kinds = tuple(kinds)
        self.breakers = {
            **{
                k: CircuitBreaker(name=k, threshold=spec.analyzer_threshold)
                for k in map(str, kinds)
            },
            PIPELINE: CircuitBreaker(name=PIPELINE, threshold=spec.pipeline_threshold),
            **(saved or {}),
        }
        self._told: set[str] = set()

    @property
    def pipeline(self) -> CircuitBreaker:
        """The breaker that stops new children."""
        return self.breakers[PIPELINE]

    @property
    def any_open(self) -> bool:
        """Whether there is anything to probe for."""
        return any(breaker.is_open for breaker in self.breakers.values())

    def learn(self, readiness: Iterable[AnalyzerReadiness], now_s: float) -> None:
        """Take in a probe; the pipeline's breaker half-opens when all analyzers are up."""
        everyone_ok = True
        for ready in readiness:
            breaker = self.breakers[ready.analyzer]
            everyone_ok = everyone_ok and ready.ok
            self.breakers[ready.analyzer] = (
                breaker.probe_ok() if ready.ok else breaker.trip(ready.reason, now_s)
            )
        if everyone_ok:
            self.breakers[PIPELINE] = self.pipeline.probe_ok()

    def count(self, outcome: AppOutcome, now_s: float) -> None:
        """Take in a finished app. What was not attempted (an analyzer given up on) says nothing."""
        for subtask in outcome.subtasks:
            breaker = self.breakers.get(subtask.analyzer)
            if breaker is None:
                continue
            if is_fault(subtask):
                reason = (
                    f"{outcome.ref.model}/app{outcome.ref.app_number}: {subtask.tools[0].reason}"
                )
                self.breakers[subtask.analyzer] = breaker.fault(reason, now_s)
            elif subtask.state is not MeasurementState.INFRA_FAILED:
                self.breakers[subtask.analyzer] = breaker.success()
        if outcome.platform_fault:
            self.breakers[PIPELINE] = self.pipeline.fault(outcome.reason, now_s)
        elif outcome.state is not MeasurementState.INFRA_FAILED:
            self.breakers[PIPELINE] = self.pipeline.success()

    def blocking(self, now_s: float) -> list[CircuitBreaker]:
        """Open breakers that are still worth waiting for, per the spec."""
        if self._spec.on_open == "finish":
            return []
        limit_s = self._spec.wait_limit_s
        return [b for b in self.breakers.values() if b.is_open and b.waited_s(now_s) < limit_s]

    def next_probe_s(self, now_s: float) -> float:
        """Seconds until the next probe is due, or until waiting for a breaker ends."""
        limit_s = self._spec.wait_limit_s
        left_s = [limit_s - breaker.waited_s(now_s) for breaker in self.blocking(now_s)]
        return min([self._spec.probe_interval_s, *left_s])

    def changes(self) -> list[BreakerProgress]:
        """Analyzers' breakers that opened, or let work pass again, since this was last asked."""
        is_open = {kind.value for kind in self._kinds if self.breakers[kind].is_open}
        changed = is_open.symmetric_difference(self._told)
        self._told = is_open
        return [self.breakers[name].progress() for name in sorted(changed)]

    def down(self) -> dict[AnalyzerKind, str]:
        """Analyzers whose breaker is open, with the reason for their cells."""
        return {
            kind: f"analyzer {kind} is down: {self.breakers[kind].reason}"
            for kind in self._kinds
            if self.breakers[kind].is_open
        }

    def reset(self, name: str) -> None:
        """Close a breaker by hand."""
        self.breakers[name] = self.breakers[name].reset()

    def progress(self) -> tuple[BreakerProgress, ...]:
        """State of each, for people."""
        return tuple(breaker.progress() for breaker in self.breakers.values())
