"""How a subtask and an app ended: small enough for workflow history, findings stay outside."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import Field

from contract.analysis import ArtifactRef, MeasurementState
from contract.analyzers import AnalyzerKind
from contract.base import Frozen
from contract.spec import AppRef

_Item = TypeVar("_Item")


class ToolSummary(Frozen):
    """One cell without its findings: small enough for workflow history.

    Attributes:
        lacks_source: a source outside that it must ask gave no answer.
        seconds: tool time behind its report; where that is `cached`, the time that was saved.
    """

    tool: str
    state: MeasurementState
    reason: str = ""
    findings: int = 0
    cached: bool = False
    lacks_source: bool = False
    seconds: float = 0.0


class SubtaskOutcome(Frozen):
    """How one subtask ended, for workflow history: the findings stay in the artifact.

    Attributes:
        report: result archive (tar, `report.json` first); None when nothing came back.
        attempts: activity attempts it took.
        tool_seconds: tool time that counted; `wasted_seconds`: tool time thrown away;
            `saved_seconds`: tool time of reused reports.
        lost: tool time by tool that was spent before the run that counted, reused or not; the part
            that was not reused is wasted, see `thrown_away`.
        retry_causes: why each earlier attempt ended: an `ErrorCode`, `WORKER_LOST`, `HOST_LOST`, or
            `APP_LOST` (its engine took the app away).
    """

    subtask_id: str
    analyzer: AnalyzerKind
    tools: Annotated[tuple[ToolSummary, ...], Field(min_length=1)]
    report: ArtifactRef | None = None
    attempts: int = 1
    error_code: str = ""
    duration_s: float = 0.0
    tool_seconds: float = 0.0
    wasted_seconds: float = 0.0
    saved_seconds: float = 0.0
    lost: dict[str, float] = {}
    retry_causes: tuple[str, ...] = ()

    @property
    def state(self) -> MeasurementState:
        """Worst state of its cells, see `worst_state`.

        A tool whose source outside gave no answer does not count beside tools that did measure: on
        a machine without access to the outside, every app would be incomplete for that alone. The
        report says at its top which tools these are.
        """
        return worst_state(tool.state for tool in self.deciding)

    @property
    def deciding(self) -> tuple[ToolSummary, ...]:
        """The cells that its `state` is made of."""
        asked = tuple(tool for tool in self.tools if not tool.lacks_source)
        measured = any(tool.state is MeasurementState.MEASURED for tool in asked)
        return asked if measured else self.tools

    def all_lost(self) -> dict[str, float]:
        """`lost`, and under an empty name the wasted seconds that no tool is known for."""
        unnamed = self.wasted_seconds - thrown_away(self.lost, self.tools)
        return together(self.lost, {"": unnamed} if unnamed > 0 else {})

    def all_seconds(self) -> dict[str, float]:
        """Tool time by tool that was spent on it so far, whether it counted or not."""
        spent = {tool.tool: tool.seconds for tool in self.tools if not tool.cached}
        unnamed = self.tool_seconds - sum(spent.values())
        return together(self.all_lost(), spent, {"": unnamed} if unnamed > 0 else {})

    def all_in_vain(self) -> dict[str, Any]:
        """The seconds as fields of an outcome whose whole result is withdrawn."""
        lost = self.all_seconds()
        wasted = {"lost": lost, "wasted_seconds": sum(lost.values())}
        return {"tool_seconds": 0.0, "saved_seconds": 0.0, **wasted}


def thrown_away(lost: Mapping[str, float], tools: Iterable[ToolSummary]) -> float:
    """Seconds of `lost` work that were not saved by a reused report.

    Work that was broken off before its report was kept is thrown away, even if a report of the tool
    was reused later: at most the seconds behind that report are saved.
    """
    saved = {tool.tool: tool.seconds for tool in tools if tool.cached}
    return sum(max(0.0, seconds - saved.get(tool, 0.0)) for tool, seconds in lost.items())


def together(*parts: Mapping[str, float]) -> dict[str, float]:
    """Seconds by tool, summed."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: sum(part.get(name, 0.0) for part in parts) for name in names}


class ServiceImage(Frozen):
    """The container image of one service of an app.

    Attributes:
        service: name of the service; empty: it is not known.
        name: as the engine names it.
        size_bytes: of all its layers, unpacked, its base image included; None: it is not known.
    """

    service: str = ""
    name: str
    size_bytes: int | None = None


class AppFacts(Frozen):
    """What became known of an app while it was built, run and removed.

    Each step that learns something (a start, a check, a teardown) answers with facts; the app's
    workflow adds them up, the store keeps them whole, and the report shows them. A new fact is one
    field here; CONTRIBUTING lists the other places.

    Attributes:
        logs: of its builds, its starts and its ends, for people.
        images: of the services of its last run; empty: it never ran in a container.
        notes: what of its files was not honoured, and what its engine could not guarantee.
        restarts: how often it was started anew.
        retry_causes: why attempts to start, check or remove it were repeated: an `ErrorCode`,
            `WORKER_LOST` or `HOST_LOST`.
    """

    logs: tuple[ArtifactRef, ...] = ()
    images: tuple[ServiceImage, ...] = ()
    notes: tuple[str, ...] = ()
    restarts: int = 0
    retry_causes: tuple[str, ...] = ()

    def plus(self, later: "AppFacts") -> "AppFacts":
        """These facts and those of a `later` step of the same run.

        Images are those of the later step if it has any. Each log and each note stands once.
        """
        return AppFacts(
            logs=_each_once(self.logs, later.logs),
            images=later.images or self.images,
            notes=_each_once(self.notes, later.notes),
            restarts=self.restarts + later.restarts,
            retry_causes=(*self.retry_causes, *later.retry_causes),
        )

    def of_later_run(self, later: "AppFacts") -> "AppFacts":
        """What is kept of an app that is analysed again, after the facts of its `later` run.

        The logs of all runs; all else is of the last run that learnt anything of the app. Repeated
        with the same facts, it changes nothing.
        """
        logs = _each_once(self.logs, later.logs)
        learnt = later.model_copy(update={"logs": (), "retry_causes": ()})
        last = self if learnt == AppFacts() else later
        return last.model_copy(update={"logs": logs})

    def without_logs(self) -> "AppFacts":
        """All but the logs."""
        return self.model_copy(update={"logs": ()})


def _each_once(earlier: tuple[_Item, ...], later: tuple[_Item, ...]) -> tuple[_Item, ...]:
    return tuple(dict.fromkeys((*earlier, *later)))


class AppOutcome(Frozen):
    """How the analysis of one app ended."""

    ref: AppRef
    state: MeasurementState
    reason: str = ""
    subtasks: tuple[SubtaskOutcome, ...] = ()
    platform_fault: bool = False
    facts: AppFacts = AppFacts()


# An app that died is a failure of its author whatever else went wrong around it.
_ORDER = (
    MeasurementState.APP_FAILED,
    MeasurementState.INFRA_FAILED,
    MeasurementState.MEASURED,
    MeasurementState.NOT_APPLICABLE,
)


def worst_state(states: Any) -> MeasurementState:
    """The state that speaks for several cells: app_failed before infra_failed before measured.

    `not_applicable` when there are none.
    """
    present = set(states)
    return next((state for state in _ORDER if state in present), MeasurementState.NOT_APPLICABLE)


# Name of the cell that stands for all tools of an analyzer that never named its tools.
ALL_TOOLS = "*"
# The cell of an analyzer that could not fuse what its tools found.
FUSION = "fusion"
