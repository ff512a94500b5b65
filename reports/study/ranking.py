"""Mean ranks of models over templates, and a ranking by several criteria where one is asked for."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from contract.ranking import RankingSpec
from reports.statistics.decision import places, random_weights, topsis, weighted_sum
from reports.statistics.ranks import friedman, tied_groups
from reports.statistics.resampling import Floats, seed_of
from reports.study.compared import Ordering, Place, Ranking, RankingMethod, RankTest
from reports.study.figures import Figure, Measure
from reports.study.pairing import Blocks

_SURE = 0.95
_BATCH = 1_000
_LOWER = "some of its values are lower bounds"
Score = Callable[[Floats, Floats, NDArray[np.bool_]], Floats]
_METHODS: dict[str, Score] = {"topsis": topsis, "weighted_sum": weighted_sum}


def rank_test(measure: Measure, of_models: Mapping[str, Blocks], order: Ordering) -> RankTest:
    """Friedman and Nemenyi over the templates on which every placed model was measured."""
    made = RankTest(measure=measure.name)
    placed = [model for model in of_models if model not in order.unplaced]
    left_out = dict(order.unplaced)
    measured = {
        model: {name for name, block in of_models[model].items() if block.value is not None}
        for model in placed
    }
    for model in [name for name in placed if not all(b.exact for b in of_models[name].values())]:
        left_out[model] = _LOWER
        placed.remove(model)
    most = max((len(measured[model]) for model in placed), default=0)
    for model in [model for model in placed if 2 * len(measured[model]) < most]:
        left_out[model] = "measured on less than half of the templates"
        placed.remove(model)
    made = made.model_copy(update={"left_out": left_out})
    if len(placed) < 3:
        return made.model_copy(update={"reason": "fewer than three models"})
    shared = sorted(set.intersection(*(measured[model] for model in placed)))
    if len(shared) < 2:
        return made.model_copy(update={"reason": "fewer than two templates shared by all models"})
    values = np.array([[of_models[model][name].value for model in placed] for name in shared])
    return _ranked(made, placed, values.astype(float), more=measure.better == "more")


def _ranked(made: RankTest, placed: Sequence[str], values: Floats, *, more: bool) -> RankTest:
    ranks = friedman(values if more else -values)
    mean = dict(sorted(zip(placed, ranks.mean, strict=True), key=lambda pair: (pair[1], pair[0])))
    groups = tied_groups(
        tuple(mean), lambda one, other: abs(mean[one] - mean[other]) > ranks.critical_distance
    )
    return made.model_copy(
        update={
            "mean_ranks": {model: round(rank, 4) for model, rank in mean.items()},
            "blocks": len(values),
            "statistic": ranks.statistic,
            "p": ranks.p,
            "critical_distance": ranks.critical_distance,
            "groups": groups,
        }
    )


def ranking_of(
    spec: RankingSpec,
    measures: Mapping[str, Measure],
    figures: Mapping[str, Mapping[str, Figure]],
    orders: Mapping[str, Ordering],
) -> Ranking:
    """TOPSIS and weighted sum over the models that all criteria know.

    Args:
        spec: criteria and weights.
        measures: of the fleet, by name.
        figures: by model and measure.
        orders: by measure; a model that has no place in one has none here.
    """
    whole = sum(spec.weights.values())
    weights = {name: weight / whole for name, weight in spec.weights.items()}
    made = Ranking(weights=weights)
    if unknown := [name for name in weights if name not in measures]:
        return made.model_copy(update={"reason": f"not measured: {', '.join(unknown)}"})
    left_out = _left_out(weights, figures, orders)
    models = [model for model in figures if model not in left_out]
    made = made.model_copy(update={"left_out": left_out, "draws": spec.draws})
    if len(models) < 2:
        return made.model_copy(update={"reason": "fewer than two models have all criteria"})
    values = np.array([[figures[model][name].value for name in weights] for model in models])
    more = np.array([measures[name].better == "more" for name in weights])
    given = np.array(list(weights.values()))
    drawn = random_weights(len(weights), spec.draws, seed_of(np.sort(values.astype(float), axis=0)))
    return made.model_copy(
        update={
            "methods": tuple(
                _method(
                    name,
                    models,
                    score(values.astype(float), given, more),
                    _places(score, values.astype(float), drawn, more),
                )
                for name, score in _METHODS.items()
            )
        }
    )


def _left_out(
    weights: Mapping[str, float],
    figures: Mapping[str, Mapping[str, Figure]],
    orders: Mapping[str, Ordering],
) -> dict[str, str]:
    found: dict[str, str] = {}
    for model, mine in figures.items():
        for name in weights:
            if mine[name].value is None:
                found[model] = f"{name}: {mine[name].reason or 'not measured'}"
            elif mine[name].at_least:
                found[model] = f"{name}: {_LOWER}"
            elif name in orders and model in orders[name].unplaced:
                found[model] = f"{name}: {orders[name].unplaced[model]}"
    return found


def _places(score: Score, values: Floats, drawn: Floats, more: NDArray[np.bool_]) -> Floats:
    """Places under all drawn weights; scored in parts, which bounds the memory."""
    parts = (drawn[at : at + _BATCH] for at in range(0, len(drawn), _BATCH))
    return np.concatenate([places(score(values, part, more)) for part in parts])


def _method(name: str, models: Sequence[str], given: Floats, found: Floats) -> RankingMethod:
    order = sorted(range(len(models)), key=lambda index: (-given[index], models[index]))
    position = {model: index for index, model in enumerate(models)}

    def sure(one: str, other: str) -> bool:
        above = (found[:, position[one]] < found[:, position[other]]).mean()
        return bool(above >= _SURE)

    return RankingMethod.model_validate(
        {
            "method": name,
            "places": tuple(
                Place(
                    model=models[index],
                    score=round(float(given[index]), 4),
                    first_share=round(float((found[:, index] == 1).mean()), 4),
                    mean_place=round(float(found[:, index].mean()), 2),
                    places=(int(found[:, index].min()), int(found[:, index].max())),
                )
                for index in order
            ),
            "groups": tied_groups([models[index] for index in order], sure),
        }
    )
