"""All pairs of models on one measure, and which sets of models stay tied."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import sqrt

from reports.statistics.pairs import holm
from reports.statistics.ranks import tied_groups
from reports.study.compared import Comparison, Noise, Ordering, PairVerdict
from reports.study.figures import Figure, Measure
from reports.study.pairing import Blocks, Pair, blocks_of, compare, reach_of
from reports.study.table import Cells

LEVEL = 0.05
Verdicts = Mapping[frozenset[str], Comparison]
_APART = "never measured on a template of the models that have a place"


def blocks(measure: Measure, cells: Cells) -> dict[str, Blocks]:
    """What each model shows on each template."""
    everything = [seen for model in cells.values() for group in model.values() for seen in group]
    reach = reach_of(measure, everything)
    return {model: blocks_of(measure, mine, reach) for model, mine in cells.items()}


def comparisons(
    measure: Measure, of_models: Mapping[str, Blocks], noise: Noise | None = None
) -> tuple[Comparison, ...]:
    """Every pair; Holm's correction is over all pairs of this measure."""
    pairs = [
        compare(measure, (one, other), of_models[one], of_models[other])
        for one, other in combinations(of_models, 2)
    ]
    corrected = holm([pair.shown.p for pair in pairs])
    return tuple(
        _decided(measure, pair, p, noise) for pair, p in zip(pairs, corrected, strict=True)
    )


def _decided(measure: Measure, pair: Pair, p_holm: float | None, noise: Noise | None) -> Comparison:
    verdict, why = _verdict(measure, pair, p_holm, noise)
    update = {"p_holm": p_holm, "verdict": verdict, "reason": why or pair.shown.reason}
    return pair.shown.model_copy(update=update)


def _verdict(
    measure: Measure, pair: Pair, p_holm: float | None, noise: Noise | None
) -> tuple[PairVerdict, str]:
    mean = pair.shown.difference.value or 0.0
    if p_holm is None:
        return "unknown", ""
    if noise is not None and _is_noise(pair.shown, noise):
        return "within noise", "repeats of one app differ as much"
    if p_holm >= LEVEL or pair.leaning == 0:
        return "tied", ""
    if pair.leaning * mean <= 0:
        return "tied", "the mean and the ranks point in opposite directions"
    if pair.shown.turned:
        return "unknown", "what is missing could turn it"
    return ("first" if (pair.leaning > 0) == (measure.better == "more") else "second"), ""


def _is_noise(pair: Comparison, noise: Noise) -> bool:
    """Whether the mean difference is one that repeats of the same apps would have shown.

    The limit is for two single measurements; a mean over templates is steadier by their root.
    """
    difference = pair.difference.value
    if noise.limit is None or difference is None or not pair.blocks:
        return False
    return abs(difference) <= noise.limit / sqrt(pair.blocks)


def ordering(
    measure: Measure,
    figures: Mapping[str, Figure],
    pairs: Sequence[Comparison],
    of_models: Mapping[str, Blocks],
) -> Ordering:
    """Sets of tied models, best first; a model that what is missing could move has no place."""
    unplaced = {
        model: figure.reason or "not measured"
        for model, figure in figures.items()
        if figure.value is None
    }
    turned = [(pair.first, pair.second) for pair in pairs if _is_turned(pair)]
    for model in _movable(turned, of_models):
        unplaced[model] = "what is missing could turn a difference"
    sign = -1 if measure.better == "more" else 1
    values = {model: figure.value or 0.0 for model, figure in figures.items()}
    placed = [model for model in figures if model not in unplaced]
    placed.sort(key=lambda model: (sign * values[model], model))
    verdicts = {frozenset((pair.first, pair.second)): pair for pair in pairs}
    made = Ordering(measure=measure.name, unplaced=unplaced, turned=tuple(turned))
    met = _met(placed, verdicts)
    if reason := _no_order(placed, met, verdicts):
        return made.model_copy(update={"reason": reason})
    apart = {model: _APART for model in placed if model not in met}
    return made.model_copy(
        update={
            "unplaced": unplaced | apart,
            "groups": tied_groups(met, lambda one, other: _winner(verdicts, one, other) != ""),
            "best": tuple(
                model
                for model in met
                if not any(_winner(verdicts, model, other) == other for other in met)
            ),
        }
    )


def _met(placed: Sequence[str], verdicts: Verdicts) -> list[str]:
    """The most models that pairs connect; none if two such sets are equally large.

    Without a common template nothing is known of two models, and that is no tie.
    """
    sets: list[set[str]] = [{model} for model in placed]
    for one, other in combinations(placed, 2):
        if verdicts[frozenset((one, other))].p is not None:
            joined = [found for found in sets if one in found or other in found]
            sets = [found for found in sets if found not in joined] + [set[str]().union(*joined)]
    sizes = sorted((len(found) for found in sets), reverse=True)
    if len(sizes) > 1 and sizes[0] == sizes[1]:
        return []
    largest = max(sets, key=len, default=set[str]())
    return [model for model in placed if model in largest]


def _no_order(placed: Sequence[str], met: Sequence[str], verdicts: Verdicts) -> str:
    """Why no order can be given at all; empty if it can."""
    if len(placed) < 2:
        return "fewer than two models can be placed"
    if all(verdicts[frozenset(pair)].p is None for pair in combinations(placed, 2)):
        return "no two models were measured on the same template"
    if not met:
        return "models fall into sets that share no template"
    if any(_winner(verdicts, one, other) == other for one, other in combinations(met, 2)):
        return "models were measured on different templates: their figures contradict the pairs"
    return ""


def _is_turned(pair: Comparison) -> bool:
    return pair.turned and pair.verdict == "unknown" and pair.p_holm is not None


def _movable(turned: Sequence[tuple[str, str]], of_models: Mapping[str, Blocks]) -> set[str]:
    """Of each pair that could turn, those models of which something is missing."""
    moved = {
        name for name, mine in of_models.items() if any(block.is_open for block in mine.values())
    }
    return {model for pair in turned for model in pair if model in moved}


def _winner(verdicts: Verdicts, one: str, other: str) -> str:
    """The model that is shown to be better; empty: none is."""
    pair = verdicts.get(frozenset((one, other)))
    if pair is None or pair.verdict not in ("first", "second"):
        return ""
    return pair.first if pair.verdict == "first" else pair.second
