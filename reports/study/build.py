"""Makes the study of a fleet from the summaries of its apps. Imports scipy: see the package."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from contract.ranking import RankingSpec
from reports.study.compared import (
    MOST_COMPARED,
    Comparison,
    CountModel,
    Noise,
    Ordering,
    Ranking,
    RankTest,
)
from reports.study.comparing import blocks, comparisons, ordering
from reports.study.counting import count_models
from reports.study.figures import Agreements, Figure, Group, Measure
from reports.study.findings import finding_figures
from reports.study.groups import Clusters, Unit, figure, pass_figures
from reports.study.measures import Look, looks
from reports.study.methods import methods
from reports.study.model import Study
from reports.study.noise import noise, repeated_scans
from reports.study.ranking import rank_test, ranking_of
from reports.study.table import Cells, Table, over_models
from reports.summary import AppSummary

Measured = tuple[Look, Cells]
_PASS = {"functional": "pass", "functional_and_secure": "sec_pass"}
_MODELS, _MANY = Unit("models"), Unit("models", resampled=False)
_WITHIN = Unit(resampled=False, alone=True)
MOST_TEMPLATES, MOST_CELLS = 200, 2_000
"""Templates with intervals, cells: more would take minutes and megabytes."""


def study_of(
    apps: Iterable[AppSummary],
    *,
    ranking: RankingSpec | None = None,
    agreement: Agreements | None = None,
) -> Study:
    """The study of these apps; those that are no subjects stand apart.

    Args:
        apps: every app of the pipeline, in any order: subjects and others.
        ranking: what the spec asks for.
        agreement: of the judges, from `reports.judge_agreement.JudgeAgreement`.
    """
    table = Table.of(apps)
    every = (*looks(table.subjects), *repeated_scans(table))
    measures = [(look, table.cells(look)) for look in every]
    design = table.design.model_copy(update={"notes": tuple(_notes(table))})
    study = _with_groups(Study(design=design), table, measures, agreement or {})
    study = _with_comparisons(study, measures, noise(table, every))
    study = study.model_copy(update={"counts": _counts(table)})
    if ranking is not None:
        study = study.model_copy(update={"ranking": _ranking(ranking, study)})
    return study.model_copy(update={"methods": methods(study)})


def _notes(table: Table) -> Iterator[str]:
    """What a large fleet does not get."""
    if len(table.models) > MOST_COMPARED:
        yield f"more than {MOST_COMPARED} models: they are not compared in pairs"
    if len(table.templates) > MOST_TEMPLATES:
        yield f"more than {MOST_TEMPLATES} templates: their figures have no resampled intervals"
    if len(table.subjects) > MOST_CELLS:
        yield f"more than {MOST_CELLS} apps: no figures of single cells"


def _with_groups(
    study: Study, table: Table, measures: Sequence[Measured], agreement: Agreements
) -> Study:
    """Figures of the fleet, of models, templates and cells."""
    fleet = Group(
        apps=len(table.subjects),
        figures=_figures({look: over_models(cells) for look, cells in measures}),
        findings=finding_figures(table.over_models),
        agreement=agreement.get(None, ()),
    )
    shown = [look.measure for look, _ in measures]
    models = tuple(_model(model, table, measures, agreement) for model in table.models)
    passes = tuple(_pass_measures(models))
    return study.model_copy(
        update={
            "measures": (*shown, *passes),
            "fleet": _filled(fleet, passes, "given for each model alone"),
            "models": tuple(
                _filled(group, passes, "fewer samples per template") for group in models
            ),
            "templates": tuple(_template(name, table, measures) for name in table.templates),
            "cells": tuple(_cells(table, measures)),
        }
    )


def _model(model: str, table: Table, measures: Sequence[Measured], agreement: Agreements) -> Group:
    apps = table.by_cell[model]
    seen = {look: cells[model] for look, cells in measures}
    return Group(
        model=model,
        apps=sum(len(group) for group in apps.values()),
        figures=_figures(seen) | _passes(seen),
        findings=finding_figures(apps),
        agreement=agreement.get(model, ()),
    )


def _template(name: str, table: Table, measures: Sequence[Measured]) -> Group:
    """Over models; they, not templates, are drawn again for its intervals."""
    unit = _MODELS if len(table.templates) <= MOST_TEMPLATES else _MANY
    apps = {model: blocks[name] for model, blocks in table.by_cell.items() if name in blocks}
    seen = {look: {model: cells[model][name] for model in apps} for look, cells in measures}
    return Group(
        template=name,
        apps=sum(len(group) for group in apps.values()),
        figures={
            look.measure.name: figure(look.measure.kind, clusters, unit)
            for look, clusters in seen.items()
        },
        findings=finding_figures(apps, unit),
    )


def _cells(table: Table, measures: Sequence[Measured]) -> Iterator[Group]:
    """The first measures of each model on each template; more would make a report huge."""
    if len(table.subjects) > MOST_CELLS:
        return
    first = [(look, cells) for look, cells in measures if look.first]
    for model, there in table.by_cell.items():
        for name in table.templates:
            if name in there:
                figures = {
                    look.measure.name: figure(
                        look.measure.kind, {name: cells[model][name]}, _WITHIN
                    )
                    for look, cells in first
                }
                yield Group(model=model, template=name, apps=len(there[name]), figures=figures)


def _figures(seen: Mapping[Look, Clusters]) -> dict[str, Figure]:
    return {
        look.measure.name: figure(look.measure.kind, clusters) for look, clusters in seen.items()
    }


def _passes(seen: Mapping[Look, Clusters]) -> dict[str, Figure]:
    """pass@k of one model; samples of several models are no samples of one."""
    found: dict[str, Figure] = {}
    for look, clusters in seen.items():
        if prefix := _PASS.get(look.measure.name):
            found |= pass_figures(clusters, prefix)
    return found


def _pass_measures(models: Iterable[Group]) -> Iterator[Measure]:
    """Those that any model has."""
    named = {name: None for group in models for name in group.figures}
    for name in named:
        prefix, _, k = name.partition("@")
        if prefix in _PASS.values():
            yield Measure(
                name=name,
                label=name,
                kind="pass_at_k",
                better="more",
                observed=f"templates with at least {k} measured samples",
            )


def _filled(group: Group, measures: Iterable[Measure], reason: str) -> Group:
    """The group with a figure for each of these measures: without a value where it has none."""
    names = (measure.name for measure in measures if measure.name not in group.figures)
    empty = dict.fromkeys(names, Figure(reason=reason))
    return group.model_copy(update={"figures": {**group.figures, **empty}})


def _with_comparisons(study: Study, measures: Sequence[Measured], noises: Sequence[Noise]) -> Study:
    """Pairs of models, tied sets and mean ranks, measure by measure."""
    limits = {entry.measure: entry for entry in noises}
    pairs: list[Comparison] = []
    orders: list[Ordering] = []
    ranks: list[RankTest] = []
    for look, cells in measures if 1 < len(study.models) <= MOST_COMPARED else ():
        measure = look.measure
        if not measure.compared:
            continue
        mine = blocks(measure, cells)
        found = comparisons(measure, mine, limits.get(measure.name))
        figures = {group.model or "": group.figures[measure.name] for group in study.models}
        order = ordering(measure, figures, found, mine)
        pairs += found
        orders.append(order)
        ranks.append(rank_test(measure, mine, order))
    return study.model_copy(
        update={
            "comparisons": tuple(pairs),
            "orderings": tuple(orders),
            "ranks": tuple(ranks),
            "noise": tuple(noises),
        }
    )


def _counts(table: Table) -> tuple[CountModel, ...]:
    return count_models(table) if 1 < len(table.models) <= MOST_COMPARED else ()


def _ranking(spec: RankingSpec, study: Study) -> Ranking:
    return ranking_of(
        spec,
        {measure.name: measure for measure in study.measures},
        {group.model or "": group.figures for group in study.models},
        {order.measure: order for order in study.orderings},
    )
