"""What a pipeline carries from run to run (continue-as-new) and hands to its children."""

from collections.abc import Iterable, Mapping
from typing import Any

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.base import Frozen
from contract.limits import REASON_CHARS
from contract.outcome import ALL_TOOLS, AppOutcome, worst_state
from contract.record import CellRecord, PipelineRecord, by_app
from contract.spec import AppSpec, PipelinePlan, PlannedApp
from workflows.breaker import CircuitBreaker


class AppOrders(Frozen):
    """What the pipeline tells one run of an app's workflow beside the `AppSpec`.

    Attributes:
        kept: analyzers whose result of an earlier run stands; they are not run again.
        partly: analyzers of which single tools run again (those the `AppSpec` names), with the
            state of the others, whose results stand.
        down: analyzers given up on, with the reason: their cells become `infra_failed` at once.
        paused: start no subtask before the `resume` signal.
        ahead: do nothing but build before the `go` signal.
    """

    kept: dict[AnalyzerKind, MeasurementState] = {}
    partly: dict[AnalyzerKind, MeasurementState] = {}
    down: dict[AnalyzerKind, str] = {}
    paused: bool = False
    ahead: bool = False


class AppResult(Frozen):
    """One finished app in a pipeline's memory: small, since there may be thousands.

    Attributes:
        analyzers: worst state of those tools of each analyzer that the platform did not fail.
        missing: the tools that it did; `*` when it failed all of them.
    """

    state: MeasurementState
    reason: str = ""
    analyzers: dict[AnalyzerKind, MeasurementState] = {}
    missing: dict[AnalyzerKind, tuple[str, ...]] = {}

    @classmethod
    def of(
        cls,
        state: MeasurementState,
        reason: str,
        cells: Mapping[AnalyzerKind, Mapping[str, MeasurementState]],
    ) -> "AppResult":
        """What the pipeline remembers of an app with these cells."""
        failed = MeasurementState.INFRA_FAILED
        analyzers: dict[AnalyzerKind, MeasurementState] = {}
        missing: dict[AnalyzerKind, tuple[str, ...]] = {}
        for kind, tools in cells.items():
            if stands := [found for found in tools.values() if found is not failed]:
                analyzers[kind] = worst_state(stands)
            if lost := tuple(tool for tool, found in tools.items() if found is failed):
                missing[kind] = lost if kind in analyzers else (ALL_TOOLS,)
        reason = reason[:REASON_CHARS]
        return cls(state=state, reason=reason, analyzers=analyzers, missing=missing)

    @property
    def lacks_measurement(self) -> bool:
        """Whether the platform owes it at least one tool's work."""
        return bool(self.missing) or self.state is MeasurementState.INFRA_FAILED

    def tools_to_retry(self) -> dict[AnalyzerKind, tuple[str, ...]]:
        """Single tools to run again, of analyzers whose other results stand."""
        return {kind: tools for kind, tools in self.missing.items() if ALL_TOOLS not in tools}


class Tally(Frozen):
    """What the run cost.

    Attributes:
        tool_seconds: tool time that counted, summed over tools that ran at once; results from an
            analyzer's cache took none.
        wasted_seconds: tool time thrown away: what attempts that came to nothing were seen at by
            their heartbeats (a few seconds less than they did) and what no later attempt could
            reuse, and whole results of apps that died or were taken away. Of tools that a person
            cancelled nothing is known.
        saved_seconds: tool time that results from an analyzer's cache took when they were made.
        restarts: how often apps were started anew.
        retries_by_cause: attempts of activities on apps that another one followed.
    """

    tool_seconds: float = 0.0
    wasted_seconds: float = 0.0
    saved_seconds: float = 0.0
    restarts: int = 0
    retries_by_cause: dict[str, int] = {}

    def plus(self, outcome: AppOutcome) -> "Tally":
        """This tally with one more run of an app."""
        causes = dict(self.retries_by_cause)
        of_subtasks = (cause for subtask in outcome.subtasks for cause in subtask.retry_causes)
        for cause in (*of_subtasks, *outcome.facts.retry_causes):
            causes[cause] = causes.get(cause, 0) + 1
        return Tally(
            tool_seconds=self.tool_seconds + sum(s.tool_seconds for s in outcome.subtasks),
            wasted_seconds=self.wasted_seconds + sum(s.wasted_seconds for s in outcome.subtasks),
            saved_seconds=self.saved_seconds + sum(s.saved_seconds for s in outcome.subtasks),
            restarts=self.restarts + outcome.facts.restarts,
            retries_by_cause=causes,
        )

    @classmethod
    def of(cls, detail: Mapping[str, Any]) -> "Tally":
        """What an earlier run of the pipeline left in its record, to be gone on from."""
        return cls.model_validate({k: v for k, v in detail.items() if k in cls.model_fields})

    def detail(self) -> dict[str, Any]:
        """For the record. `wasted_ratio`: (counted + wasted) / counted; None when none counted."""
        spent = self.tool_seconds + self.wasted_seconds
        ratio = round(spent / self.tool_seconds, 4) if self.tool_seconds else None
        return {
            "tool_seconds": round(self.tool_seconds, 3),
            "wasted_seconds": round(self.wasted_seconds, 3),
            "saved_seconds": round(self.saved_seconds, 3),
            "wasted_ratio": ratio,
            "restarts": self.restarts,
            "retries": sum(self.retries_by_cause.values()),
            "retries_by_cause": self.retries_by_cause,
        }


