"""What control apps say of the tools: types of `FleetReport.controls`."""

from typing import Literal

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.base import Frozen
from contract.outcome import ALL_TOOLS
from contract.spec import AppRef


class LabelResult(Frozen):
    """One labelled weakness of a control app, and who saw it.

    Attributes:
        place: `app.py:110`, and `POST /login` where an operation shows it.
        seen_by: tools that saw it, `static/bandit`.
        missed_by: tools that must see it, looked, and did not.
    """

    id: str
    cwe: int
    title: str
    severity: Literal["critical", "high", "medium", "low"]
    place: str
    seen_by: tuple[str, ...] = ()
    missed_by: tuple[str, ...] = ()


class FalseAlarm(Frozen):
    """A security finding on a control app that has no weakness."""

    tool: str
    rule_id: str
    severity: str
    confidence: str
    place: str


class ControlResult(Frozen):
    """One control app.

    Attributes:
        name: `careless-1/app2`.
        behaves: how it is made to behave; `ok`: it runs.
        state: None while it has not ended.
        is_clean: it has no weakness, so that each security finding on it is false.
        false_alarms: at most 50 of them, if it is clean.
    """

    ref: AppRef
    name: str
    description: str = ""
    behaves: str = "ok"
    state: MeasurementState | None = None
    reason: str = ""
    is_clean: bool = False
    labels: tuple[LabelResult, ...] = ()
    false_alarms: tuple[FalseAlarm, ...] = ()


class ToolScore(Frozen):
    """What the controls say of one tool, or of several tools together.

    Attributes:
        analyzer: None: of all analyzers together.
        tool: its name; `*`: all tools of the analyzer after fusion.
        labels: labelled weaknesses that its analyzer could see, on the controls that it looked at;
            0 if no label is of its kind.
        found: how many of these it saw.
        missed: the others, `careless-1/app1/sqli-login`.
        unknown: labels on controls that it did not look at: nobody knows whether it sees them.
        recall: found / labels; None: nothing is known.
        interval: 95 % Wilson interval of `recall`.
        clean: controls without weaknesses that it looked at.
        false_alarms: its security findings on these; None: it looked at none.
        believed: those of them that it is not unsure of (`low` confidence).
        versions: with which it looked at the controls.
        other_versions: cells of subjects that another version of it, or other rules, measured: the
            score does not speak for these.
        not_measured: controls that it did not look at, each with the reason.
        void: why no measurement of it counts in this pipeline; empty: they count.
    """

    analyzer: AnalyzerKind | None
    tool: str
    labels: int = 0
    found: int = 0
    missed: tuple[str, ...] = ()
    unknown: int = 0
    recall: float | None = None
    interval: tuple[float, float] | None = None
    clean: int = 0
    false_alarms: int | None = None
    believed: int | None = None
    versions: tuple[str, ...] = ()
    other_versions: int = 0
    not_measured: tuple[str, ...] = ()
    void: str = ""

    @property
    def label(self) -> str:
        """How people name what the score is of."""
        if self.analyzer is None:
            return "all analyzers together"
        fused = self.tool == ALL_TOOLS
        return f"{self.analyzer}, fused" if fused else f"{self.analyzer}/{self.tool}"


class VoidColumn(Frozen):
    """A tool that missed what it must see: none of its measurements counts."""

    analyzer: AnalyzerKind
    tool: str
    reason: str


class ControlsReport(Frozen):
    """What the control apps of a pipeline say of its tools.

    Attributes:
        why_none: why there are none; empty: there are some.
        tools: tools that look for weaknesses.
        fused: each analyzer after fusion, then all of them together.
        void: tools whose measurements do not count.
    """

    why_none: str = ""
    controls: tuple[ControlResult, ...] = ()
    tools: tuple[ToolScore, ...] = ()
    fused: tuple[ToolScore, ...] = ()
    void: tuple[VoidColumn, ...] = ()
