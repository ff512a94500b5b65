"""Pure planning: what is to be done with one app, and how its subtasks fold into one outcome."""

from collections.abc import Sequence

from contract.analysis import MeasurementState, SubtaskRequest, Target
from contract.analyzers import LIVE_ORDER, AnalyzerKind, PlatformService
from contract.base import Frozen
from contract.errors import ErrorCode
from contract.limits import REASON_CHARS
from contract.missing import unmeasured
from contract.outcome import (
    ALL_TOOLS,
    AppFacts,
    AppOutcome,
    SubtaskOutcome,
    ToolSummary,
    thrown_away,
    together,
    worst_state,
)
from contract.running import AppCheck, RunningApp, SubtaskOrder
from contract.shortening import shortened
from contract.spec import AppSpec
from workflows.settle import Fault
from workflows.state import AppOrders

_NOTHING_KNOWN = AppFacts()
_DIED = "the app died during the measurement"


class SubtaskPlan(Frozen):
    """Live subtasks run one after another, offline ones all at once; `down` ones not at all."""

    live: tuple[AnalyzerKind, ...] = ()
    offline: tuple[AnalyzerKind, ...] = ()
    down: tuple[AnalyzerKind, ...] = ()


def plan_subtasks(app: AppSpec, orders: AppOrders) -> SubtaskPlan:
    """Which analyzers run on `app`, each exactly once, without those kept from an earlier run."""
    wanted = [kind for kind in app.analyzers if kind not in orders.kept]
    up = [kind for kind in wanted if kind not in orders.down]
    return SubtaskPlan(
        live=tuple(kind for kind in LIVE_ORDER if kind in up),
        offline=tuple(kind for kind in up if not kind.is_live),
        down=tuple(kind for kind in wanted if kind in orders.down),
    )


def services_of(kinds: Sequence[AnalyzerKind]) -> list[PlatformService]:
    """Services of the platform without which some of these analyzers cannot work."""
    needed = {service for kind in kinds for service in kind.row.needs}
    return [service for service in PlatformService if service in needed]


def subtask_request(
    app: AppSpec, kind: AnalyzerKind, targets: tuple[Target, ...] = (), conditions: str = ""
) -> SubtaskRequest:
    """The analyzer's work order; same app and analyzer, same subtask ID."""
    return SubtaskRequest(
        subtask_id=app.subtask_id(kind),
        analyzer=kind,
        ref=app.ref,
        source=app.source,
        tools=app.tools.get(kind, ()),
        targets=targets,
        conditions=conditions,
        options=app.options.get(kind, {}),
        template=app.template,
        deadline_s=kind.row.deadline_s,
        cache=app.cache,
    )


def subtask_order(
    app: AppSpec, kind: AnalyzerKind, check: AppCheck, running: RunningApp | None
) -> SubtaskOrder:
    """A live subtask's work order, with the app that is looked at when its turn comes."""
    conditions = running.conditions if running else ""
    request = subtask_request(app, kind, check.targets, conditions)
    return SubtaskOrder(**dict(request), app=running)


def infra_failed(app: AppSpec, kind: AnalyzerKind, fault: Fault) -> SubtaskOutcome:
    """The platform could not measure."""
    return unmeasured(app, kind, MeasurementState.INFRA_FAILED, fault.message, fault.code)


class Loss(Frozen):
    """Tool time of a subtask that did not count, by tool, and why it was begun again."""

    lost: dict[str, float] = {}
    causes: tuple[str, ...] = ()

    def plus(self, other: "Loss") -> "Loss":
        """Both."""
        return Loss(
            lost=together(self.lost, other.lost),
            causes=(*self.causes, *other.causes),
        )


def discarded(outcome: SubtaskOutcome, cause: str) -> Loss:
    """An outcome that is thrown away for `cause`."""
    return Loss(
        lost=outcome.all_seconds(),
        causes=(*outcome.retry_causes, cause),
    )


