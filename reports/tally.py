"""Counts: how many are known, out of how many; None if nothing is known."""

from collections import Counter
from collections.abc import Container, Iterable

from contract.analysis import Category, Finding, MeasurementState, Severity
from contract.analyzers import AnalyzerKind
from contract.left_out import LeftOut
from contract.spec import AppRef
from reports.model import CellReport, FindingTally, StateCounts

FusedKey = tuple[AppRef, AnalyzerKind]


def count_states(states: Iterable[MeasurementState | None]) -> StateCounts:
    """How many there are of each state; None (unfinished) is none of them."""
    counts = Counter(state.value for state in states if state is not None)
    return StateCounts(**counts)


def speaks_about(category: Category, cell: CellReport) -> bool:
    """Whether the cell's tool looks for findings of a category, or made one all the same.

    A load test that found nothing is no proof of a secure app.
    """
    findings = cell.report.findings
    return category in cell.looks_for or any(found.category is category for found in findings)


def tally(
    category: Category,
    cells: Iterable[CellReport],
    findings: Iterable[Finding],
    fused: Container[FusedKey],
    unlisted: Iterable[LeftOut] = (),
) -> FindingTally | None:
    """Findings of one category; None when no cell looks for it at all.

    Args:
        category: what to count.
        cells: all cells in question.
        findings: all their findings, after fusion where there was one.
        fused: which analyzers' findings of which app were fused.
        unlisted: those that were made and are not in `findings`, because a list was cut.
    """
    looking = [cell for cell in cells if speaks_about(category, cell)]
    if not looking:
        return None
    measured = [cell for cell in looking if cell.state is MeasurementState.MEASURED]
    states = count_states(cell.state for cell in looking)
    if not measured:
        return FindingTally(category=category, cells=states)
    mine = _counted(category, findings, unlisted)
    kinds = {(cell.ref, cell.analyzer) in fused for cell in measured}
    return FindingTally(
        category=category,
        cells=states,
        total=mine.total(),
        by_severity={
            severity: sum(count for (mark, _), count in mine.items() if mark is severity)
            for severity in Severity
        },
        by_cwe=_by_cwe(mine),
        counted="mixed" if len(kinds) > 1 else "fused" if True in kinds else "tools",
    )


def _counted(
    category: Category, findings: Iterable[Finding], unlisted: Iterable[LeftOut]
) -> Counter[tuple[Severity, int | None]]:
    """How many there are, by severity and most specific weakness."""
    counts = Counter(
        (found.severity, found.cwe[0] if found.cwe else None)
        for found in findings
        if found.category is category
    )
    for row in unlisted:
        if row.category is category:
            counts[row.severity, row.cwe] += row.count
    return counts


def _by_cwe(counts: Counter[tuple[Severity, int | None]]) -> dict[str, int]:
    """Findings by their most specific weakness, the most frequent first."""
    by_cwe = Counter[str]()
    for (_, cwe), count in counts.items():
        if cwe is not None:
            by_cwe[f"CWE-{cwe}"] += count
    return dict(sorted(by_cwe.items(), key=lambda item: (-item[1], item[0])))
