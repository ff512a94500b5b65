"""A tool that missed what it must see on a control app was blind: what it measured does not count.

Its cells become missing before anything is counted, so that every form of the report shows it.
Cells of control apps stay as they are: they are the proof.
"""

from collections.abc import Iterable, Mapping

from contract.analysis import Finding, MeasurementState, ToolReport
from contract.analyzers import AnalyzerKind
from contract.record import CellRecord, FusedRecord, PipelineRecord
from contract.role import AppRole

Void = Mapping[tuple[AnalyzerKind, str], str]
"""Why a tool of an analyzer is not trusted, by both."""


def voided(record: PipelineRecord, void: Void) -> PipelineRecord:
    """The record without the measurements of these tools; the same record where there are none."""
    if not void:
        return record
    controls = [app.ref for app in record.apps if app.role is AppRole.CONTROL]
    cells = (c if c.ref in controls else _voided_cell(c, void) for c in record.cells)
    fused = (f if f.ref in controls else _voided_fusion(f, void) for f in record.fused)
    return record.model_copy(update={"cells": tuple(cells), "fused": tuple(fused)})


def is_void(cell: CellRecord, void: Void) -> bool:
    """Whether the cell was measured by a tool that is not trusted."""
    measured = cell.state is MeasurementState.MEASURED
    return measured and (cell.analyzer, cell.tool) in void


def why_void(cells: Iterable[CellRecord], void: Void) -> str:
    """Why one of these cells, as `voided` left them, does not count; empty: they all do."""
    lost = (c.report.reason for c in cells if void.get((c.analyzer, c.tool)) == c.report.reason)
    return next(lost, "")


def _voided_cell(cell: CellRecord, void: Void) -> CellRecord:
    if not is_void(cell, void):
        return cell
    reason = void[cell.analyzer, cell.tool]
    return cell.model_copy(update={"report": _unmeasured(cell.report, reason)})


def _unmeasured(report: ToolReport, reason: str) -> ToolReport:
    """The report of a tool that did not measure; how it was run, and what it kept, stay."""
    return report.model_copy(
        update={
            "state": MeasurementState.INFRA_FAILED,
            "reason": reason,
            "coverage": None,
            "findings": (),
            "metrics": (),
            "data": {},
        }
    )


def _voided_fusion(fused: FusedRecord, void: Void) -> FusedRecord:
    blind = frozenset(tool for kind, tool in void if kind is fused.analyzer)
    if not blind:
        return fused
    kept = (_without(finding, blind) for finding in fused.findings)
    return fused.model_copy(update={"findings": tuple(f for f in kept if f is not None)})


def _without(finding: Finding, blind: frozenset[str]) -> Finding | None:
    """The finding without the witness of blind tools; None if nobody else saw it."""
    seen = finding.witnesses or (finding.tool,)
    trusted = tuple(name for name in seen if name.partition(":")[0] not in blind)
    if len(trusted) == len(seen):
        return finding
    return finding.model_copy(update={"witnesses": trusted}) if trusted else None
