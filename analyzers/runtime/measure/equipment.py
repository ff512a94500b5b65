"""What every subtask of one service works with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from analyzers.runtime.measure.cache import ReportCache
from analyzers.runtime.measure.canary import CanaryKeeper
from analyzers.runtime.measure.cores import CpuBudget
from analyzers.runtime.measure.counts import Counts
from analyzers.runtime.measure.weights import Weights
from analyzers.runtime.tool import Tool
from contract.analysis import Finding, ToolReport
from contract.analyzers import AnalyzerKind

Fuse = Callable[[Sequence[ToolReport]], Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Equipment:
    """What every subtask of one service works with.

    Attributes:
        code: digest of the service's own code, see `code_digest`.
        load_lock: of the host, whose load tests the tools give way to, see `GivingWay`.
        fuse: joins findings of several tools about one flaw; None: the service does not fuse.
        weights: how long the tools are expected to take.
        counts: what is measured, for metrics.
    """

    kind: AnalyzerKind
    tools: Sequence[Tool]
    tools_dir: Path
    budget: CpuBudget
    canaries: CanaryKeeper
    cache: ReportCache
    code: str
    fuse: Fuse | None = None
    weights: Weights = field(default_factory=Weights)
    load_lock: Path | None = None
    counts: Counts | None = None
