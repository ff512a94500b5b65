"""What the run cost, and with which tools."""

from collections import defaultdict
from collections.abc import Iterable

from contract.analysis import Provenance
from contract.analyzers import AnalyzerKind
from contract.outcome import ALL_TOOLS
from contract.record import PipelineRecord
from reports.model import CellReport, Effort, ToolUse
from reports.tally import count_states


def effort_of(record: PipelineRecord) -> Effort:
    """The workflow's own account where it left one, else what the cells add up to."""
    if "tool_seconds" in record.detail:
        return Effort.model_validate(record.detail)
    spent = sum(cell.tool_seconds for cell in record.cells)
    wasted = sum(cell.wasted_seconds for cell in record.cells)
    saved = sum(cell.saved_seconds for cell in record.cells)
    return Effort(
        tool_seconds=round(spent, 3),
        wasted_seconds=round(wasted, 3),
        saved_seconds=round(saved, 3),
        wasted_ratio=round((spent + wasted) / spent, 4) if spent else None,
    )


def tools_used(cells: Iterable[CellReport]) -> tuple[ToolUse, ...]:
    """Each version of each tool once, with what a reader needs to repeat its work."""
    groups: defaultdict[tuple[AnalyzerKind, str, str, str], list[CellReport]] = defaultdict(list)
    for cell in cells:
        if cell.recorded and cell.tool != ALL_TOOLS:
            digest = cell.report.provenance.rules_digest
            groups[cell.analyzer, cell.tool, cell.report.version, digest].append(cell)
    return tuple(
        ToolUse(
            analyzer=analyzer,
            tool=tool,
            version=version,
            rules_digest=digest,
            cells=count_states(cell.state for cell in group),
            cached=sum(cell.cached for cell in group),
            duration_s=round(sum(c.report.provenance.duration_s for c in group if not c.cached), 3),
            saved_s=round(sum(c.report.provenance.duration_s for c in group if c.cached), 3),
            argv=next((how.argv for how in _provenances(group) if how.argv), ()),
            notes=tuple(sorted({note for how in _provenances(group) for note in how.remarks}))[:20],
            contended=tuple(c.ref.label for c in group if is_contended(c)),
        )
        for (analyzer, tool, version, digest), group in sorted(groups.items(), key=_by_name)
    )


def _provenances(cells: Iterable[CellReport]) -> Iterable[Provenance]:
    return (cell.report.provenance for cell in cells)


def is_contended(cell: CellReport) -> bool:
    """Whether a load test saw a busy host: each of its operations carries the flag, 0 or 1."""
    return any(metric.name == "contended" and metric.value for metric in cell.report.metrics)


def _by_name(group: tuple[tuple[AnalyzerKind, str, str, str], list[CellReport]]) -> tuple[int, str]:
    analyzer, *names = group[0]
    return list(AnalyzerKind).index(analyzer), " ".join(names)
