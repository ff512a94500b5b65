"""How a pipeline looks in a terminal: live progress, and the summary of a finished one."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from contract.analysis import MeasurementState
from contract.progress import PipelineProgress

STATE_STYLE: Mapping[str, str] = {
    MeasurementState.MEASURED: "green",
    MeasurementState.APP_FAILED: "yellow",
    MeasurementState.INFRA_FAILED: "red",
    MeasurementState.NOT_APPLICABLE: "dim",
}
_REASON_CHARS = 200


def render_progress(progress: PipelineProgress) -> RenderableType:
    """A table of apps with what each is doing, and what the whole waits for."""
    head = Text.assemble(
        (f"{progress.pipeline_id}  ", "bold"),
        (progress.phase.value, "cyan"),
        f"  {progress.finished}/{progress.total} apps, {progress.in_flight} in flight",
        (f"  {progress.message}" if progress.message else "", "dim"),
    )
    table = Table(box=None, pad_edge=False, show_header=False)
    for app in progress.apps:
        state = app.state.value if app.state else "…"
        style = STATE_STYLE.get(state, "cyan")
        what = f"{app.ref.model}/app{app.ref.app_number}"
        table.add_row(
            Text(what), Text(state, style=style), Text(app.reason or app.step, style="dim")
        )
    parts: list[RenderableType] = [head]
    if progress.total:
        parts.append(ProgressBar(total=progress.total, completed=progress.finished, width=50))
    parts.append(table)
    parts.extend(_troubles(progress))
    return Group(*parts)


def _troubles(progress: PipelineProgress) -> list[RenderableType]:
    lines = [
        f"{analyzer.analyzer}: {analyzer.reason}"
        for analyzer in progress.analyzers
        if not analyzer.ok and analyzer.reason
    ]
    lines += [
        f"breaker {breaker.name} is {breaker.state}: {breaker.reason}"
        for breaker in progress.breakers
        if breaker.state != "closed" and not breaker.reason.startswith("starting")
    ]
    return [Text(line, style="yellow") for line in lines]


def progress_line(progress: PipelineProgress) -> str:
    """One line for logs and pipes; changes only when something happened."""
    steps = ", ".join(
        f"{app.ref.model}/app{app.ref.app_number}: {app.step}"
        for app in progress.apps
        if app.state is None and app.step and app.step != "waiting"
    )
    done = f"{progress.phase.value} {progress.finished}/{progress.total}"
    return f"{done}  {steps or progress.message}".rstrip()


def render_summary(report: Mapping[str, Any]) -> RenderableType:
    """The matrix of a report: a row per app, a column per analyzer, states counted apart."""
    analyzers = sorted({cell["analyzer"] for cell in report["cells"]}, key=_analyzer_order)
    table = Table(title=f"pipeline {_pipeline_id(report)}", title_justify="left")
    table.add_column("app")
    table.add_column("state")
    for analyzer in analyzers:
        table.add_column(analyzer)
    for app in report["apps"]:
        cells = [cell for cell in report["cells"] if _same_app(cell, app)]
        state = app["state"] or "unfinished"
        table.add_row(
            f"{app['model']}/app{app['app_number']}",
            Text(state, style=STATE_STYLE.get(state, "")),
            *(_analyzer_cell([c for c in cells if c["analyzer"] == name]) for name in analyzers),
        )
    return table


def not_measured(report: Mapping[str, Any]) -> list[str]:
    """One line per reason for which cells were not measured, most frequent first."""
    reasons: dict[str, list[str]] = {}
    for cell in report["cells"]:
        if cell["state"] in (MeasurementState.APP_FAILED, MeasurementState.INFRA_FAILED):
            place = f"{cell['model']}/app{cell['app_number']} {cell['analyzer']}/{cell['tool']}"
            reasons.setdefault(f"{cell['state']}: {cell['reason']}", []).append(place)
    ordered = sorted(reasons.items(), key=lambda item: -len(item[1]))
    return [
        f"{len(places)} x {reason[:_REASON_CHARS]} ({', '.join(places[:3])}"
        f"{', …' if len(places) > 3 else ''})"
        for reason, places in ordered
    ]


def _analyzer_cell(cells: list[Mapping[str, Any]]) -> Text:
    text = Text()
    for state, style in STATE_STYLE.items():
        there = [cell for cell in cells if cell["state"] == state]
        if not there:
            continue
        if text:
            text.append("  ")
        text.append(f"{len(there)} {state.replace('_', ' ')}", style=style)
        if state == MeasurementState.MEASURED:
            found = sum(_count(cell["findings"]) for cell in there)
            text.append(f" ({found} findings)", style="dim")
    return text


def _count(findings: Any) -> int:
    return len(findings) if isinstance(findings, list) else int(findings or 0)


def _same_app(cell: Mapping[str, Any], app: Mapping[str, Any]) -> bool:
    return cell["model"] == app["model"] and cell["app_number"] == app["app_number"]


def _pipeline_id(report: Mapping[str, Any]) -> str:
    pipeline = report["pipeline"]
    return str(pipeline.get("pipeline_id") or pipeline.get("id") or "")


def _analyzer_order(name: str) -> int:
    order = ("static", "dynamic", "performance", "ai")
    return order.index(name) if name in order else len(order)