def with_loss(outcome: SubtaskOutcome, loss: Loss) -> SubtaskOutcome:
    """`outcome` after earlier tries that were lost."""
    if loss == Loss():
        return outcome
    lost = together(loss.lost, outcome.all_lost())
    return outcome.model_copy(
        update={
            "lost": lost,
            "wasted_seconds": thrown_away(lost, outcome.tools),
            "retry_causes": (*loss.causes, *outcome.retry_causes),
            "attempts": outcome.attempts + len(loss.causes),
        }
    )


def app_failed(app: AppSpec, kind: AnalyzerKind, reason: str) -> SubtaskOutcome:
    """The app did not build, start or answer."""
    return unmeasured(app, kind, MeasurementState.APP_FAILED, reason)


def app_died(outcome: SubtaskOutcome, reason: str) -> SubtaskOutcome:
    """`outcome` of an app that was gone afterwards: no number counts, whatever the tools say.

    Nor does the time it took.
    The archive is no longer the subtask's report; keep it as evidence among the app's logs.
    """
    tools = tuple(
        tool
        if tool.state is MeasurementState.NOT_APPLICABLE
        else ToolSummary(
            tool=tool.tool,
            state=MeasurementState.APP_FAILED,
            reason=shortened(f"{_DIED}: {reason}", REASON_CHARS),
        )
        for tool in outcome.tools
    )
    return outcome.model_copy(
        update={
            "tools": tools,
            "report": None,
            "error_code": "",
            **outcome.all_in_vain(),
        }
    )


def app_died_early(app: AppSpec, kind: AnalyzerKind, reason: str, loss: Loss) -> SubtaskOutcome:
    """The app died under a measurement, which was ended at once: it has no report."""
    return with_loss(app_failed(app, kind, f"{_DIED}: {reason}"), loss)


def fold(
    app: AppSpec,
    orders: AppOrders,
    subtasks: Sequence[SubtaskOutcome],
    facts: AppFacts = _NOTHING_KNOWN,
) -> AppOutcome:
    """One app's outcome: the worst state speaks for it; the first reason for it explains it.

    That it was cancelled comes before what else was lost.
    """
    ordered = sorted(subtasks, key=lambda subtask: app.analyzers.index(subtask.analyzer))
    stands = (*orders.kept.values(), *orders.partly.values())
    state = worst_state([*(s.state for s in ordered), *stands])
    return AppOutcome(
        ref=app.ref,
        state=state,
        reason=_reason(ordered, state),
        subtasks=tuple(ordered),
        platform_fault=is_platform_fault(ordered),
        facts=facts,
    )


def is_platform_fault(subtasks: Sequence[SubtaskOutcome]) -> bool:
    """Whether the platform as a whole failed the app: curable faults, and not one measurement.

    One analyzer that fails is its own breaker's business; a lasting lack (no container engine) is
    nothing that waiting cures.
    """
    return not any(_measured(s) for s in subtasks) and any(is_fault(s) for s in subtasks)


def is_fault(subtask: SubtaskOutcome) -> bool:
    """Whether the subtask met a platform fault that counts for breakers."""
    code = subtask.error_code
    return code in ErrorCode.__members__ and Fault(ErrorCode(code), "").curable


def is_answered(subtask: SubtaskOutcome) -> bool:
    """Whether the analyzer did its work; an app that never ran says nothing about analyzers."""
    return _measured(subtask) or subtask.report is not None


def _measured(subtask: SubtaskOutcome) -> bool:
    """Whether this run measured anything; beside an error, that is left from an earlier one."""
    cells = (tool.state for tool in subtask.tools)
    return not subtask.error_code and MeasurementState.MEASURED in cells


def _reason(subtasks: Sequence[SubtaskOutcome], state: MeasurementState) -> str:
    if state in (MeasurementState.MEASURED, MeasurementState.NOT_APPLICABLE):
        return ""
    for subtask in sorted(subtasks, key=lambda subtask: subtask.error_code != ErrorCode.CANCELLED):
        for tool in sorted(subtask.deciding, key=lambda tool: tool.lacks_source):
            if tool.state is state:
                name = subtask.analyzer if tool.tool == ALL_TOOLS else tool.tool
                return shortened(f"{subtask.analyzer}/{name}: {tool.reason}", REASON_CHARS)
    return "a subtask of an earlier run failed"
