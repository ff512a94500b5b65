"""What the run cost, and with which tools."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.outcome import ALL_TOOLS
from reports.counts import StateCounts
from reports.model import AppReport, CellReport
from reports.parts import Effort, ToolUse

_NOTES, _NOTE_CHARS, _CONTENDED = 20, 2_000, 1_000
_Version = tuple[AnalyzerKind, str, str, str]


class EffortSpent:
    """Reducer: the workflow's own account where it left one, else what the cells add up to."""

    def __init__(self, detail: Mapping[str, Any]) -> None:
        self._detail = dict(detail)
        self._spent = self._wasted = self._saved = 0.0

    def add(self, app: AppReport) -> None:
        """Count an app."""
        for cell in app.cells:
            self._spent += cell.record.tool_seconds
            self._wasted += cell.record.wasted_seconds
            self._saved += cell.record.saved_seconds

    def result(self) -> Effort:
        """What all apps cost together."""
        if "tool_seconds" in self._detail:
            return Effort.model_validate(self._detail)
        spent, wasted = self._spent, self._wasted
        return Effort(
            tool_seconds=round(spent, 3),
            wasted_seconds=round(wasted, 3),
            saved_seconds=round(self._saved, 3),
            wasted_ratio=round((spent + wasted) / spent, 4) if spent else None,
        )


@dataclass(slots=True)
class _Use:
    """What is known so far of one version of a tool; the notes that sort first are kept."""

    states: Counter[str] = field(default_factory=Counter[str])
    cached: int = 0
    spent_s: float = 0.0
    saved_s: float = 0.0
    argv: tuple[tuple[str, ...], ...] = ()
    notes: list[str] = field(default_factory=list[str])
    contended: list[str] = field(default_factory=list[str])

    def add(self, cell: CellReport) -> None:
        how = cell.report.provenance
        self.states[cell.state.value] += 1
        self.cached += cell.cached
        self.spent_s += 0.0 if cell.cached else how.duration_s
        self.saved_s += how.duration_s if cell.cached else 0.0
        self.argv = self.argv or how.argv
        notes = {note[:_NOTE_CHARS] for note in how.remarks}
        self.notes = sorted(notes.union(self.notes))[:_NOTES] if notes else self.notes
        if is_contended(cell) and len(self.contended) < _CONTENDED:
            self.contended.append(cell.ref.label)


class ToolsUsed:
    """Reducer: each version of each tool once, with what a reader needs to repeat its work."""

    def __init__(self) -> None:
        self._uses: dict[_Version, _Use] = {}
        self.without_source: set[str] = set()

    def add(self, app: AppReport) -> None:
        """Count an app."""
        for cell in app.cells:
            if cell.report.lacks_source:
                self.without_source.add(cell.tool)
            if cell.recorded and cell.tool != ALL_TOOLS:
                digest = cell.report.provenance.rules_digest
                key = (cell.analyzer, cell.tool, cell.report.version, digest)
                self._uses.setdefault(key, _Use()).add(cell)

    def result(self) -> tuple[ToolUse, ...]:
        """By analyzer and name."""
        return tuple(_tool_use(key, self._uses[key]) for key in sorted(self._uses, key=_by_name))


def _tool_use(key: _Version, use: _Use) -> ToolUse:
    analyzer, tool, version, digest = key
    return ToolUse(
        analyzer=analyzer,
        tool=tool,
        version=version,
        rules_digest=digest,
        cells=StateCounts(**use.states),
        cached=use.cached,
        duration_s=round(use.spent_s, 3),
        saved_s=round(use.saved_s, 3),
        argv=use.argv,
        notes=tuple(use.notes),
        contended=tuple(use.contended),
    )


def is_contended(cell: CellReport) -> bool:
    """Whether a load test saw a busy host: each of its operations carries the flag, 0 or 1."""
    return any(metric.name == "contended" and metric.value for metric in cell.report.metrics)


def lacks(cell: CellReport) -> bool:
    """Whether the platform failed it; not if only a source outside gave no answer."""
    return cell.state is MeasurementState.INFRA_FAILED and not cell.report.lacks_source


def _by_name(key: _Version) -> tuple[int, str]:
    analyzer, *names = key
    return list(AnalyzerKind).index(analyzer), " ".join(names)