class PipelineState(Frozen):
    """Everything a pipeline knows beside its plan.

    Attributes:
        registered: whether the rows exist.
        pending: keys of the apps still to run, in order. None: every app of the plan.
        results: finished apps by key; an app that is run again is in both.
        whole: keys of those pending that a person named: nothing of theirs stands.
        tools: every tool each analyzer named at preflight.
        runs: how often the workflow continued as new.
    """

    registered: bool = False
    pending: tuple[str, ...] | None = None
    results: dict[str, AppResult] = {}
    whole: tuple[str, ...] = ()
    tools: dict[AnalyzerKind, tuple[str, ...]] = {}
    parallelism: int | None = None
    paused: bool = False
    breakers: dict[str, CircuitBreaker] = {}
    tally: Tally = Tally()
    retried: int = 0
    runs: int = 0


class AppRun(AppSpec):
    """Input of `AnalyzeApp`: an `AppSpec` alone will do.

    One argument, not two: Temporal drops all type hints when the number of arguments differs.
    """

    orders: AppOrders = AppOrders()

    @property
    def app(self) -> AppSpec:
        """What activities get: without the orders."""
        return AppSpec(**{name: getattr(self, name) for name in AppSpec.model_fields})


class PipelineRun(PipelinePlan):
    """Input of `Pipeline`: a `PipelinePlan` alone will do; with a state, it goes on from there."""

    apps: tuple[PlannedApp, ...]
    state: PipelineState = PipelineState()

    @property
    def plan(self) -> PipelinePlan:
        """What activities get: without the state."""
        return PipelinePlan(**{name: getattr(self, name) for name in PipelinePlan.model_fields})

    @classmethod
    def of(cls, plan: PipelinePlan, state: PipelineState) -> "PipelineRun":
        """`plan`, to be gone on with from `state`."""
        fields = {name: getattr(plan, name) for name in PipelinePlan.model_fields}
        return cls(**fields, state=state)


def resumed_state(record: PipelineRecord, keys: tuple[str, ...] = ()) -> PipelineState:
    """State that runs a closed pipeline's apps again: those named, or all that lack a measurement.

    Start `Pipeline` with `PipelineRun.of(plan, state)`; results that stand are not measured again,
    but for those of apps that are named, which run as a whole.
    """
    cells = {ref.label: _by_analyzer(mine) for ref, mine in by_app(record.cells).items()}
    results: dict[str, AppResult] = {}
    pending: list[str] = []
    for app in record.apps:
        key = app.ref.label
        found = cells.get(key, {})
        result = AppResult.of(
            app.state or MeasurementState.INFRA_FAILED,
            app.reason or "its workflow did not end",
            found,
        )
        if app.state is None or key in keys or (not keys and result.lacks_measurement):
            pending.append(key)
        if app.state is not None or found:
            results[key] = result
    return PipelineState(
        registered=True,
        pending=tuple(pending),
        results=results,
        whole=tuple(key for key in pending if key in keys),
        tally=Tally.of(record.detail),
        retried=int(record.detail.get("apps_retried", 0)) + len(pending),
    )


def _by_analyzer(
    cells: Iterable[CellRecord],
) -> dict[AnalyzerKind, dict[str, MeasurementState]]:
    states: dict[AnalyzerKind, dict[str, MeasurementState]] = {}
    for cell in cells:
        states.setdefault(cell.analyzer, {})[cell.tool] = cell.state
    return states
