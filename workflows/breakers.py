"""The circuit breakers of a pipeline: of each analyzer, of each service, and `pipeline`'s own."""

from collections.abc import Callable, Sequence

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.outcome import AppOutcome, SubtaskOutcome
from contract.progress import BreakerProgress, PlatformService, Preflight
from contract.spec import BreakerSpec
from workflows.breaker import CircuitBreaker
from workflows.planning import is_answered, is_fault, services_of

PIPELINE = "pipeline"

_WHAT = {"engine": "the engine that runs apps", "store": "the store"}


def is_down(name: str, why: str) -> str:
    """A sentence for people about the analyzer or service `name`."""
    return f"{_WHAT.get(name, f'analyzer {name}')} is down: {why}"


class Breakers:
    """Pure bookkeeping: fed with probes and outcomes, asked what may go on.

    A failed health probe opens the breaker of an analyzer or a service at once. Faults of subtasks
    open an analyzer's when they come in a row while it claims to be healthy. Faults of apps never
    count, neither for nor against: an app that does not build says nothing about an analyzer.
    """

    def __init__(
        self,
        spec: BreakerSpec,
        kinds: Sequence[AnalyzerKind],
        saved: dict[str, CircuitBreaker] | None = None,
        told: Callable[[CircuitBreaker], None] = lambda _: None,
    ) -> None:
        """`told` is called with each breaker that has just got another state."""
        self._told = told
        self._spec = spec
        self._kinds = tuple(kinds)
        self.services = (*services_of(kinds), PlatformService.STORE)
        self._parts = tuple(str(name) for name in (*self._kinds, *self.services))
        self.by_name = {
            **{
                name: CircuitBreaker(name=name, threshold=spec.analyzer_threshold)
                for name in self._parts
            },
            PIPELINE: CircuitBreaker(name=PIPELINE, threshold=spec.pipeline_threshold),
            **(saved or {}),
        }

    @property
    def pipeline(self) -> CircuitBreaker:
        """The breaker that stops new children."""
        return self.by_name[PIPELINE]

    @property
    def on_trial(self) -> bool:
        """Whether one app at a time shows if the platform works again."""
        return self.pipeline.opened_at_s is not None

    @property
    def any_open(self) -> bool:
        """Whether there is anything to probe for."""
        return any(breaker.is_open for breaker in self.by_name.values())

    def learn(self, probed: Preflight, now_s: float) -> None:
        """Take in a probe; the pipeline's breaker half-opens when everything is up."""
        verdicts = probed.verdicts()
        for name, why in verdicts.items():
            breaker = self.by_name[name]
            self._set(breaker.trip(why, now_s) if why else breaker.probe_ok())
        if not any(verdicts.values()):
            self._set(self.pipeline.probe_ok())

    def count(self, outcome: AppOutcome, now_s: float) -> None:
        """Take in a finished app. What was not attempted (an analyzer given up on) says nothing."""
        for subtask in outcome.subtasks:
            self._count_subtask(subtask, outcome.ref.label, now_s)
        self._succeed(PlatformService.STORE)  # it has recorded the app
        if outcome.platform_fault:
            self._set(self.pipeline.fault(outcome.reason, now_s))
        elif any(is_answered(subtask) for subtask in outcome.subtasks):
            self._succeed(PIPELINE)

    def _count_subtask(self, subtask: SubtaskOutcome, app: str, now_s: float) -> None:
        kind = subtask.analyzer
        if kind not in self.by_name:
            return
        needed = services_of([kind])
        if is_answered(subtask) or subtask.state is MeasurementState.APP_FAILED:
            for name in needed:  # it tried to build and run the app
                self._succeed(name)
        if is_answered(subtask):
            self._succeed(kind)
        elif is_fault(subtask) and not any(self.by_name[name].is_open for name in needed):
            reason = f"{app}: {subtask.tools[0].reason}"
            self._set(self.by_name[kind].fault(reason, now_s))

    def _succeed(self, name: str) -> None:
        self._set(self.by_name[name].success())

    def _set(self, breaker: CircuitBreaker) -> None:
        before, self.by_name[breaker.name] = self.by_name[breaker.name], breaker
        if before.state is not breaker.state:
            self._told(breaker)

    def blocking(self, now_s: float) -> list[CircuitBreaker]:
        """Open breakers that are still worth waiting for, per the spec."""
        if self._spec.on_open == "finish":
            return []
        limit_s = self._spec.wait_limit_s
        return [b for b in self.by_name.values() if b.is_open and b.waited_s(now_s) < limit_s]

    def waiting_for(self, now_s: float) -> str:
        """The breakers that hold new work back, for people; "" when none does."""
        return ", ".join(f"{b.name} ({b.reason})" for b in self.blocking(now_s))

    def next_probe_s(self, now_s: float) -> float:
        """Seconds until the next probe is due, or until waiting for a breaker ends."""
        limit_s = self._spec.wait_limit_s
        left_s = [limit_s - breaker.waited_s(now_s) for breaker in self.blocking(now_s)]
        return min([self._spec.probe_interval_s, *left_s])

    def down(self) -> dict[AnalyzerKind, str]:
        """Analyzers that are down, or lack what they need, with the reason for their cells."""
        lacking: dict[AnalyzerKind, str] = {}
        for kind in self._kinds:
            for name in (kind, *services_of([kind])):
                if self.by_name[name].is_open:
                    lacking.setdefault(kind, is_down(name, self.by_name[name].reason))
        return lacking

    def hopeless(self) -> str:
        """Why no child can do anything, once waiting has ended; "" while one can."""
        if self.pipeline.is_open:
            return f"the pipeline's breaker is open: {self.pipeline.reason}"
        store = self.by_name[PlatformService.STORE]
        if store.is_open:
            return is_down(store.name, store.reason)
        down = self.down()
        return "; ".join(down.values()) if len(down) == len(self._kinds) else ""

    def opened(self) -> frozenset[str]:
        """Names of what children wait for now."""
        return frozenset(name for name in self._parts if self.by_name[name].is_open)

    def reset(self, name: str) -> None:
        """Close a breaker by hand."""
        self._set(self.by_name[name].reset())

    def progress(self) -> tuple[BreakerProgress, ...]:
        """State of each, for people."""
        return tuple(breaker.progress() for breaker in self.by_name.values())
