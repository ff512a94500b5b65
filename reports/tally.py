"""Counting: what is known, out of how much, and None where nothing is known."""

from collections import Counter
from collections.abc import Container, Iterable

from contract.analysis import Category, Finding, MeasurementState, Severity
from contract.spec import AnalyzerKind
from reports.model import CellReport, FindingTally, StateCounts

# Which analyzers look for what: a load test that found nothing is no proof of a secure app.
LOOKED_FOR_BY: dict[Category, frozenset[AnalyzerKind]] = {
    Category.SECURITY: frozenset({AnalyzerKind.STATIC, AnalyzerKind.DYNAMIC}),
    Category.QUALITY: frozenset({AnalyzerKind.STATIC}),
    Category.ACCESSIBILITY: frozenset({AnalyzerKind.DYNAMIC}),
    Category.REQUIREMENT: frozenset({AnalyzerKind.AI}),
}
FusedKey = tuple[str, int, AnalyzerKind]


def count_states(states: Iterable[MeasurementState | None]) -> StateCounts:
    """How many there are of each state; None (unfinished) is none of them."""
    counts = Counter(state.value for state in states if state is not None)
    return StateCounts(**counts)


def cells_looking_for(category: Category, cells: Iterable[CellReport]) -> list[CellReport]:
    """Cells that speak about a category: by their analyzer, or because they found something."""
    kinds = LOOKED_FOR_BY[category]
    return [
        cell
        for cell in cells
        if cell.analyzer in kinds or any(found.category is category for found in cell.findings)
    ]


def tally(
    category: Category,
    cells: Iterable[CellReport],
    findings: Iterable[Finding],
    fused: Container[FusedKey],
) -> FindingTally | None:
    """Findings of one category; None when no cell looks for it at all.

    Args:
        category: what to count.
        cells: all cells in question.
        findings: all their findings, after fusion where there was one.
        fused: which analyzers' findings of which app were fused.
    """
    looking = cells_looking_for(category, cells)
    if not looking:
        return None
    measured = [cell for cell in looking if cell.state is MeasurementState.MEASURED]
    states = count_states(cell.state for cell in looking)
    if not measured:
        return FindingTally(category=category, cells=states)
    mine = [finding for finding in findings if finding.category is category]
    kinds = {(cell.model, cell.app_number, cell.analyzer) in fused for cell in measured}
    return FindingTally(
        category=category,
        cells=states,
        total=len(mine),
        by_severity={
            severity: sum(finding.severity is severity for finding in mine) for severity in Severity
        },
        by_cwe=_by_cwe(mine),
        counted="mixed" if len(kinds) > 1 else "fused" if True in kinds else "tools",
    )


def _by_cwe(findings: Iterable[Finding]) -> dict[str, int]:
    """Findings by their most specific weakness, the most frequent first."""
    counts = Counter(f"CWE-{finding.cwe[0]}" for finding in findings if finding.cwe)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
