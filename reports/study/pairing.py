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
from reports.statistics.shares import pass_at_k_of
from reports.study.compared import Comparison
from reports.study.figures import Figure, Measure
from reports.study.seeing import Seen


@dataclass(frozen=True, slots=True)
class Reach:
    """What a missing app may have: the lowest and the highest value in the fleet.

    Attributes:
        weight: the mean kLOC of a ratio.
    """

    low: float = 0.0
    high: float = 0.0
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Block:
    """What one model shows on one template.

    Attributes:
        value: None: none of its apps was measured.
        low, high: the value if what is missing were as low, and as high, as it could be; parts of
            apps and what lies above a lower bound are missing too.
        apps: measured apps.
        exact: no value in it is a lower bound.
    """

    value: float | None
    low: float
    high: float
    apps: int
    exact: bool = True

    @property
    def is_open(self) -> bool:
        """Whether what is missing could change it."""
        return self.low < self.high or self.value is None


@dataclass(frozen=True, slots=True)
class Pair:
    """A comparison without its verdict; `leaning` above 0: the test favours the first's values."""

    shown: Comparison
    leaning: float = 0.0


Blocks = Mapping[str, Block]


def blocks_of(measure: Measure, cells: Mapping[str, Sequence[Seen]], reach: Reach) -> Blocks:
    """One model's templates; those to which the measure does not apply are left out."""
    found = {name: _block(measure, seen, reach) for name, seen in cells.items()}
    return {name: block for name, block in found.items() if block is not None}


def reach_of(measure: Measure, seen: Sequence[Seen]) -> Reach:
    """Between which values a missing app is taken to lie."""
    if measure.kind == "share":
        return Reach(0.0, 1.0)
    there = [one for one in seen if one.state == "seen"]
    if not there:
        return Reach()
    values = [one.value / one.weight for one in there]
    return Reach(min(values), max(values), fmean(one.weight for one in there))


def _block(measure: Measure, seen: Sequence[Seen], reach: Reach) -> Block | None:
    counted = [one for one in seen if one.state != "aside"]
    if not counted:
        return None
    there = [one for one in counted if one.state == "seen"]
    weights = [one.weight if one.state == "seen" else reach.weight for one in counted]
    return Block(
        _value(measure, counted),
        _reduced(measure, [_lowest(one, reach) for one in counted], weights),
        _reduced(measure, [_highest(one, reach) for one in counted], weights),
        len(there),
        exact=all(one.ceiling is None for one in there),
    )


def _lowest(one: Seen, reach: Reach) -> float:
    least = one.value if one.state == "seen" else reach.low * reach.weight
    return least if one.least is None else one.least


def _highest(one: Seen, reach: Reach) -> float:
    """A lower bound may be as high as the highest value of the fleet, as a missing app may be."""
    if one.most is not None:
        return one.most
    if one.state == "seen":
        return one.value if one.ceiling is None else max(one.value, min(one.ceiling, reach.high))
    return (reach.low if one.bad else reach.high) * reach.weight


def _reduced(measure: Measure, values: Sequence[float], weights: Sequence[float]) -> float:
    if measure.kind == "ratio":
        return sum(values) / sum(weights)
    return median(values) if measure.kind == "median" else fmean(values)


def _value(measure: Measure, counted: Sequence[Seen]) -> float | None:
    """As the measure's figures are made; see `share_of` for apps that did not start."""
    if measure.kind == "share":
        return pass_at_k_of([one.judged for one in counted], 1)
    there = [one for one in counted if one.state == "seen"]
    if not there:
        return None
    return _reduced(measure, [one.value for one in there], [one.weight for one in there])


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
    largest = max(abs(value) for pair in pairs for value in pair)
    return wilcoxon_zsplit([a - b for a, b in pairs], largest), {"test": test}


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
