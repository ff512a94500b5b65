"""One app in a few hundred bytes: what tables of models, statistics and pictures are computed from.

A fleet's report holds one summary of each app. Findings stay in the app's own document.
"""

from datetime import datetime

from contract.analysis import MeasurementState, Severity
from contract.analyzers import AnalyzerKind, Category
from contract.base import Frozen
from contract.spec import AppRef, AppRole
from contract.weakness import BaselineState, Origin
from reports.counts import FindingTally, StateCounts
from reports.statistics.shares import Verdict


class LoadSummary(Frozen):
    """What one load test measured of an app.

    Attributes:
        state: of its cell.
        contended: it was measured on a busy host: its figures stand in no table.
        figures: the app's own figures by metric name, see `reports.speed`; units in `units`.
        ceilings: the most that a figure may really be where the load ended before the app did;
            None: there is no limit.
    """

    tool: str
    state: MeasurementState
    contended: bool = False
    figures: dict[str, float] = {}
    units: dict[str, str] = {}
    ceilings: dict[str, float | None] = {}


class AnalyzerSummary(Frozen):
    """What one analyzer has of an app.

    Attributes:
        findings: as its tools report them, before fusion; None: none that looks for any measured.
    """

    cells: StateCounts
    findings: int | None = None


class WeaknessCount(Frozen):
    """How many weaknesses of an app are alike.

    Attributes:
        cwe: the most specific one; None: none is known.
        sure: they are not the guess of a single tool, see `reports.rates.is_grave`.
        suppressed: a decision says that they need no action.
    """

    category: Category
    severity: Severity
    cwe: int | None = None
    family: str = ""
    origin: Origin = Origin.MODEL
    baseline: BaselineState | None = None
    sure: bool = True
    suppressed: bool = False
    count: int


class AppSummary(Frozen):
    """One app of a fleet. None stands for what was not measured, never zero.

    Attributes:
        name: of its files beside the report, without suffix.
        state: None only while the pipeline still runs.
        cells: its cells by state.
        analyzers: the same by analyzer.
        lacking: some cell was not measured for a reason of the platform other than a source outside
            that gave no answer.
        findings: its weaknesses counted, by category; see `FindingTally`.
        weaknesses: the same weaknesses in groups of equal ones.
        gone: weaknesses that its baseline alone has, in such groups.
        runs: it was built, started, answered and stayed up.
        functional: it runs, and its declared requirements or endpoints hold.
        secure: it runs as far as that was to be seen, every tool that looks for weaknesses had its
            look (but those that measured no app of the fleet, see `Requirement.left_out`), and none
            is sure of a high or critical one that counts.
        known_broken: it is known not to run, whether or not all looks were made.
        known_failing: it is known not to be `functional`, whether or not all looks were made.
        known_insecure: it is known not to be `secure`, whether or not all looks were made.
        started: whether it started at all; None: nobody knows.
        kloc: thousands of lines of its own code; None: not counted.
        load: one entry for each load test of the fleet.
        requirements: declared requirements by verdict (`met`, `not_met`, `cannot_tell`).
        scores: what judges gave, by name (the mean over judges).
        agreement: Krippendorff's alpha of the judges, by name of the score; None: not defined.
        cost_usd: what asking the judges cost; None: nobody was asked, or the price is not known.
        duration_s: from its first to its last subtask as far as recorded; None: not known.
        tool_seconds: tool time that counted for it.
    """

    ref: AppRef
    name: str = ""
    role: AppRole = AppRole.SUBJECT
    template: str | None = None
    source_digest: str = ""
    state: MeasurementState | None = None
    reason: str = ""
    cells: StateCounts = StateCounts()
    analyzers: dict[AnalyzerKind, AnalyzerSummary] = {}
    lacking: bool = False
    findings: tuple[FindingTally, ...] = ()
    weaknesses: tuple[WeaknessCount, ...] = ()
    gone: tuple[WeaknessCount, ...] = ()
    runs: Verdict = "missing"
    functional: Verdict = "missing"
    secure: Verdict = "missing"
    known_broken: bool = False
    known_failing: bool = False
    known_insecure: bool = False
    started: bool | None = None
    kloc: float | None = None
    load: tuple[LoadSummary, ...] = ()
    requirements: dict[str, int] = {}
    scores: dict[str, float] = {}
    agreement: dict[str, float | None] = {}
    cost_usd: float | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration_s: float | None = None
    tool_seconds: float = 0.0
