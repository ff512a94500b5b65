"""The cells of one app without holes: one for every tool of the fleet, or one that says why not."""

from collections.abc import Iterator, Sequence

from contract.analysis import MeasurementState, ToolReport
from contract.analyzers import AnalyzerKind
from contract.left_out import true_count
from contract.record import AppRecord, CellRecord
from reports.facts import FleetFacts
from reports.filling import filled, why_missing
from reports.model import CellReport
from reports.unseen import not_looked_at


def cells_of(
    app: AppRecord, recorded: Sequence[CellRecord], facts: FleetFacts
) -> tuple[CellReport, ...]:
    """All cells of an app in the order of analyzers and tools; those that never came included.

    A tool that ran on one app is expected on all that its analyzer was to look at. An analyzer that
    left nothing gets one cell `*` that stands for all its tools.
    """
    return tuple(
        _with_looks_for(cell, facts)
        for analyzer in _analyzers(app, recorded, facts)
        for cell in _row(app, analyzer, recorded, facts)
    )


def _analyzers(
    app: AppRecord, recorded: Sequence[CellRecord], facts: FleetFacts
) -> Iterator[AnalyzerKind]:
    seen = {cell.analyzer for cell in recorded}
    for kind in facts.columns:
        if app.analyzers is None or kind in app.analyzers or kind in seen:
            yield kind


def _row(
    app: AppRecord, analyzer: AnalyzerKind, recorded: Sequence[CellRecord], facts: FleetFacts
) -> Iterator[CellReport]:
    mine = {cell.tool: _present(cell) for cell in recorded if cell.analyzer is analyzer}
    return filled(
        facts.columns[analyzer],
        mine,
        missing=lambda tool: _missing(facts, app, analyzer, tool),
        as_tool=_of_tool,
    )


def _with_looks_for(cell: CellReport, facts: FleetFacts) -> CellReport:
    """The cell with what its tool looks for: by itself, by others of the tool, by its analyzer."""
    of_kind = tuple(sorted(cell.analyzer.row.looks_for))
    own = cell.report.looks_for
    looks_for = own if own is not None else facts.looks_for.get(cell.name, of_kind)
    counts = cell.state is MeasurementState.MEASURED and (looks_for or cell.report.findings)
    found = true_count(cell.report.findings, cell.report.metrics) if counts else None
    return cell.model_copy(update={"looks_for": looks_for, "finding_count": found})


def _of_tool(whole: CellReport, tool: str) -> CellReport:
    """The cell that stands for all tools, as that of one of them."""
    report = whole.report.model_copy(update={"tool": tool})
    return whole.model_copy(update={"record": whole.record.model_copy(update={"report": report})})


def _present(cell: CellRecord) -> CellReport:
    return CellReport(
        record=cell,
        not_looked_at=not_looked_at(cell.report.coverage),
        cached=cell.report.provenance.cached_from is not None,
    )


def _missing(facts: FleetFacts, app: AppRecord, analyzer: AnalyzerKind, tool: str) -> CellReport:
    state, reason = why_missing(
        facts.outline, app, analyzer, imported=(analyzer, tool) in facts.imported
    )
    report = ToolReport(tool=tool, state=state, reason=reason)
    stand_in = CellRecord(ref=app.ref, analyzer=analyzer, report=report)
    return CellReport(record=stand_in, recorded=False)
