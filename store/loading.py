"""From rows to the contract's records: pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from contract.analysis import Finding, MeasurementState, Metric, ToolReport
from contract.analyzers import AnalyzerKind
from contract.outcome import FUSION
from contract.record import AppRecord, CellRecord, FusedRecord, PipelineRecord
from contract.spec import AppRef, PlannedApp
from store.rows import CELL_COLUMNS

Rows = Sequence[Row[Any]]
_FUSING = frozenset(kind for kind in AnalyzerKind if kind.row.fuses)


@dataclass(frozen=True, slots=True)
class PipelineRows:
    """All rows of one pipeline; findings and metrics in the order of their ordinals."""

    pipeline: Row[Any]
    apps: Rows
    cells: Rows
    findings: Rows
    metrics: Rows
    fused: Rows


def pipeline_record(rows: PipelineRows) -> PipelineRecord:
    """The record that reports are built from."""
    findings = _by_owner(rows.findings, _finding)
    metrics = _by_owner(rows.metrics, _metric)
    pipeline = rows.pipeline
    return PipelineRecord(
        pipeline_id=pipeline.pipeline_id,
        state=pipeline.state,
        spec=pipeline.spec,
        detail=pipeline.detail,
        templates=pipeline.body.get("templates", {}),
        created_at=pipeline.created_at,
        finished_at=pipeline.finished_at,
        apps=tuple(_app(row) for row in rows.apps),
        cells=tuple(_cell(row, findings[row.id], metrics[row.id]) for row in rows.cells),
        fused=tuple(_fused(rows.fused, rows.cells)),
    )


def _by_owner(rows: Rows, make: Any) -> defaultdict[int, list[Any]]:
    owned: defaultdict[int, list[Any]] = defaultdict(list)
    for row in rows:
        owned[row.cell_id].append(make(row))
    return owned


def _finding(row: Row[Any]) -> Finding:
    return Finding.model_validate(row.body)


def _metric(row: Row[Any]) -> Metric:
    return Metric(name=row.name, value=row.value, unit=row.unit, target=row.target)


def _app(row: Row[Any]) -> AppRecord:
    planned = PlannedApp.model_validate(row.body["planned"])
    return AppRecord(
        ref=ref_of(row),
        template=planned.template,
        source=planned.source,
        role=planned.role,
        analyzers=planned.analyzers,
        sheet=planned.sheet,
        state=MeasurementState(row.state) if row.state else None,
        reason=row.reason,
        facts=row.body["facts"],
    )


def ref_of(row: Any) -> AppRef:
    """The app that a row belongs to."""
    return AppRef(model=row.target_model, app_number=row.target_app_number)


def _report(row: Row[Any], findings: list[Finding], metrics: list[Metric]) -> ToolReport:
    columns = {name: getattr(row, name) for name in CELL_COLUMNS}
    lists = {"findings": findings, "metrics": metrics}
    return ToolReport.model_validate({**row.body, **columns, **lists})


def _cell(row: Row[Any], findings: list[Finding], metrics: list[Metric]) -> CellRecord:
    return CellRecord.model_validate(
        {
            "ref": ref_of(row),
            "analyzer": row.analyzer,
            "report": _report(row, findings, metrics),
            "artifact": row.artifact,
            "attempts": row.attempts,
            "tool_seconds": row.tool_seconds,
            "wasted_seconds": row.wasted_seconds,
            "saved_seconds": row.saved_seconds,
        }
    )


def _fused(rows: Rows, cells: Rows) -> Iterable[FusedRecord]:
    """Fused findings of each analyzer on each app; a fusion without findings is a record, too."""
    grouped: defaultdict[tuple[AppRef, AnalyzerKind], list[Finding]] = defaultdict(list)
    for cell in cells:
        if cell.analyzer in _FUSING and cell.artifact is not None:
            grouped.setdefault(_of_analyzer(cell), [])
    for cell in cells:
        if cell.tool == FUSION:
            grouped.pop(_of_analyzer(cell), None)
    for row in rows:
        grouped[_of_analyzer(row)].append(Finding.model_validate(row.body))
    for (ref, analyzer), findings in grouped.items():
        yield FusedRecord(ref=ref, analyzer=analyzer, findings=tuple(findings))


def _of_analyzer(row: Row[Any]) -> tuple[AppRef, AnalyzerKind]:
    return ref_of(row), AnalyzerKind(row.analyzer)
