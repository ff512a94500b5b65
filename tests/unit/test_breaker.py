"""The breaker's state machine, driven at random, and all breakers of a pipeline."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode
from contract.outcome import AppOutcome, SubtaskOutcome, ToolSummary
from contract.progress import AnalyzerReadiness, PlatformService, Preflight, ServiceReadiness
from contract.spec import AppRef, AppSpec, BreakerSpec, SourceRef
from workflows.breaker import BreakerState, CircuitBreaker
from workflows.breakers import Breakers
from workflows.planning import app_failed, fold, infra_failed
from workflows.settle import Fault
from workflows.state import AppOrders

STATIC, DYNAMIC = AnalyzerKind.STATIC, AnalyzerKind.DYNAMIC
APP = AppSpec(
    pipeline_id="p",
    ref=AppRef(model="m", app_number=1),
    source=SourceRef(path="/a", digest="0"),
    analyzers=(STATIC, DYNAMIC),
)


class BreakerMachine(RuleBasedStateMachine):
    """Compares the breaker with what its history demands."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = CircuitBreaker(name="static", threshold=3)
        self.now_s = 0.0
        self.in_a_row = 0
        self.outage_began_s: float | None = None

    def _opened(self) -> None:
        if self.outage_began_s is None:
            self.outage_began_s = self.now_s

    def _closed(self) -> None:
        self.outage_began_s, self.in_a_row = None, 0

    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds

    @rule()
    def fault(self) -> None:
        self.in_a_row += 1
        if self.in_a_row >= 3 or self.outage_began_s is not None:
            self._opened()
        self.breaker = self.breaker.fault("broken", self.now_s)
        assert self.breaker.is_open == (self.outage_began_s is not None)

    @rule()
    def trip(self) -> None:
        self.in_a_row = max(self.in_a_row, 1)
        self._opened()
        self.breaker = self.breaker.trip("refused", self.now_s)
        assert self.breaker.is_open

    @rule()
    def success(self) -> None:
        before = self.breaker
        self.breaker = before.success()
        if before.is_open:
            assert self.breaker == before, "work from before the outage proves nothing"
        else:
            self._closed()

    @rule()
    def good_probe(self) -> None:
        was_open = self.breaker.is_open
        self.breaker = self.breaker.probe_ok()
        assert not self.breaker.is_open
        assert (self.breaker.state is BreakerState.HALF_OPEN) or not was_open

    @rule()
    def reset(self) -> None:
        self._closed()
        self.breaker = self.breaker.reset()

    @invariant()
    def outage_is_known(self) -> None:
        closed = self.breaker.state is BreakerState.CLOSED
        assert closed == (self.breaker.opened_at_s is None)
        assert self.breaker.opened_at_s == self.outage_began_s
        assert self.breaker.failures == self.in_a_row
        assert not closed or self.breaker.failures < self.breaker.threshold

    @invariant()
    def survives_continue_as_new(self) -> None:
        copy = CircuitBreaker.model_validate_json(self.breaker.model_dump_json())
        assert copy == self.breaker


BreakerMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestBreakerMachine = BreakerMachine.TestCase


def probed(*down: AnalyzerKind | PlatformService) -> Preflight:
    """Everything answers, but `down` refuses."""

    def said(name: AnalyzerKind | PlatformService) -> dict[str, Any]:
        return {"ok": name not in down, "reason": "refused" if name in down else ""}

    return Preflight(
        analyzers=tuple(AnalyzerReadiness(analyzer=k, **said(k)) for k in (STATIC, DYNAMIC)),
        services=tuple(ServiceReadiness(service=s, **said(s)) for s in PlatformService),
    )


def breakers_of(**spec: object) -> Breakers:
    return Breakers(BreakerSpec.model_validate(spec), (STATIC, DYNAMIC))


def outcome(*codes: ErrorCode | None) -> AppOutcome:
    """An app whose analyzers met these faults; None: the app itself failed."""
    subtasks = [
        app_failed(APP, kind, "exit 1")
        if code is None
        else infra_failed(APP, kind, Fault(code, "x"))
        for kind, code in zip(APP.analyzers, codes, strict=False)
    ]
    return fold(APP, AppOrders(), subtasks)


def measured_app() -> AppOutcome:
    """An app that both analyzers measured."""
    tools = (ToolSummary(tool="t", state=MeasurementState.MEASURED),)
    subtasks = [
        SubtaskOutcome(subtask_id=APP.subtask_id(kind), analyzer=kind, tools=tools)
        for kind in APP.analyzers
    ]
    return fold(APP, AppOrders(), subtasks)


