"""Counts of findings that a shortened list leaves out: no count is taken from a shortened list."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from contract.analysis import Category, Finding, Metric, Severity
from contract.base import Frozen

TRUE_COUNT = "findings_total"
TOOLS_KEY, FUSED_KEY = "findings_left_out", "fused_left_out"
Kind = tuple[Category, Severity, int | None]


class LeftOut(Frozen):
    """Number of findings of one kind that were left out; `cwe`: their most specific number."""

    category: Category
    severity: Severity
    cwe: int | None = None
    count: int


_READ = TypeAdapter(tuple[LeftOut, ...])


def left_out(whole: Iterable[Finding], kept: Iterable[Finding]) -> tuple[LeftOut, ...]:
    """Counts of what is in `whole` and not in `kept`, which is a part of it."""
    counts = Counter(map(kind_of, whole))
    counts.subtract(map(kind_of, kept))
    return _rows(counts)


def added(first: Iterable[LeftOut], second: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    """Sum of both."""
    counts = Counter[Kind]()
    for row in (*first, *second):
        counts[row.category, row.severity, row.cwe] += row.count
    return _rows(counts)


def _rows(counts: Counter[Kind]) -> tuple[LeftOut, ...]:
    return tuple(
        LeftOut(category=category, severity=severity, cwe=cwe, count=count)
        for (category, severity, cwe), count in counts.items()
        if count > 0
    )


def noted(rows: Iterable[LeftOut]) -> list[dict[str, Any]]:
    """The rows in the form in which a cell's data keeps them."""
    return [row.model_dump(mode="json") for row in rows]


def read(data: Mapping[str, Any], key: str) -> tuple[LeftOut, ...]:
    """The rows that a cell's data has under `key`; none where they cannot be read."""
    try:
        return _READ.validate_python(data.get(key, ()))
    except ValidationError:
        return ()


def kinds(data: Mapping[str, Any], key: str) -> frozenset[Kind]:
    """Kinds of the findings that a cell's data counts under `key`."""
    return frozenset((row.category, row.severity, row.cwe) for row in read(data, key))


def true_count(findings: Iterable[Finding], metrics: Iterable[Metric]) -> int:
    """How many findings a tool made, also those that are not listed."""
    total = next((int(metric.value) for metric in metrics if metric.name == TRUE_COUNT), None)
    return sum(1 for _ in findings) if total is None else total


def kind_of(found: Finding) -> Kind:
    """Kind under which a finding is counted where it is left out."""
    return found.category, found.severity, found.cwe[0] if found.cwe else None
