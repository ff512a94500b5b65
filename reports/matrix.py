"""The matrix without holes: every app has a cell for every tool, or one that says why not."""

from collections import defaultdict
from collections.abc import Iterable

from contract.analysis import MeasurementState, ToolReport
from contract.analyzers import AnalyzerKind
from contract.left_out import true_count
from contract.outcome import ALL_TOOLS
from contract.record import AppRecord, CellRecord, PipelineRecord, by_app
from reports.model import CellReport
from reports.unseen import not_looked_at


def full_matrix(record: PipelineRecord) -> tuple[CellReport, ...]:
    """All cells in the order of apps, analyzers and tools; expected ones that never came included.

    A tool that ran on one app is expected on all. An analyzer that left nothing for an app gets one
    cell `*` that stands for all its tools.
    """
    recorded = by_app(record.cells)
    apps = _all_apps(record)
    columns = _columns(record)
    cells: list[CellReport] = []
    for app in apps:
        of_app = recorded.get(app.ref, ())
        for analyzer, tools in columns.items():
            mine = {cell.tool: cell for cell in of_app if cell.analyzer is analyzer}
            cells += _row(record, app, analyzer, tools, mine)
    return tuple(cells)


def _row(
    record: PipelineRecord,
    app: AppRecord,
    analyzer: AnalyzerKind,
    tools: list[str],
    recorded: dict[str, CellRecord],
) -> Iterable[CellReport]:
    if not recorded:
        yield _missing(record, app, analyzer, ALL_TOOLS)
        return
    if ALL_TOOLS in recorded and len(recorded) == 1:
        yield _present(recorded[ALL_TOOLS])
        return
    for tool in tools:
        if tool in recorded:
            yield _present(recorded[tool])
        elif ALL_TOOLS in recorded:
            yield _present(_of_tool(recorded[ALL_TOOLS], tool))
        else:
            yield _missing(record, app, analyzer, tool)


def _of_tool(cell: CellRecord, tool: str) -> CellRecord:
    """The cell that stands for all tools, as that of one of them."""
    report = cell.report.model_copy(update={"tool": tool})
    return cell.model_copy(update={"report": report})


def _present(cell: CellRecord) -> CellReport:
    return CellReport(
        record=cell,
        finding_count=_finding_count(cell),
        not_looked_at=not_looked_at(cell.report.coverage),
        cached=cell.report.provenance.cached_from is not None,
    )


def _finding_count(cell: CellRecord) -> int | None:
    """None where nothing was measured, and for an analyzer that looks for no findings."""
    if cell.state is not MeasurementState.MEASURED:
        return None
    if not cell.analyzer.row.looks_for and not cell.report.findings:
        return None
    return true_count(cell.report.findings, cell.report.metrics)


def _missing(
    record: PipelineRecord, app: AppRecord, analyzer: AnalyzerKind, tool: str
) -> CellReport:
    state, reason = _why_missing(record, app, analyzer)
    report = ToolReport(tool=tool, state=state, reason=reason)
    stand_in = CellRecord(ref=app.ref, analyzer=analyzer, report=report)
    return CellReport(record=stand_in, recorded=False)


def _why_missing(
    record: PipelineRecord, app: AppRecord, analyzer: AnalyzerKind
) -> tuple[MeasurementState, str]:
    infra = MeasurementState.INFRA_FAILED
    if app.state is MeasurementState.APP_FAILED and analyzer.is_live:
        return app.state, app.reason or "the app did not run"
    if app.state is None:
        return infra, not_run_reason(record)
    return infra, app.reason or "no result was recorded"


def not_run_reason(record: PipelineRecord) -> str:
    """Why an app of this pipeline has no result yet, or never will."""
    if record.state == "running":
        return "not finished: the pipeline is still running"
    return f"not run: pipeline {record.state}"


def _all_apps(record: PipelineRecord) -> list[AppRecord]:
    apps = {app.ref: app for app in record.apps}
    for cell in record.cells:
        apps.setdefault(cell.ref, AppRecord(ref=cell.ref))
    return list(apps.values())


def _columns(record: PipelineRecord) -> dict[AnalyzerKind, list[str]]:
    """Tools by analyzer: what was asked for and what was seen."""
    asked = set(record.spec.get("analyzers", ()))
    seen: defaultdict[AnalyzerKind, set[str]] = defaultdict(set)
    for cell in record.cells:
        seen[cell.analyzer].add(cell.tool)
    return {
        kind: sorted(seen[kind] - {ALL_TOOLS}) or [ALL_TOOLS]
        for kind in AnalyzerKind
        if kind.value in asked or kind in seen
    }