class BreakersMachine(RuleBasedStateMachine):
    """Apps of all kinds end between probes; only what an analyzer or a probe says may count."""

    def __init__(self) -> None:
        super().__init__()
        self.breakers = breakers_of(analyzer_threshold=2, pipeline_threshold=2)

    def states(self, *but: str) -> dict[str, tuple[str, int]]:
        breakers = self.breakers.by_name.items()
        return {n: (b.state.value, b.failures) for n, b in breakers if n not in ("store", *but)}

    @rule()
    def an_app_does_not_build(self) -> None:
        before = self.states("engine")
        self.breakers.count(outcome(None, None), 0.0)
        assert self.states("engine") == before, "neither for nor against"
        engine = self.breakers.by_name["engine"]
        assert engine.is_open or engine.opened_at_s is None, "it tried to build it"

    @rule()
    def an_app_lacks_what_no_retry_cures(self) -> None:
        before = self.states()
        self.breakers.count(outcome(ErrorCode.FAILED_PRECONDITION, ErrorCode.UNIMPLEMENTED), 0.0)
        assert self.states() == before

    @rule()
    def an_app_meets_faults(self) -> None:
        engine_down = self.breakers.by_name["engine"].is_open
        before = self.states()
        self.breakers.count(outcome(ErrorCode.UNAVAILABLE, ErrorCode.UNAVAILABLE), 0.0)
        after = self.states()
        assert after["static"][1] == before["static"][1] + 1
        assert after["dynamic"][1] == before["dynamic"][1] + (not engine_down), "the engine's fault"
        assert after["pipeline"][1] == before["pipeline"][1] + 1

    @rule()
    def an_app_is_measured(self) -> None:
        self.breakers.count(measured_app(), 0.0)
        for breaker in self.breakers.by_name.values():
            assert breaker.is_open or breaker.opened_at_s is None

    @rule(down=st.sets(st.sampled_from([STATIC, DYNAMIC, *PlatformService])))
    def probe(self, down: set[AnalyzerKind | PlatformService]) -> None:
        self.breakers.learn(probed(*down), 0.0)
        for name in (STATIC, DYNAMIC, *PlatformService):
            assert self.breakers.by_name[name].is_open == (name in down)
        assert down or not self.breakers.any_open

    @invariant()
    def what_lacks_something_is_down(self) -> None:
        open_names = {name for name, breaker in self.breakers.by_name.items() if breaker.is_open}
        assert (STATIC in self.breakers.down()) == ("static" in open_names)
        assert (DYNAMIC in self.breakers.down()) == bool(open_names & {"dynamic", "engine"})
        everything = {"static", "dynamic"} <= open_names or {"static", "engine"} <= open_names
        assert bool(self.breakers.hopeless()) == (
            bool(open_names & {"pipeline", "store"}) or everything
        )


BreakersMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestBreakersMachine = BreakersMachine.TestCase


def test_a_failed_probe_holds_work_back_until_the_limit() -> None:
    it = breakers_of(wait_limit_s=60)
    it.learn(probed(DYNAMIC), now_s=100.0)

    assert [b.name for b in it.blocking(159.0)] == ["dynamic"]
    assert it.blocking(160.0) == []
    assert it.down() == {DYNAMIC: "analyzer dynamic is down: refused"}
    assert it.next_probe_s(150.0) == 10.0, "not later than the end of waiting"


def test_work_waits_for_what_is_open_and_not_for_what_is_on_trial() -> None:
    it = breakers_of()
    it.learn(probed(DYNAMIC), 0.0)
    assert it.opened() == {"dynamic"}
    assert it.waiting_for(1.0) == "dynamic (refused)"
    it.learn(probed(), 1.0)
    assert it.opened() == frozenset()
    assert it.waiting_for(1.0) == ""
    assert not it.on_trial, "the pipeline's own breaker was never open"


def test_curable_faults_of_one_analyzer_open_its_breaker_alone() -> None:
    it = breakers_of(analyzer_threshold=2)
    for _ in range(2):
        it.count(outcome(None, ErrorCode.UNAVAILABLE), 0.0)

    assert list(it.down()) == [DYNAMIC]


def test_three_apps_without_any_measurement_open_the_pipelines_breaker() -> None:
    it = breakers_of(analyzer_threshold=99)
    for _ in range(3):
        assert not it.pipeline.is_open
        it.count(outcome(ErrorCode.UNAVAILABLE, ErrorCode.INTERNAL), 0.0)

    assert it.pipeline.is_open
    it.learn(probed(DYNAMIC), 1.0)
    assert it.pipeline.is_open, "one analyzer is still down"


def test_faults_of_apps_and_lasting_lacks_never_count() -> None:
    it = breakers_of(analyzer_threshold=1, pipeline_threshold=1)
    it.count(outcome(None, None), 0.0)
    it.count(outcome(ErrorCode.FAILED_PRECONDITION, ErrorCode.UNIMPLEMENTED), 0.0)

    assert not it.any_open
    assert {b.failures for b in it.by_name.values()} == {0}


def test_each_change_of_a_state_is_told_once() -> None:
    told: list[tuple[str, str]] = []
    it = Breakers(
        BreakerSpec(),
        (STATIC, DYNAMIC),
        told=lambda breaker: told.append((breaker.name, breaker.state)),
    )
    it.learn(probed(STATIC), 1.0)
    it.learn(probed(STATIC), 2.0)
    it.learn(probed(), 3.0)
    it.count(measured_app(), 4.0)

    assert told == [("static", "open"), ("static", "half_open"), ("static", "closed")]


def test_an_outcome_of_an_analyzer_nobody_asked_for_is_ignored() -> None:
    it = Breakers(BreakerSpec(), (STATIC,))
    it.count(outcome(None, ErrorCode.UNAVAILABLE), 0.0)

    assert set(it.by_name) == {"static", "store", "pipeline"}
    assert outcome(None).state is MeasurementState.APP_FAILED
