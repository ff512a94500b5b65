"""What people read in the Temporal Web UI: Markdown lists, since tables do not render there."""

from collections.abc import Mapping

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.progress import PipelineProgress
from contract.roles import in_words

LINES_MAX = 40

_MARKS = {
    MeasurementState.MEASURED: "✅",
    MeasurementState.APP_FAILED: "❌",
    MeasurementState.INFRA_FAILED: "⚠️",
    MeasurementState.NOT_APPLICABLE: "➖",
}


def pipeline_details(progress: PipelineProgress) -> str:
    """A pipeline as a status page; `progress.apps` are those worth a line."""
    counts = ", ".join(f"{n} {state}" for state, n in progress.counts.items()) or "none yet"
    lines = [
        f"### {progress.pipeline_id}: {progress.phase}",
        "",
        f"- **Apps:** {progress.finished} of {progress.total} finished ({counts}), "
        f"{progress.in_flight} in flight, at most {progress.parallelism} at once",
    ]
    if beside := in_words(progress.beside):
        lines.append(f"- **Among them:** {beside}, which the counts leave out")
    if progress.message:
        lines.append(f"- **Now:** {progress.message}")
    lines += [
        f"- **Breaker {b.name}:** {b.state}, {b.failures} faults, {b.reason}"
        for b in progress.breakers
        if b.failures or b.state != "closed"
    ]
    lines += [
        f"- **Analyzer {a.analyzer}:** {'up' if a.ok else f'down, {a.reason}'}"
        + (f"; blind: {', '.join(a.blind)}" if a.blind else "")
        for a in progress.analyzers
    ]
    return "\n".join([*lines, "", *_app_lines(progress)])


def app_details(title: str, steps: Mapping[AnalyzerKind, str], message: str) -> str:
    """One app as a status page."""
    lines = [f"- **{kind}:** {step}" for kind, step in steps.items()]
    return "\n".join([f"### {title}", "", f"- **Now:** {message}", *lines])


def _app_lines(progress: PipelineProgress) -> list[str]:
    lines = [
        f"- {_MARKS[app.state] if app.state else '⏳'} `{app.ref.model}` app {app.ref.app_number}: "
        f"{app.state or app.step}" + (f" ({app.reason})" if app.reason else "")
        for app in progress.apps
    ]
    rest = progress.total - len(progress.apps)
    return [*lines, f"- and {rest} more"] if rest > 0 else lines
