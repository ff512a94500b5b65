"""Two models on one measure: paired by template, with what is missing at its worst."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from reports.statistics.pairs import (
    FEWEST_BLOCKS,
    Paired,
    cliffs_delta,
    mcnemar_exact,
    wilcoxon_zsplit,
)
from reports.statistics.resampling import Interval, interval_of_delta, interval_of_mean
from reports.study.compared import Comparison
from reports.study.figures import Figure, Measure
from reports.study.seeing import Seen

Extremes = tuple[float, float]
"""The lowest and the highest value of a measure in the fleet: what a missing app may have."""


@dataclass(frozen=True, slots=True)
class Block:
    """What one model shows on one template.

    Attributes:
        value: None: none of its apps was measured.
        low, high: the value if what is missing were as low, and as high, as it could be.
        apps: measured apps.
    """

    value: float | None
    low: float
    high: float
    apps: int


@dataclass(frozen=True, slots=True)
class Pair:
    """A comparison without its verdict; `leaning` above 0: the test favours the first's values."""

    shown: Comparison
    leaning: float = 0.0


Blocks = Mapping[str, Block]


def blocks_of(measure: Measure, cells: Mapping[str, Sequence[Seen]], reach: Extremes) -> Blocks:
    """One model's templates; those to which the measure does not apply are left out."""
    found = {name: _block(measure, seen, reach) for name, seen in cells.items()}
    return {name: block for name, block in found.items() if block is not None}


def reach_of(measure: Measure, seen: Sequence[Seen]) -> Extremes:
    """Between which values a missing app is taken to lie."""
    if measure.kind == "share":
        return 0.0, 1.0
    values = [one.value / one.weight for one in seen if one.state == "seen"]
    return (min(values), max(values)) if values else (0.0, 0.0)


def _block(measure: Measure, seen: Sequence[Seen], reach: Extremes) -> Block | None:
    there = [one for one in seen if one.state == "seen"]
    missing = [one for one in seen if one.state == "missing"]
    if not there and not missing:
        return None
    values = [one.value / one.weight for one in there]
    bad = sum(one.bad for one in missing)
    low = [*values, *[reach[0]] * len(missing)]
    high = [*values, *[reach[1]] * (len(missing) - bad), *[reach[0]] * bad]
    reduced = median if measure.kind == "median" else fmean
    return Block(_value(measure, there), reduced(low), reduced(high), len(there))


def _value(measure: Measure, there: Sequence[Seen]) -> float | None:
    if not there:
        return None
    if measure.kind == "ratio":
        return sum(one.value for one in there) / sum(one.weight for one in there)
    values = [one.value for one in there]
    return median(values) if measure.kind == "median" else fmean(values)


def compare(measure: Measure, names: tuple[str, str], first: Blocks, second: Blocks) -> Pair:
    """The pair with its own p; correction and verdict come when all pairs are known."""
    shared = [name for name in first if name in second]
    pairs = [
        (a, b)
        for name in shared
        if (a := first[name].value) is not None and (b := second[name].value) is not None
    ]
    made = Comparison(
        measure=measure.name,
        first=names[0],
        second=names[1],
        blocks=len(pairs),
        left_out=len(first.keys() | second.keys()) - len(pairs),
    )
    if not pairs:
        reason = "no template on which both were measured"
        return Pair(made.model_copy(update={"reason": reason}))
    single = all(block.apps <= 1 for name in shared for block in (first[name], second[name]))
    tested, extra = _tested(measure, pairs, single=single)
    differences = [a - b for a, b in pairs]
    mean = fmean(differences)
    shown = made.model_copy(
        update={
            **extra,
            "difference": _figure(mean, interval_of_mean(differences), len(pairs)),
            "delta": _delta(measure, pairs),
            "p": tested.p,
            "turned": _can_turn(mean, [(first[name], second[name]) for name in shared]),
            "reason": _few(len(pairs)),
        }
    )
    return Pair(shown, tested.leaning)


def _tested(
    measure: Measure, pairs: Sequence[tuple[float, float]], *, single: bool
) -> tuple[Paired, dict[str, object]]:
    if measure.kind == "share" and single:
        one = sum(a > b for a, b in pairs)
        other = sum(a < b for a, b in pairs)
        extra: dict[str, object] = {
            "test": "McNemar, exact",
            "only_first": one,
            "only_second": other,
        }
        return mcnemar_exact(one, other), extra
    test = "Wilcoxon signed-rank, zeros split"
    return wilcoxon_zsplit([a - b for a, b in pairs]), {"test": test}


def _delta(measure: Measure, pairs: Sequence[tuple[float, float]]) -> Figure:
    if measure.kind == "share":
        return Figure(reason="of shares, the difference says it")
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    return _figure(cliffs_delta(first, second), interval_of_delta(first, second), len(pairs))


def _figure(value: float, found: Interval, n: int) -> Figure:
    return Figure(
        value=value,
        low=found.low,
        high=found.high,
        n=n,
        interval=found.method.replace("clusters", "templates"),
        reason=found.reason.replace("cluster", "template"),
    )


def _can_turn(mean: float, pairs: Sequence[tuple[Block, Block]]) -> bool:
    """Whether the mean difference could have the other sign if nothing were missing."""
    if mean > 0:
        return fmean(one.low - other.high for one, other in pairs) <= 0
    return mean < 0 and fmean(one.high - other.low for one, other in pairs) >= 0


def _few(blocks: int) -> str:
    if blocks >= FEWEST_BLOCKS:
        return ""
    return f"fewer than {FEWEST_BLOCKS} shared templates: no difference could be shown"
