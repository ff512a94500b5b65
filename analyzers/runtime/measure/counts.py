"""What measurements count and time, in a registry of one service: a process may have several."""

import time
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from analyzers.runtime.measure.verdicts import CanaryVerdict
from contract.analysis import MeasurementState, ToolReport
from contract.analyzers import AnalyzerKind
from telemetry.spans import exemplar

disable_created_metrics()
_TOOL_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)


@dataclass(slots=True)
class Counts:
    """Counters of one analyzer.

    Attributes:
        kind: of the analyzer.
        answered_at_s: when a tool last measured something (seconds since 1970), by tool: then it
            had what it needs, its advisories too.
    """

    kind: AnalyzerKind
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    answered_at_s: dict[str, float] = field(default_factory=dict[str, float])
    _tools: Histogram = field(init=False)
    _cache: Counter = field(init=False)
    _canaries: Counter = field(init=False)

    def __post_init__(self) -> None:
        """Make the metrics."""
        self._tools = Histogram(
            "assay_tool_seconds",
            "Time of one tool on one app, by the state of its cell; reused reports do not count.",
            ["analyzer", "tool", "state"],
            registry=self.registry,
            buckets=_TOOL_S,
        )
        self._cache = Counter(
            "assay_result_cache_requests",
            "Reports that were looked for in the result cache, by outcome (hit, miss).",
            ["analyzer", "outcome"],
            registry=self.registry,
        )
        self._canaries = Counter(
            "assay_canary_runs",
            "Canaries that were run, by outcome (seen, blind, no_source).",
            ["analyzer", "tool", "outcome"],
            registry=self.registry,
        )

    def measured(self, cell: ToolReport, took_s: float) -> None:
        """A tool has filled its cell, and took so long."""
        self._tools.labels(self.kind.value, cell.tool, cell.state.value).observe(took_s, exemplar())
        if cell.state is MeasurementState.MEASURED:
            self.answered_at_s[cell.tool] = time.time()

    def looked_up(self, *, hit: bool) -> None:
        """A report was looked for in the cache."""
        self._cache.labels(self.kind.value, "hit" if hit else "miss").inc()

    def canary(self, verdict: CanaryVerdict) -> None:
        """A canary was run."""
        outcome = "seen" if verdict.ok else "no_source" if verdict.lacks_source else "blind"
        self._canaries.labels(self.kind.value, verdict.tool, outcome).inc()
