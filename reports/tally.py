"""Counts: how many are known, out of how many; None if nothing is known."""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from functools import lru_cache

from contract.analysis import Category, Finding, MeasurementState, Severity
from contract.analyzers import AnalyzerKind
from contract.left_out import LeftOut
from contract.weakness import Origin, Weakness
from reports.counts import FindingTally, StateCounts
from reports.model import CellReport


def count_states(states: Iterable[MeasurementState | None]) -> StateCounts:
    """How many there are of each state; None (unfinished) is none of them."""
    counts = Counter(state for state in states if state is not None)
    return _states(*(counts[state] for state in MeasurementState))


@lru_cache(maxsize=50_000)
def _states(*counts: int) -> StateCounts:
    """Counts in the order of states; apps with equal counts share the value."""
    named = zip(MeasurementState, counts, strict=True)
    return StateCounts(**{state.value: count for state, count in named})


def speaks_about(category: Category, cell: CellReport) -> bool:
    """Whether the cell's tool looks for findings of a category, or made one all the same.

    A load test that found nothing is no proof of a secure app.
    """
    findings = cell.report.findings
    return category in cell.looks_for or any(found.category is category for found in findings)


def tallies(
    cells: Sequence[CellReport],
    findings: Sequence[Finding],
    fused: Container[AnalyzerKind],
    unlisted: Sequence[LeftOut] = (),
) -> tuple[FindingTally, ...]:
    """Findings of one app by category; none of a category that no cell looks for at all.

    Args:
        cells: all its cells.
        findings: all its findings, after fusion where there was one.
        fused: analyzers whose findings were fused.
        unlisted: those that were made and are not in `findings`, because a list was cut.
    """
    found = (_tally(category, cells, findings, fused, unlisted) for category in Category)
    return tuple(one for one in found if one is not None)


def _tally(
    category: Category,
    cells: Sequence[CellReport],
    findings: Sequence[Finding],
    fused: Container[AnalyzerKind],
    unlisted: Sequence[LeftOut],
) -> FindingTally | None:
    looking = [cell for cell in cells if speaks_about(category, cell)]
    if not looking:
        return None
    measured = [cell for cell in looking if cell.state is MeasurementState.MEASURED]
    states = count_states(cell.state for cell in looking)
    if not measured:
        return FindingTally(category=category, cells=states)
    mine = _counted(category, findings, unlisted)
    kinds = {cell.analyzer in fused for cell in measured}
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


def told_apart(
    tallies: Iterable[FindingTally], weaknesses: Iterable[Weakness]
) -> tuple[FindingTally, ...]:
    """The tallies of one app with how many of its weaknesses are not held against its author."""
    every = list(weaknesses)
    return tuple(_told_apart(tally, every) for tally in tallies)


def _told_apart(tally: FindingTally, weaknesses: Iterable[Weakness]) -> FindingTally:
    mine = [one for one in weaknesses if one.finding.category is tally.category]
    origins = Counter(one.origin for one in mine)
    apart = {
        "scaffold": origins[Origin.SCAFFOLD],
        "origin_unknown": origins[Origin.UNKNOWN],
        "suppressed": sum(one.suppression is not None for one in mine),
    }
    return tally.model_copy(update=apart) if any(apart.values()) else tally


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


def summed(tallies: Iterable[FindingTally]) -> tuple[FindingTally, ...]:
    """The tallies of several apps as those of all of them together, by category."""
    groups = {category: list[FindingTally]() for category in Category}
    for one in tallies:
        groups[one.category].append(one)
    return tuple(_sum(category, mine) for category, mine in groups.items() if mine)


def _sum(category: Category, tallies: Iterable[FindingTally]) -> FindingTally:
    every = list(tallies)
    known = [one for one in every if one.total is not None]
    states = total_of(one.cells for one in every)
    if not known:
        return FindingTally(category=category, cells=states)
    by_severity, by_cwe = Counter[Severity](), Counter[str]()
    for one in known:
        by_severity.update(one.by_severity or {})
        by_cwe.update(one.by_cwe or {})
    kinds = {one.counted for one in known}
    return FindingTally(
        category=category,
        cells=states,
        total=sum(one.total or 0 for one in known),
        by_severity={severity: by_severity[severity] for severity in Severity},
        by_cwe=dict(sorted(by_cwe.items(), key=lambda item: (-item[1], item[0]))),
        counted=known[0].counted if len(kinds) == 1 else "mixed",
        scaffold=sum(one.scaffold for one in known),
        origin_unknown=sum(one.origin_unknown for one in known),
        suppressed=sum(one.suppressed for one in known),
    )


def total_of(counts: Iterable[StateCounts]) -> StateCounts:
    """The sum of several counts."""
    totals = Counter[str]()
    for one in counts:
        totals.update({state.value: getattr(one, state.value) for state in MeasurementState})
    return StateCounts(**totals)
