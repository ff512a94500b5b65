"""What a list of findings does not hold, in numbers: no count comes from a list that was cut."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from contract.analysis import Category, Finding, Metric, Severity
from contract.base import Frozen

TRUE_COUNT = "findings_total"
TOOLS_KEY, FUSED_KEY = "findings_left_out", "fused_left_out"
_Kind = tuple[Category, Severity, int | None]


class LeftOut(Frozen):
    """So many findings of one kind; `cwe`: their most specific number."""

    category: Category
    severity: Severity
    cwe: int | None = None
    count: int


_READ = TypeAdapter(tuple[LeftOut, ...])


def left_out(whole: Iterable[Finding], kept: Iterable[Finding]) -> tuple[LeftOut, ...]:
    """What is in `whole` and not in `kept`, counted; `kept` are some of them."""
    counts = Counter(map(_kind, whole))
    counts.subtract(map(_kind, kept))
    return _rows(counts)


def added(one: Iterable[LeftOut], other: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    """Both together."""
    counts = Counter[_Kind]()
    for row in (*one, *other):
        counts[row.category, row.severity, row.cwe] += row.count
    return _rows(counts)


def _rows(counts: Counter[_Kind]) -> tuple[LeftOut, ...]:
    return tuple(
        LeftOut(category=category, severity=severity, cwe=cwe, count=count)
        for (category, severity, cwe), count in counts.items()
        if count > 0
    )


def noted(rows: Iterable[LeftOut]) -> list[dict[str, Any]]:
    """The rows as a cell's data keeps them."""
    return [row.model_dump(mode="json") for row in rows]


def read(data: Mapping[str, Any], key: str) -> tuple[LeftOut, ...]:
    """What a cell's data tells under `key`; nothing where it is not understood."""
    try:
        return _READ.validate_python(data.get(key, ()))
    except ValidationError:
        return ()


def true_count(findings: Iterable[Finding], metrics: Iterable[Metric]) -> int:
    """How many findings a tool made, whatever of them is listed."""
    told = next((int(one.value) for one in metrics if one.name == TRUE_COUNT), None)
    return sum(1 for _ in findings) if told is None else told


def _kind(found: Finding) -> _Kind:
    return found.category, found.severity, found.cwe[0] if found.cwe else None
