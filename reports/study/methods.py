"""What was done, as sentences for a paper's methods section."""

from collections.abc import Iterator

from reports.statistics.counts import FEWEST_CLUSTERS
from reports.statistics.resampling import MIN_CLUSTERS, RESAMPLES
from reports.study.model import Study


def methods(study: Study) -> tuple[str, ...]:
    """Sentences on design, intervals, tests and rules; only of what the study has."""
    return tuple(_sentences(study))


def _sentences(study: Study) -> Iterator[str]:
    yield from _design(study)
    yield (
        "Shares have 95 % Wilson intervals; where a template has several apps of one model, the "
        "number of apps is divided by the design effect (Franco et al., 2019). An app that did not "
        "start can lack no live look, so in shares, pass@k and tests it counts at the share at "
        "which the other apps were decided."
    )
    yield (
        f"Means and rates have BCa bootstrap intervals ({RESAMPLES} resamples of whole templates, "
        f"expanded for few templates after Hesterberg, 2015), from {MIN_CLUSTERS} templates on; "
        "medians have intervals of order statistics, and with several apps per template "
        "percentile bootstrap intervals."
    )
    yield (
        "What was not measured is in no figure; for shares, the values if everything missing were "
        "bad and if it were good are given beside it."
    )
    if study.comparisons:
        yield from _comparing(study)
    if any(test.p is not None for test in study.ranks):
        yield (
            "Mean ranks over templates: Friedman's test, Nemenyi's distance (Demsar, 2006), which "
            "is given whatever Friedman's p is."
        )
    if study.counts:
        yield (
            "Findings per kLOC were compared by negative binomial regression with log kLOC as "
            f"offset and errors robust for templates, from {FEWEST_CLUSTERS} templates on."
        )
    if study.noise:
        yield (
            "Repeats give the variance within an app; a difference below the repeatability limit "
            "(ISO 5725-1) is printed as within the noise."
        )
    if study.ranking is not None and study.ranking.methods:
        yield (
            f"Rankings by several criteria: TOPSIS and weighted sum; {study.ranking.draws} random "
            "weights (flat Dirichlet) say how much the weights decide."
        )
    if study.fleet.agreement:
        yield "Agreement of judges: Krippendorff's alpha over all that at least two answered."
    yield "Resampling is seeded from the data: the same data give the same figures."


def _design(study: Study) -> Iterator[str]:
    design = study.design
    fewest, most = design.samples
    samples = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    yield (
        f"{study.fleet.apps} apps of {len(design.models)} models on {len(design.templates)} "
        f"templates, {samples} per model and template."
    )
    if design.blocks != "templates":
        yield (
            "Where no template is declared, apps of equal numbers are taken to be of one template."
        )


def _comparing(study: Study) -> Iterator[str]:
    yield (
        "Models were compared in pairs over shared templates: shares with one app per template by "
        "the exact McNemar test, everything else by Wilcoxon's signed-rank test on one value per "
        "template: shares, means, rates, and medians of load figures (zeros split), with Cliff's "
        "delta; p values are corrected by Holm's method over all pairs "
        "of a measure."
    )
    yield (
        "Models of which no difference is shown at the 5 % level form tied sets: all largest sets "
        "without a shown difference (Piepho, 2004). A model has no place where its missing data "
        "could turn a difference (shares and requirements with all missing bad and all good; other "
        "measures, and lower bounds, with the smallest and the largest value of the fleet), and "
        "where it shares no template with the others."
    )
