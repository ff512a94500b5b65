"""How values are written for people."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from contract.analysis import Coverage, Finding, MeasurementState
from contract.weakness import BaselineState
from reports.counts import StateCounts
from reports.model import NotLookedAt
from reports.parts import MedianFigure
from reports.study.compared import Comparison
from reports.study.figures import Measure

UNKNOWN = "—"
_BLANK = "\N{NO-BREAK SPACE}"

STATE_LABELS = {
    MeasurementState.MEASURED: "measured",
    MeasurementState.APP_FAILED: "app failed",
    MeasurementState.INFRA_FAILED: "not measured",
    MeasurementState.NOT_APPLICABLE: "not applicable",
}
STATE_SYMBOLS = {
    MeasurementState.MEASURED: "✓",
    MeasurementState.APP_FAILED: "✕",
    MeasurementState.INFRA_FAILED: "?",
    MeasurementState.NOT_APPLICABLE: "–",
}
_UNITS = {"percent": "%", "1/s": "/s"}
_SHORT_UNITS = frozenset({"ms", "1/s", "bytes", "ratio", "percent"})
_VERDICTS = {
    "tied": "no difference shown",
    "within noise": "equal: within the noise of one app",
    "unknown": "unknown",
}
_LABELS = {"lighthouse_performance": "score, of 100", "app_memory_max": "memory of the app"}
_BASELINE_LABELS = {
    BaselineState.NEW: "new",
    BaselineState.UNCHANGED: "unchanged",
    BaselineState.FIXED: "fixed",
    BaselineState.UNKNOWN: "new or not: unknown",
}
METRIC_LABELS = {
    "throughput_at_objective": "at objective",
    "throughput": "throughput",
    "latency_p50": "p50",
    "latency_p95": "p95",
    "latency_p99": "p99",
    "latency_max": "max",
    "error_ratio": "errors",
    "requests": "requests",
}


def state_label(state: MeasurementState | None) -> str:
    """A state in words."""
    return STATE_LABELS[state] if state else "not finished"


def app_state_label(state: MeasurementState | None) -> str:
    """The state of a whole app in words: a single cell that failed makes it incomplete."""
    return "incomplete" if state is MeasurementState.INFRA_FAILED else state_label(state)


def state_symbol(state: MeasurementState | None) -> str:
    """A state as a sign, for those who do not see its colour."""
    return STATE_SYMBOLS[state] if state else "…"


def count(value: int | None) -> str:
    """A count; an unknown one is a dash, never a zero."""
    return UNKNOWN if value is None else f"{value:,}"


def percent(value: float | None) -> str:
    """A ratio of 0..1 as a percentage."""
    return UNKNOWN if value is None else f"{value * 100:.3g}{_BLANK}%"


def whole_percent(value: float) -> str:
    """A ratio as a percentage without decimals: intervals are not that precise."""
    return f"{value * 100:.0f}{_BLANK}%"


def seconds(value: float | None) -> str:
    """A duration in the largest unit that keeps it readable."""
    if value is None:
        return UNKNOWN
    if value < 60:
        return f"{value:.2g} s" if value < 10 else f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def quantity(value: float | None, unit: str) -> str:
    """A measured number with its unit."""
    if value is None:
        return UNKNOWN
    if unit == "ratio":
        return percent(value)
    if unit == "bytes":
        return _bytes(value)
    text = f"{value:,.0f}" if value == int(value) or abs(value) >= 1_000 else f"{value:,.4g}"
    return text if unit in ("count", "score", "") else f"{text} {_UNITS.get(unit, unit)}"


def spread(figure: MedianFigure) -> str:
    """`3.1 to 64 ms`: the smallest and the largest app, with one unit; empty for one app."""
    if figure.apps < 2:
        return ""
    low, high = (quantity(value, figure.unit) for value in (figure.low, figure.high))
    number, *unit = low.split()
    return f"{number if high.split()[1:] == unit else low} to {high}"


def _bytes(value: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if abs(value) < 1024:
            return f"{value:.4g} {unit}"
        value /= 1024
    return f"{value:.4g} GiB"


def moment(value: datetime | None) -> str:
    """A moment, to the minute, in UTC."""
    return UNKNOWN if value is None else value.strftime("%Y-%m-%d %H:%M UTC")


def coverage(value: Coverage | None) -> str:
    """What a tool looked at, and out of how much."""
    if value is None:
        return UNKNOWN
    given = f" of {value.given:,}" if value.given is not None else ""
    return f"{value.reached:,}{given} {value.unit}"


def unseen(groups: Sequence[NotLookedAt]) -> str:
    """`12 like the answer to a random path, 3 led to a login`; empty where all was looked at."""
    parts = [
        f"{'at least ' * group.at_least}{group.count:,} {group.reason}".strip()
        for group in groups
        if group.reason
    ]
    rest = sum(group.count for group in groups if not group.reason)
    if rest:
        parts.append(f"{rest:,} more" if parts else f"{rest:,} without a reason")
    return ", ".join(parts)


def place(finding: Finding) -> str:
    """Where a finding is: file and line, or HTTP operation."""
    location = finding.location
    source = location.path or ""
    if source and location.line:
        source += f":{location.line}"
    operation = f"{location.method or 'GET'} {location.url}" if location.url else ""
    parameter = f"[{location.parameter}]" if location.parameter else ""
    return " ".join(part for part in (source, operation, parameter) if part) or UNKNOWN


def witnesses(finding: Finding) -> str:
    """The tools that saw it, each once."""
    names = [witness.partition(":")[0] for witness in finding.witnesses] or [finding.tool]
    return ", ".join(dict.fromkeys(names))


def metric_label(name: str) -> str:
    """Heading of a metric's column."""
    return METRIC_LABELS.get(name) or _LABELS.get(name, name.replace("_", " "))


def baseline_label(state: BaselineState) -> str:
    """What a baseline says of a weakness."""
    return _BASELINE_LABELS[state]


def total(counts: StateCounts) -> int:
    """All cells (or apps), whatever their state."""
    return counts.total


def measured(value: float | None, measure: Measure) -> str:
    """A figure of a study as its measure says."""
    if value is None:
        return UNKNOWN
    if measure.kind in ("share", "pass_at_k"):
        return whole_percent(value)
    unit = measure.unit
    if unit == "s":
        return seconds(value)
    if unit in _SHORT_UNITS:
        return quantity(value, unit)
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def p_value(value: float | None) -> str:
    """A p-value; a very small one is a bound, never zero."""
    if value is None:
        return UNKNOWN
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def pair_verdict(pair: Comparison) -> str:
    """What is shown of two models."""
    named = {"first": f"{pair.first} is better", "second": f"{pair.second} is better"}
    return named.get(pair.verdict) or _VERDICTS[pair.verdict]


FILTERS: dict[str, Callable[..., Any]] = {
    "state_label": state_label,
    "app_state_label": app_state_label,
    "state_symbol": state_symbol,
    "count": count,
    "percent": percent,
    "whole_percent": whole_percent,
    "seconds": seconds,
    "quantity": quantity,
    "spread": spread,
    "moment": moment,
    "coverage": coverage,
    "unseen": unseen,
    "place": place,
    "witnesses": witnesses,
    "metric_label": metric_label,
    "baseline_label": baseline_label,
    "total": total,
    "measured": measured,
    "p_value": p_value,
    "pair_verdict": pair_verdict,
}
