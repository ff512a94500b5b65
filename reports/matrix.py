"""The matrix without holes: every app has a cell for every tool, or one that says why not."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from contract.analysis import Category, MeasurementState, ToolReport
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
    columns = _columns(record)
    known = _looks_for(record.cells)
    return tuple(
        _with_looks_for(cell, known)
        for app in _all_apps(record)
        for analyzer, tools in columns.items()
        for cell in _row(
            record,
            app,
            analyzer,
            tools,
            {c.tool: c for c in recorded.get(app.ref, ()) if c.analyzer is analyzer},
        )
    )


def _looks_for(cells: Iterable[CellRecord]) -> dict[str, tuple[Category, ...]]:
    """What each tool looks for, by the name of its cells, if any of its cells says so."""
    return {
        cell.name: categories for cell in cells if (categories := cell.report.looks_for) is not None
    }


def _with_looks_for(cell: CellReport, known: Mapping[str, tuple[Category, ...]]) -> CellReport:
    """The cell with what its tool looks for: by itself, by others of the tool, by its analyzer."""
    of_kind = tuple(sorted(cell.analyzer.row.looks_for))
    own = cell.report.looks_for
    looks_for = own if own is not None else known.get(cell.name, of_kind)
    counts = cell.state is MeasurementState.MEASURED and (looks_for or cell.report.findings)
    found = true_count(cell.report.findings, cell.report.metrics) if counts else None
    return cell.model_copy(update={"looks_for": looks_for, "finding_count": found})


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
        not_looked_at=not_looked_at(cell.report.coverage),
        cached=cell.report.provenance.cached_from is not None,
    )


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
    """Why an app of this pipeline has no result yet, or will never have one."""
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
