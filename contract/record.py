"""What the store hands to reports: a pipeline as plain, typed values."""

from datetime import datetime
from typing import Any

from contract.analysis import ArtifactRef, Coverage, Finding, MeasurementState, Metric, Provenance
from contract.analyzers import AnalyzerKind
from contract.base import Frozen


class CellRecord(Frozen):
    """One (app, tool) cell as recorded."""

    model: str
    app_number: int
    analyzer: AnalyzerKind
    tool: str
    version: str = ""
    state: MeasurementState
    reason: str = ""
    coverage: Coverage | None = None
    findings: tuple[Finding, ...] = ()
    metrics: tuple[Metric, ...] = ()
    provenance: Provenance = Provenance()
    data: dict[str, Any] = {}
    artifact: ArtifactRef | None = None
    attempts: int = 1
    tool_seconds: float = 0.0
    wasted_seconds: float = 0.0
    saved_seconds: float = 0.0


class FusedRecord(Frozen):
    """Findings of one analyzer on one app after fusion: one per weakness, with its witnesses."""

    model: str
    app_number: int
    analyzer: AnalyzerKind
    findings: tuple[Finding, ...] = ()


class AppRecord(Frozen):
    """One app of a pipeline; `state` is None while it is not finished.

    `images` and `notes` are those of `AppOutcome`, `main_file` is that of `SourceRef`.
    """

    model: str
    app_number: int
    template: str | None = None
    source_digest: str = ""
    main_file: str = ""
    state: MeasurementState | None = None
    reason: str = ""
    logs: tuple[ArtifactRef, ...] = ()
    images: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class PipelineRecord(Frozen):
    """Everything recorded of one pipeline.

    Attributes:
        state: `running`, `completed`, `cancelled`, `failed`.
        detail: free-form facts of the run (host, parallelism, restarts, wasted work).
    """

    pipeline_id: str
    state: str
    spec: dict[str, Any] = {}
    detail: dict[str, Any] = {}
    created_at: datetime | None = None
    finished_at: datetime | None = None
    apps: tuple[AppRecord, ...] = ()
    cells: tuple[CellRecord, ...] = ()
    fused: tuple[FusedRecord, ...] = ()


class PipelineListing(Frozen):
    """One pipeline in one line.

    Attributes:
        apps: how many it has; `counts` says how many of them ended in each state.
    """

    pipeline_id: str
    state: str
    created_at: datetime
    finished_at: datetime | None = None
    apps: int = 0
    counts: dict[MeasurementState, int] = {}
