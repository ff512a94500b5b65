"""What `report.json` is. Counts are None, never zero, where nothing was measured."""

from datetime import datetime
from typing import Any

from contract.analysis import Category, Finding, MeasurementState, ToolReport
from contract.analyzers import AnalyzerKind
from contract.base import Frozen
from contract.outcome import AppFacts
from contract.record import CellRecord
from contract.spec import AppRef, AppRole
from contract.weakness import Weakness
from reports.counts import FindingTally, Rate, StateCounts

SCHEMA_VERSION = "3.0"


class LoadFigures(Frozen):
    """What one load test measured on one target; `figures` by metric name, units in `units`."""

    tool: str
    target: str
    figures: dict[str, float]
    units: dict[str, str]


class MedianFigure(Frozen):
    """The median of one load figure over apps, in `unit`.

    Attributes:
        low, high: the smallest and the largest figure of an app.
        apps: how many apps have this figure.
        at_least: the median may be higher, as the load ended before some apps did (`censored`).
    """

    median: float
    low: float
    high: float
    apps: int
    unit: str
    at_least: bool = False


class ModelLoad(Frozen):
    """What one load test says of a model's apps; an app that was not measured is no number.

    Attributes:
        cells: its apps by what became of this load test.
        contended: measured, but on a busy host: in no figure.
        figures: by metric name. An app's own figure is the median over its operations; of memory,
            the sum over its services.
    """

    tool: str
    cells: StateCounts
    contended: int = 0
    figures: dict[str, MedianFigure] = {}


class Score(Frozen):
    """One number that a judge gave, or what it cost to ask it.

    Attributes:
        target: the judge; empty: the number is of the whole app.
    """

    tool: str
    name: str
    value: float
    unit: str
    target: str = ""


class RequirementVerdict(Frozen):
    """What the judges say of one declared requirement: `met`, `not_met` or `cannot_tell`.

    Attributes:
        judges: verdict of each judge by its model.
        reason: the reason of the first judge who agrees with the verdict.
    """

    tool: str
    id: str
    text: str
    verdict: str
    judges: dict[str, str] = {}
    reason: str = ""


class NotLookedAt(Frozen):
    """How much a tool did not look at for one reason; `reason` is empty if none is known.

    Attributes:
        at_least: whether there may be more, because a report names only a sample.
    """

    reason: str
    count: int
    at_least: bool = False


class CellReport(Frozen):
    """One (app, tool) cell: its record, and what a reader asks of it.

    Attributes:
        record: what the store holds; for a cell that never came, a stand-in that says why.
        looks_for: categories of the findings that its tool looks for.
        finding_count: None when not measured, or when the tool looks for no findings.
        not_looked_at: what the tool was given and did not look at, by reason.
        cached: the report of an earlier, identical run was used.
        recorded: False for a cell that was expected and never came.
    """

    record: CellRecord
    looks_for: tuple[Category, ...] = ()
    finding_count: int | None = None
    not_looked_at: tuple[NotLookedAt, ...] = ()
    cached: bool = False
    recorded: bool = True

    @property
    def ref(self) -> AppRef:
        """Its app."""
        return self.record.ref

    @property
    def analyzer(self) -> AnalyzerKind:
        """Its analyzer."""
        return self.record.analyzer

    @property
    def report(self) -> ToolReport:
        """What its tool measured, or why it did not."""
        return self.record.report

    @property
    def tool(self) -> str:
        """Its tool; `*` where the analyzer never told its tools."""
        return self.record.tool

    @property
    def state(self) -> MeasurementState:
        """Whether it was measured, or who is at fault that it was not."""
        return self.record.state

    @property
    def name(self) -> str:
        """`static/bandit`: names the cell among those of its app."""
        return self.record.name


class AppReport(Frozen):
    """One app.

    Attributes:
        state: None only while the pipeline still runs.
        weaknesses: its findings after fusion; if nothing was fused, the findings of its tools.
        syntax_errors: the weaknesses that say that a file cannot be parsed; no security findings.
        main_file: the file that stands for the whole app; empty: unknown.
        facts: what became known of it while it was built, run and removed.
    """

    ref: AppRef
    role: AppRole = AppRole.SUBJECT
    template: str | None = None
    source_digest: str = ""
    main_file: str = ""
    state: MeasurementState | None = None
    reason: str = ""
    cells: StateCounts
    findings: tuple[FindingTally, ...] = ()
    weaknesses: tuple[Weakness, ...] = ()
    syntax_errors: tuple[Finding, ...] = ()
    load: tuple[LoadFigures, ...] = ()
    scores: tuple[Score, ...] = ()
    requirements: tuple[RequirementVerdict, ...] = ()
    rates: tuple[Rate, ...] = ()
    facts: AppFacts = AppFacts()


class Totals(Frozen):
    """Some apps together: those of one model, or the whole fleet."""

    apps: StateCounts
    unfinished: int = 0
    cells: StateCounts
    findings: tuple[FindingTally, ...] = ()
    rates: tuple[Rate, ...] = ()


class ModelReport(Frozen):
    """All apps of one model."""

    model: str
    totals: Totals
    load: tuple[ModelLoad, ...] = ()


class MissingGroup(Frozen):
    """Cells that were not measured for the same reason.

    Attributes:
        notes: if the apps failed, what of their files was not honoured or was replaced.
    """

    state: MeasurementState
    reason: str
    cells: tuple[str, ...]
    notes: tuple[str, ...] = ()


class ToolUse(Frozen):
    """How one version of a tool was used in this pipeline.

    Attributes:
        argv: command lines on the first app it ran on; the others are with their cells.
        duration_s: tool time that was really spent; cached reports cost none.
        saved_s: tool time that the cached ones took when they were made.
        contended: apps whose figures were measured on a busy host.
    """

    analyzer: AnalyzerKind
    tool: str
    version: str
    rules_digest: str
    cells: StateCounts
    cached: int
    duration_s: float
    saved_s: float = 0.0
    argv: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()
    contended: tuple[str, ...] = ()


class Effort(Frozen):
    """What the run cost, and how often work was repeated.

    Attributes:
        tool_seconds: tool time that counted, summed over tools that ran at once.
        wasted_seconds: tool time thrown away, as far as it was seen: of attempts that failed and
            left nothing to reuse, and of whole results that were withdrawn.
        saved_seconds: tool time of reports that were reused instead of made again.
        wasted_ratio: (counted + thrown away) / counted; None when none counted.
    """

    tool_seconds: float = 0.0
    wasted_seconds: float = 0.0
    saved_seconds: float = 0.0
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
