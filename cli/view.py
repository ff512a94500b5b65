"""How a pipeline looks in a terminal: live progress, and the summary of a finished one."""

from collections.abc import Iterable, Mapping

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cli.safe import one_line
from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.priority import PipelinePriority
from contract.progress import AppProgress, PipelineProgress
from contract.roles import in_words
from contract.shortening import shortened
from control.documents import PipelineLine
from reports.model import FleetReport
from reports.parts import MissingGroup
from reports.summary import AnalyzerSummary

STATE_STYLE: Mapping[str, str] = {
    MeasurementState.MEASURED: "green",
    MeasurementState.APP_FAILED: "yellow",
    MeasurementState.INFRA_FAILED: "red",
    MeasurementState.NOT_APPLICABLE: "dim",
}
_LINE_STYLE = {"completed": "green", "cancelled": "yellow", "unfinished": "yellow"} | dict.fromkeys(
    ("failed", "terminated", "timed_out"), "red"
)
_REASON_CHARS = 200
_PLACES = 3
_APPS, _REASONS = 500, 100
_BAR_WIDTH = 50


def render_progress(
    progress: PipelineProgress, left: str = "", rows: int | None = None
) -> RenderableType:
    """A table of apps with what each is doing, and what the pipeline waits for.

    Args:
        progress: what to show.
        left: how long it still takes, in words.
        rows: at most so many apps; the others are counted, also those that a pipeline of many apps
            does not list.
    """
    head = Text.assemble(
        (f"{progress.pipeline_id}  ", "bold"),
        (progress.phase.value, "cyan"),
        f"  {progress.finished}/{progress.total} apps, {progress.in_flight} in flight",
        (f"  with {beside}" if (beside := in_words(progress.beside)) else "", "dim"),
        (f"  {progress.priority}" if _is_told(progress.priority) else "", "magenta"),
        (f"  {left}" if left else "", "cyan"),
        (f"  {one_line(progress.message)}" if progress.message else "", "dim"),
    )
    table = Table(box=None, pad_edge=False, show_header=False)
    ordered = by_interest(progress.apps)
    for app in ordered[:rows]:
        state = app.state.value if app.state else "…"
        style = STATE_STYLE.get(state, "cyan")
        says = Text(one_line(app.reason or app.step), style="dim")
        table.add_row(Text(_name(app)), Text(state, style=style), says)
    parts: list[RenderableType] = [head]
    if progress.total:
        bar = ProgressBar(total=progress.total, completed=progress.finished, width=_BAR_WIDTH)
        parts.append(Padding(bar, 0, expand=False))  # a bar alone does not end its line
    parts.append(table)
    if (hidden := max(progress.total, len(ordered)) - len(ordered[:rows])) > 0:
        parts.append(Text(f"and {hidden} more", style="dim"))
    parts.extend(_troubles(progress))
    return Group(*parts)


def _is_told(priority: PipelinePriority | None) -> bool:
    return priority not in (None, PipelinePriority.NORMAL)


def by_interest(apps: Iterable[AppProgress]) -> list[AppProgress]:
    """Apps in the order: running, failed, waiting, ended well."""
    return sorted(apps, key=_interest)


def _interest(app: AppProgress) -> int:
    if app.state is None:
        return 0 if app.step and app.step != "waiting" else 2
    failed = app.state in (MeasurementState.APP_FAILED, MeasurementState.INFRA_FAILED)
    return 1 if failed else 3


def _name(app: AppProgress) -> str:
    return one_line(app.ref.label)


def _troubles(progress: PipelineProgress) -> list[RenderableType]:
    lines = [
        f"{analyzer.analyzer}: {analyzer.reason}"
        for analyzer in progress.analyzers
        if not analyzer.ok and analyzer.reason
    ]
    # An analyzer that is starting is said once, and it is no failure.
    starting = {analyzer.analyzer.value for analyzer in progress.analyzers if analyzer.starting}
    lines += [
        f"breaker {breaker.name} is {breaker.state}: {breaker.reason}"
        for breaker in progress.breakers
        if breaker.state != "closed" and breaker.name not in starting
    ]
    return [Text(one_line(line), style="yellow") for line in lines]


