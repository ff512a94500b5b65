"""What `report.json` and the documents of its apps are. An unknown count is None, never zero."""

from datetime import datetime

from contract.analysis import Category, Finding, MeasurementState, ToolReport
from contract.analyzers import AnalyzerKind
from contract.base import Frozen
from contract.control import AnswerSheet
from contract.outcome import AppFacts
from contract.record import CellRecord
from contract.spec import AppRef, AppRole
from contract.weakness import Weakness
from reports.baseline_results import BaselineReport
from reports.control_results import ControlsReport
from reports.counts import FindingTally, Rate, StateCounts
from reports.family_results import Families
from reports.parts import Effort, MissingGroup, ModelReport, PipelineFacts, ToolUse, Totals
from reports.study.model import Study
from reports.summary import AppSummary
from reports.suppressions import SuppressionUse

SCHEMA_VERSION = "3.0"


class LoadFigures(Frozen):
    """What one load test measured on one target; `figures` by metric name, units in `units`."""

    tool: str
    target: str
    figures: dict[str, float]
    units: dict[str, str]


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
    """One app, whole: a document of its own (`apps/<name>.json`) beside the report of its fleet.

    Attributes:
        pipeline_id, generated_at: of the report that it belongs to.
        state: None only while the pipeline still runs.
        cells: one for each tool of the fleet that was to look at it, without holes.
        states: its cells by state.
        weaknesses: its findings after fusion; if nothing was fused, the findings of its tools.
        gone: weaknesses that its baseline has and it has not: `fixed`, or nobody knows. They are in
            no count of what it has.
        syntax_errors: the weaknesses that say that a file cannot be parsed; no security findings.
        folder: its folder below that of its fleet, as it is called there; in the form that every
            system takes, if its source was not in such a folder; empty: an older document.
        main_file: the file that stands for the whole app; empty: unknown.
        sheet: what the tools should find, of a control app alone.
        facts: what became known of it while it was built, run and removed.
    """

    schema_version: str = SCHEMA_VERSION
    pipeline_id: str
    generated_at: datetime
    ref: AppRef
    role: AppRole = AppRole.SUBJECT
    template: str | None = None
    source_digest: str = ""
    folder: str = ""
    main_file: str = ""
    sheet: AnswerSheet | None = None
    state: MeasurementState | None = None
    reason: str = ""
    states: StateCounts
    findings: tuple[FindingTally, ...] = ()
    weaknesses: tuple[Weakness, ...] = ()
    gone: tuple[Weakness, ...] = ()
    syntax_errors: tuple[Finding, ...] = ()
    load: tuple[LoadFigures, ...] = ()
    scores: tuple[Score, ...] = ()
    requirements: tuple[RequirementVerdict, ...] = ()
    rates: tuple[Rate, ...] = ()
    facts: AppFacts = AppFacts()
    cells: tuple[CellReport, ...] = ()


class FleetReport(Frozen):
    """Everything a reader of one pipeline may ask for, but what is in the documents of its apps.

    Attributes:
        totals, models, matrix, missing, tools: of the apps that the pipeline is about.
        apps: these apps, in the order of the plan.
        others: control apps, the scaffold and repeats; they count in no figure of a model.
        matrix: state by app (`model/app1`) and cell (`static/bandit`); complete, without holes.
        controls: what control apps say of the tools.
        void: columns that count as not measured on every app, by name of the cell, with the reason.
        study: figures of models and templates with intervals, tests and tied sets.
        missing_left_out: cells that were not measured for reasons that `missing` does not list.
        families: weaknesses that several apps share.
        baseline: what an earlier pipeline says of the weaknesses; None: the spec names none.
        suppressions: decisions that weaknesses need no action, and what each of them did.
    """

    schema_version: str = SCHEMA_VERSION
    generated_at: datetime
    verdict: str
    pipeline: PipelineFacts
    totals: Totals
    effort: Effort
    models: tuple[ModelReport, ...]
    apps: tuple[AppSummary, ...]
    others: tuple[AppSummary, ...] = ()
    matrix: dict[str, dict[str, MeasurementState]]
    void: dict[str, str] = {}
    controls: ControlsReport = ControlsReport()
    study: Study = Study()
    missing: tuple[MissingGroup, ...]
    missing_left_out: int = 0
    tools: tuple[ToolUse, ...]
    families: Families = Families()
    baseline: BaselineReport | None = None
    suppressions: tuple[SuppressionUse, ...] = ()
