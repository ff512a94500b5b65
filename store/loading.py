"""From rows to the contract's records: pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from contract.analysis import Finding, MeasurementState, Metric
from contract.analyzers import AnalyzerKind
from contract.outcome import FUSION
from contract.record import AppRecord, CellRecord, FusedRecord, PipelineRecord

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
    return AppRecord(
        model=row.target_model,
        app_number=row.target_app_number,
        template=row.template,
        source_digest=row.source_digest,
        main_file=row.main_file,
        state=MeasurementState(row.state) if row.state else None,
        reason=row.reason,
        logs=row.logs,
        images=row.images,
        notes=row.notes,
    )


def _cell(row: Row[Any], findings: list[Finding], metrics: list[Metric]) -> CellRecord:
    return CellRecord.model_validate(
        {
            "model": row.target_model,
            "app_number": row.target_app_number,
            "analyzer": row.analyzer,
            "tool": row.tool,
            "version": row.version,
            "state": row.state,
            "reason": row.reason,
            "coverage": row.body.get("coverage"),
            "findings": findings,
            "metrics": metrics,
            "provenance": row.body.get("provenance", {}),
            "data": row.body.get("data", {}),
            "artifact": row.artifact,
            "attempts": row.attempts,
            "tool_seconds": row.tool_seconds,
            "wasted_seconds": row.wasted_seconds,
            "saved_seconds": row.saved_seconds,
        }
    )


def _fused(rows: Rows, cells: Rows) -> Iterable[FusedRecord]:
    """Groups by analyzer and app; one that came to nothing is a group, too: it was fused."""
    grouped: defaultdict[tuple[str, int, str], list[Finding]] = defaultdict(list)
    for cell in cells:
        if cell.analyzer in _FUSING and cell.artifact is not None:
            grouped.setdefault((cell.target_model, cell.target_app_number, cell.analyzer), [])
    for cell in cells:
        if cell.tool == FUSION:
            grouped.pop((cell.target_model, cell.target_app_number, cell.analyzer), None)
    for row in rows:
        key = (row.target_model, row.target_app_number, row.analyzer)
        grouped[key].append(Finding.model_validate(row.body))
    for (model, app_number, analyzer), findings in grouped.items():
        yield FusedRecord.model_validate(
            {
                "model": model,
                "app_number": app_number,
                "analyzer": analyzer,
                "findings": findings,
            }
        )
