"""Outcomes of what was not measured: every cell is named, and says why."""

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.limits import REASON_CHARS
from contract.outcome import ALL_TOOLS, AppOutcome, SubtaskOutcome, ToolSummary
from contract.shortening import shortened
from contract.spec import AppSpec


def unmeasured(
    app: AppSpec, kind: AnalyzerKind, state: MeasurementState, reason: str, code: str = ""
) -> SubtaskOutcome:
    """Every cell of one analyzer, missing for one reason; `*` when it never told its tools."""
    return SubtaskOutcome(
        subtask_id=app.subtask_id(kind),
        analyzer=kind,
        tools=tuple(
            ToolSummary(tool=tool, state=state, reason=shortened(reason, REASON_CHARS))
            for tool in app.tools.get(kind) or (ALL_TOOLS,)
        ),
        error_code=code,
    )


def unended(app: AppSpec, reason: str) -> AppOutcome:
    """The outcome of an app that did not run to its end."""
    state = MeasurementState.INFRA_FAILED
    return AppOutcome(
        ref=app.ref,
        state=state,
        reason=reason,
        subtasks=tuple(unmeasured(app, kind, state, reason) for kind in app.analyzers),
    )
