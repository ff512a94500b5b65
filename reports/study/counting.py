"""Findings per kLOC of models as ratios: a regression that knows of templates and of size."""

import math
from collections import Counter
from collections.abc import Mapping

from contract.analyzers import Category
from reports.statistics.counts import LogRatio, NotEstimable, negative_binomial
from reports.statistics.pairs import holm
from reports.study import seeing
from reports.study.compared import CountModel, RateRatio
from reports.study.figures import Figure
from reports.study.table import Table, block_of

_METHOD = "negative binomial, robust for templates"


def count_models(table: Table) -> tuple[CountModel, ...]:
    """One of all weaknesses, one of the grave ones."""
    return (
        _model(table, "grave_findings", grave=True),
        _model(table, "security_findings", grave=False),
    )


def _model(table: Table, measure: str, *, grave: bool) -> CountModel:
    rows: list[tuple[str, str, int, float]] = []
    for app in table.subjects:
        seen = seeing.counted(app, Category.SECURITY, grave=grave)
        sized = seeing.counted_per_kloc(app, Category.SECURITY).state == "seen"
        if seen.state == "seen" and sized and app.kloc:
            rows.append((app.ref.model, block_of(app), int(seen.value), app.kloc))
    made = CountModel(measure=measure, left_out=len(table.subjects) - len(rows))
    found = Counter[str]()
    for model, _, count, _ in rows:
        found[model] += count
    fitted = [model for model in table.models if found[model]]
    without = {
        model: "no finding at all: no ratio" if model in found else "no app was measured whole"
        for model in table.models
        if not found[model]
    }
    if len(fitted) < 2:
        return made.model_copy(update={"reason": "fewer than two models with any finding"})
    kept = [row for row in rows if row[0] in fitted]
    templates = sorted({block for _, block, _, _ in kept})
    made = made.model_copy(
        update={"reference": fitted[0], "apps": len(kept), "clusters": len(templates)}
    )
    try:
        fit = negative_binomial(
            [count for _, _, count, _ in kept],
            [fitted.index(model) for model, _, _, _ in kept],
            [kloc for _, _, _, kloc in kept],
            [templates.index(block) for _, block, _, _ in kept],
        )
    except NotEstimable as error:
        return made.model_copy(update={"reason": str(error)})
    ratios = _ratios(dict(zip(fitted[1:], fit.ratios, strict=True)), without)
    return made.model_copy(update={"ratios": ratios, "dispersion": fit.dispersion})


def _ratios(fits: Mapping[str, LogRatio], without: Mapping[str, str]) -> tuple[RateRatio, ...]:
    corrected = holm([fit.p for fit in fits.values()])
    given = [
        RateRatio(model=model, ratio=_figure(fit), p=fit.p, p_holm=p)
        for (model, fit), p in zip(fits.items(), corrected, strict=True)
    ]
    empty = [RateRatio(model=model, ratio=Figure(reason=why)) for model, why in without.items()]
    return (*given, *empty)


def _figure(fit: LogRatio) -> Figure:
    return Figure(
        value=math.exp(fit.value),
        low=math.exp(fit.low),
        high=math.exp(fit.high),
        interval=_METHOD,
    )
