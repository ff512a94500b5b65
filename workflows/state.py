"""What a pipeline carries from run to run (continue-as-new) and hands to its children."""

from collections.abc import Collection, Mapping
from typing import Any

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.base import Frozen
from contract.outcome import AppOutcome
from contract.plan import PlanHeader, PlanPage, Reopening, pages_of
from contract.progress import AppProgress
from contract.role import AppRole
from contract.spec import AppSpec, PipelinePlan
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
    """What a pipeline carries from run to run beside its plan's header: small, however many apps.

    Apps are named by their positions in the fleet; the store has the apps, and how they ended.

    Attributes:
        registered: how many apps the store has of the plan, and of those that were added.
        cursor: position of the first app that has not been begun.
        again: positions of apps that ended and are to run again.
        whole: those of them that a person named: nothing of theirs stands.
        repeated: how many apps in `counts` are in `again`.
        counts: how many apps ended in each state.
        beside: those of `counts` that are no subjects, by role.
        lines: a few of the apps that ended, for people.
        tools: every tool each analyzer named at preflight.
        retried: how many apps were run again.
        runs: how often the workflow continued as new.
    """

    registered: int = 0
    cursor: int = 0
    again: tuple[int, ...] = ()
    whole: tuple[int, ...] = ()
    repeated: int = 0
    counts: dict[MeasurementState, int] = {}
    beside: dict[AppRole, dict[MeasurementState, int]] = {}
    lines: tuple[AppProgress, ...] = ()
    tools: dict[AnalyzerKind, tuple[str, ...]] = {}
    parallelism: int | None = None
    paused: bool = False
    breakers: dict[str, CircuitBreaker] = {}
    tally: Tally = Tally()
    retried: int = 0
    runs: int = 0


class AppRun(Frozen):
    """Input of `AnalyzeApp`: what is to be done with the app, and what its pipeline says of it."""

    app: AppSpec
    orders: AppOrders = AppOrders()


class PipelineRun(Frozen):
    """Input of `Pipeline`.

    Attributes:
        header: of the plan.
        first: the first page of the plan; None when the store has it. The others come as updates.
        state: where to go on from.
    """

    header: PlanHeader
    first: PlanPage | None = None
    state: PipelineState = PipelineState()

    @classmethod
    def of(cls, plan: PipelinePlan, started_by: str = "") -> "PipelineRun":
        """The first run of `plan`."""
        return cls(header=PlanHeader.of(plan, started_by), first=pages_of(plan)[0])

    @classmethod
    def again(cls, ended: Reopening, labels: Collection[str] = ()) -> "PipelineRun":
        """A run of a closed pipeline that runs the chosen apps again.

        Results that stand are not measured again, but for those of apps that `labels` names.
        """
        chosen = ended.choices
        state = PipelineState(
            registered=ended.registered,
            cursor=ended.registered,
            again=tuple(app.position for app in chosen),
            whole=tuple(app.position for app in chosen if app.ref.label in labels),
            repeated=sum(app.state is not None for app in chosen),
            counts=ended.counts,
            beside=ended.beside,
            tally=Tally.of(ended.detail),
            retried=int(ended.detail.get("apps_retried", 0)) + len(chosen),
        )
        return cls(header=ended.header, state=state)