def progress_line(progress: PipelineProgress) -> str:
    """One line for logs and pipes; it changes only when something has happened."""
    steps = ", ".join(
        f"{_name(app)}: {one_line(app.step)}"
        for app in progress.apps
        if app.state is None and app.step and app.step != "waiting"
    )
    done = f"{progress.phase.value} {progress.finished}/{progress.total}"
    return f"{done}  {steps or one_line(progress.message)}".rstrip()


def render_list(lines: Iterable[PipelineLine]) -> RenderableType:
    """A row per pipeline; where those that run are on several builds, each says its own."""
    lines = list(lines)
    several = len({line.build_id for line in lines if line.build_id}) > 1
    table = Table(box=None, pad_edge=False)
    for name in ("pipeline", "state", "started", "ended", "by", "apps"):
        table.add_column(name, style="dim" if name in ("started", "ended") else "")
    for line in lines:
        style = _LINE_STYLE.get(line.state, "cyan")
        times = (f"{at:%Y-%m-%d %H:%M}" if at else "" for at in (line.started_at, line.finished_at))
        counts = ", ".join(f"{count} {state}" for state, count in line.counts.items())
        apps = f"{line.apps}{f': {counts}' if counts else ''}" if line.apps else ""
        if beside := in_words(line.beside):
            apps = f"{apps}; beside them {beside}"
        by = Text(one_line(line.started_by), style="dim")
        state = f"{line.state} on {line.build_id}" if several and line.build_id else line.state
        table.add_row(one_line(line.id), Text(one_line(state), style=style), *times, by, apps)
    return table


def render_summary(report: FleetReport) -> RenderableType:
    """The matrix of a report: a row per app, a column per analyzer, states counted apart."""
    kinds = {kind for app in report.apps for kind in app.analyzers}
    analyzers = [kind for kind in AnalyzerKind if kind in kinds]
    title = Text(one_line(f"pipeline {report.pipeline.id}: {report.pipeline.state}"))
    table = Table(title=title, title_justify="left")
    for column in ("app", "state", *analyzers):
        table.add_column(column)
    for app in report.apps[:_APPS]:
        state = app.state or "unfinished"
        table.add_row(
            Text(one_line(app.ref.label)),
            Text(state, style=STATE_STYLE.get(state, "")),
            *(_analyzer_cell(app.analyzers.get(kind)) for kind in analyzers),
        )
    hidden = len(report.apps) - _APPS
    return Group(table, Text(f"and {hidden} more apps", style="dim")) if hidden > 0 else table


def not_measured(report: FleetReport) -> list[str]:
    """One line per reason for which cells were not measured, most frequent first."""
    failed = (MeasurementState.APP_FAILED, MeasurementState.INFRA_FAILED)
    groups = [group for group in report.missing if group.state in failed]
    lines = [_reason_line(group) for group in sorted(groups, key=lambda group: -group.count)]
    more = len(lines) - _REASONS
    return lines if more <= 0 else [*lines[:_REASONS], f"and for {more} other reasons"]


def _reason_line(group: MissingGroup) -> str:
    # `model/app1/static/bandit` is read as an app and its cell.
    places = (place.rsplit("/", 2) for place in group.cells[:_PLACES])
    named = ", ".join(f"{app} {analyzer}/{tool}" for app, analyzer, tool in places) + (
        ", …" if group.count > _PLACES else ""
    )
    reason = f"{group.state}: {group.reason}"
    return one_line(f"{group.count} x {shortened(reason, _REASON_CHARS)} ({named})")


def _analyzer_cell(summary: AnalyzerSummary | None) -> Text:
    text = Text()
    if summary is None:
        return text
    for state, style in STATE_STYLE.items():
        count = getattr(summary.cells, state)
        if not count:
            continue
        if text:
            text.append("  ")
        text.append(f"{count} {state.replace('_', ' ')}", style=style)
        if state == MeasurementState.MEASURED and summary.findings is not None:
            text.append(f" ({summary.findings} findings)", style="dim")
    return text
