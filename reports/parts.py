"""What the report of a fleet is made of beside its apps."""

from datetime import datetime
from typing import Any

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.base import Frozen
from reports.counts import FindingTally, Rate, StateCounts


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
        count: how many there are; `cells` names at most 50 of them.
        notes: if the apps failed, what of their files was not honoured or was replaced.
    """

    state: MeasurementState
    reason: str
    count: int
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
