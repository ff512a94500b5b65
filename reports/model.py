"""What `report.json` is. Counts are None, never zero, where nothing was measured."""

from datetime import datetime
from typing import Any, Literal

from contract.analysis import (
    ArtifactRef,
    Category,
    Coverage,
    Finding,
    MeasurementState,
    Metric,
    Provenance,
    Severity,
)
from contract.base import Frozen
from contract.spec import AnalyzerKind

SCHEMA_VERSION = "1.0"


class StateCounts(Frozen):
    """How many cells (or apps) are in each of the four states."""

    measured: int = 0
    app_failed: int = 0
    infra_failed: int = 0
    not_applicable: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.measured + self.app_failed + self.infra_failed + self.not_applicable


class FindingTally(Frozen):
    """Findings of one category over some cells, and how many cells stand behind the figure.

    Attributes:
        cells: states of the cells that look for this category.
        total, by_severity, by_cwe: None when none of those cells is measured.
        counted: `fused`: one per weakness; `tools`: as each tool reported; `mixed`: both kinds.
    """

    category: Category
    cells: StateCounts
    total: int | None = None
    by_severity: dict[Severity, int] | None = None
    by_cwe: dict[str, int] | None = None
    counted: Literal["fused", "tools", "mixed"] = "tools"


class Rate(Frozen):
    """A yes-or-no score over apps or requirements; what is missing is stated instead of guessed.

    Attributes:
        name: `runs`: built, started, answered and stayed up; `no_high_finding`: `label` says
            whether that includes running; every tool that looks for weaknesses had its look, and
            none is sure of a high or critical one; `requirements_met`: of one app's declared
            requirements, missing where nobody can tell.
        label: what an app that passes was seen to do.
        passed, failed: apps where all that is required was looked at.
        missing: apps where it was not, whatever the looks that were made have shown.
        known_failed: of those that are missing, apps that are known to fail all the same.
        left_out: tools that measured nothing on any app of the fleet, and are not required.
        rate: passed / (passed + failed), where apps that never started are counted at the share
            at which the others were decided: they have no look that could be missing. None when
            no app was decided that could have passed.
        interval: 95 % Wilson interval of `rate`.
        bounds: the rate if all missing apps had failed, and if all had passed.
    """

    name: Literal["runs", "no_high_finding", "requirements_met"]
    label: str = ""
    passed: int
    failed: int
    missing: int
    not_applicable: int
    known_failed: int = 0
    left_out: tuple[str, ...] = ()
    rate: float | None = None
    interval: tuple[float, float] | None = None
    bounds: tuple[float, float] | None = None


class LoadFigures(Frozen):
    """What one load test measured on one target; `figures` by metric name, units in `units`."""

    tool: str
    target: str
    figures: dict[str, float]
    units: dict[str, str]


class Score(Frozen):
    """One number a judge gave, or what asking it cost; `target`: the judge, empty for the app."""

    tool: str
    name: str
    value: float
    unit: str
    target: str = ""


class RequirementVerdict(Frozen):
    """What the judges say of one declared requirement: `met`, `not_met` or `cannot_tell`.

    Attributes:
        judges: verdict of each judge by its model.
        reason: why, in the words of the first judge who agrees with the verdict.
    """

    tool: str
    id: str
    text: str
    verdict: str
    judges: dict[str, str] = {}
    reason: str = ""


class CellReport(Frozen):
    """One (app, tool) cell.

    Attributes:
        tool: `*` where the analyzer never told its tools.
        finding_count: None when not measured, or when the tool looks for no findings.
        recorded: False for a cell that was expected and never came.
        cached: the report of an earlier, identical run was used.
    """

    model: str
    app_number: int
    analyzer: AnalyzerKind
    tool: str
    version: str = ""
    state: MeasurementState
    reason: str = ""
    coverage: Coverage | None = None
    finding_count: int | None = None
    findings: tuple[Finding, ...] = ()
    metrics: tuple[Metric, ...] = ()
    provenance: Provenance = Provenance()
    data: dict[str, Any] = {}
    artifact: ArtifactRef | None = None
    attempts: int = 1
    cached: bool = False
    recorded: bool = True


class AppReport(Frozen):
    """One app.

    Attributes:
        state: None only while the pipeline still runs.
        weaknesses: its findings after fusion; those of the tools where nothing was fused.
        images: image of each of its services, as the engine names it.
        notes: what of its files was not honoured, and what its engine could not guarantee.
    """

    model: str
    app_number: int
    template: str | None = None
    source_digest: str = ""
    state: MeasurementState | None = None
    reason: str = ""
    cells: StateCounts
    findings: tuple[FindingTally, ...] = ()
    weaknesses: tuple[Finding, ...] = ()
    load: tuple[LoadFigures, ...] = ()
    scores: tuple[Score, ...] = ()
    requirements: tuple[RequirementVerdict, ...] = ()
    rates: tuple[Rate, ...] = ()
    logs: tuple[ArtifactRef, ...] = ()
    images: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class ModelReport(Frozen):
    """All apps of one model."""

    model: str
    apps: StateCounts
    unfinished: int = 0
    cells: StateCounts
    findings: tuple[FindingTally, ...] = ()
    rates: tuple[Rate, ...] = ()


class MissingGroup(Frozen):
    """Cells that were not measured for the same reason."""

    state: MeasurementState
    reason: str
    cells: tuple[str, ...]


class ToolUse(Frozen):
    """How one version of a tool was used in this pipeline.

    Attributes:
        argv: command lines on the first app it ran on; the others are with their cells.
        duration_s: tool time that was really spent; cached reports cost none.
        contended: apps whose figures were measured on a busy host.
    """

    analyzer: AnalyzerKind
    tool: str
    version: str
    rules_digest: str
    cells: StateCounts
    cached: int
    duration_s: float
    argv: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()
    contended: tuple[str, ...] = ()


class Effort(Frozen):
    """What the run cost and how often it had to begin again.

    Attributes:
        tool_seconds: tool time that counted, summed over tools that ran at once.
        wasted_seconds: tool time thrown away, as far as it was seen: of attempts that came to
            nothing, and of whole results that could not stand.
        wasted_ratio: (counted + thrown away) / counted; None when none counted.
    """

    tool_seconds: float = 0.0
    wasted_seconds: float = 0.0
    wasted_ratio: float | None = None
    restarts: int = 0
    retries: int = 0
    retries_by_cause: dict[str, int] = {}


class PipelineFacts(Frozen):
    """The pipeline itself."""

    id: str
    state: str
    created_at: datetime | None = None
    finished_at: datetime | None = None
    spec: dict[str, Any] = {}
    detail: dict[str, Any] = {}


class Totals(Frozen):
    """The whole fleet."""

    apps: StateCounts
    unfinished: int = 0
    cells: StateCounts
    findings: tuple[FindingTally, ...] = ()
    rates: tuple[Rate, ...] = ()


class FleetReport(Frozen):
    """Everything a reader of one pipeline may ask for.

    Attributes:
        matrix: state by app (`model/app1`) and cell (`static/bandit`); complete, without holes.
    """

    schema_version: str = SCHEMA_VERSION
    generated_at: datetime
    verdict: str
    pipeline: PipelineFacts
    totals: Totals
    effort: Effort
    models: tuple[ModelReport, ...]
    apps: tuple[AppReport, ...]
    cells: tuple[CellReport, ...]
    matrix: dict[str, dict[str, MeasurementState]]
    missing: tuple[MissingGroup, ...]
    tools: tuple[ToolUse, ...]
