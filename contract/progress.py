"""What the `progress` query of a pipeline answers; the CLI and the current details read it."""

from enum import StrEnum

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind, PlatformService
from contract.base import Frozen
from contract.priority import PipelinePriority
from contract.role import AppRole
from contract.spec import AppRef


class PipelinePhase(StrEnum):
    """Where a pipeline is."""

    REGISTERING = "registering"
    PREFLIGHT = "preflight"
    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"
    CANCELLING = "cancelling"
    REPORTING = "reporting"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


ENDED = frozenset({PipelinePhase.COMPLETED, PipelinePhase.CANCELLED, PipelinePhase.FAILED})
"""Phases of a pipeline that has ended by itself; a state as text may be one, too."""


class AppProgress(Frozen):
    """One app. `step`: what it does now, in words a person reads; `state`: once it ended."""

    ref: AppRef
    step: str
    state: MeasurementState | None = None
    reason: str = ""
    workflow_id: str = ""


class BreakerProgress(Frozen):
    """State of one circuit breaker (`closed`, `open`, `half_open`)."""

    name: str
    state: str
    failures: int = 0
    reason: str = ""


class AnalyzerReadiness(Frozen):
    """What preflight found for one analyzer; `starting`: it is not `ok` yet, and will be soon."""

    analyzer: AnalyzerKind
    ok: bool
    starting: bool = False
    tools: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()
    reason: str = ""


class ServiceReadiness(Frozen):
    """What preflight found for one service of the platform."""

    service: PlatformService
    ok: bool
    reason: str = ""


class Preflight(Frozen):
    """Answer of a preflight: readiness of what was asked for, in order."""

    analyzers: tuple[AnalyzerReadiness, ...] = ()
    services: tuple[ServiceReadiness, ...] = ()

    def verdicts(self) -> dict[str, str]:
        """Why each cannot take work, by name; "" for those that can."""
        ready = {str(readiness.analyzer): readiness for readiness in self.analyzers}
        ready |= {str(readiness.service): readiness for readiness in self.services}
        return {
            name: "" if readiness.ok else readiness.reason or "it does not take work"
            for name, readiness in ready.items()
        }


class PipelineProgress(Frozen):
    """A snapshot of a pipeline.

    Attributes:
        total, finished: apps, with those that Assay added.
        counts: ended subjects by state.
        beside: how many of `total` are no subjects, by role.
        priority: how urgent it is; null: nobody says, it does not run.
        build_id: of the code that it is on; empty: of no version, or it does not run.
    """

    pipeline_id: str
    phase: PipelinePhase
    message: str = ""
    total: int = 0
    finished: int = 0
    in_flight: int = 0
    parallelism: int = 3
    paused: bool = False
    counts: dict[MeasurementState, int] = {}
    beside: dict[AppRole, int] = {}
    apps: tuple[AppProgress, ...] = ()
    analyzers: tuple[AnalyzerReadiness, ...] = ()
    breakers: tuple[BreakerProgress, ...] = ()
    priority: PipelinePriority | None = None
    build_id: str = ""


class PipelineResult(Frozen):
    """Result of `PipelineWorkflow`: small; the numbers are in the report.

    Attributes:
        report_json, report_html: absolute paths on the worker that wrote them, or empty.
    """

    pipeline_id: str
    phase: PipelinePhase
    counts: dict[MeasurementState, int] = {}
    report_json: str = ""
    report_html: str = ""
    message: str = ""
