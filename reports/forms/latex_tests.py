"""LaTeX tables of comparisons: pairs of models, tied sets, ranks, regressions, noise."""

from collections.abc import Iterator

from reports.forms.figures import UNKNOWN, difference, number, p_value, shown, tied
from reports.forms.texcode import TexTable, slug, tex
from reports.study.compared import Comparison, CountModel
from reports.study.figures import Measure
from reports.study.model import Study

_RATIO = Measure(name="rate_ratio", label="rate ratio", kind="ratio")


def test_tables(study: Study) -> Iterator[TexTable]:
    """All tables of comparisons that the study has."""
    yield from _pairs(study)
    yield from _orders(study)
    yield from _ranks(study)
    yield from _regressions(study)
    yield from _ranking(study)
    yield from _noise(study)


def _label(study: Study, name: str) -> str:
    measure = study.measure(name)
    return measure.label if measure else name


def _pairs(study: Study) -> Iterator[TexTable]:
    """One table per measure; Holm's correction is over its pairs."""
    for measure in study.measures:
        pairs = [pair for pair in study.comparisons if pair.measure == measure.name]
        if pairs:
            tests = "; ".join(sorted({pair.test for pair in pairs if pair.test}))
            yield TexTable(
                name=f"pairs-{slug(measure.name)}",
                caption=(
                    f"Pairs of models: {tex(measure.label)}, over the templates on which both were "
                    f"measured ({tex(tests) or 'no test'}). $p$ after Holm's correction for all "
                    "pairs. Tied: no difference is shown at the 5\\,\\% level."
                ),
                columns="llrrrrl",
                head=("First", "Second", "Templates", "Difference", r"$\delta$", "$p$", "Shown"),
                rows=tuple(_pair(measure, pair) for pair in pairs),
            )


def _pair(measure: Measure, pair: Comparison) -> tuple[str, ...]:
    plain = Measure(name="delta", label="delta", kind="mean")
    better = {"first": f"{pair.first} better", "second": f"{pair.second} better"}
    return (
        tex(pair.first),
        tex(pair.second),
        str(pair.blocks),
        tex(difference(measure, pair.difference)),
        tex(difference(plain, pair.delta)),
        tex(p_value(pair.p_holm)),
        tex(better.get(pair.verdict, pair.verdict)),
    )


def _orders(study: Study) -> Iterator[TexTable]:
    if study.orderings:
        yield TexTable(
            name="tied-sets",
            caption=(
                "What may be said of the order of the models: sets of models that are not shown to "
                "differ, the best first; sets may overlap. No order is given where what is missing "
                "could turn it."
            ),
            columns="lp{0.7\\linewidth}",
            head=("Measure", "Tied sets"),
            rows=tuple(
                (
                    tex(_label(study, order.measure)),
                    tex(tied(order.groups) or f"no order: {order.reason}", 600),
                )
                for order in study.orderings
            ),
        )


def _ranks(study: Study) -> Iterator[TexTable]:
    for ranks in study.ranks:
        if not ranks.mean_ranks:
            continue
        critical = UNKNOWN if ranks.critical_distance is None else number(ranks.critical_distance)
        yield TexTable(
            name=f"ranks-{slug(ranks.measure)}",
            caption=(
                f"Mean ranks over {ranks.blocks} templates: {tex(_label(study, ranks.measure))}. "
                f"Friedman's test: $p$ = {tex(p_value(ranks.p))}; Nemenyi's critical difference: "
                f"{critical}. Mean ranks nearer than this are not shown to differ."
            ),
            columns="lr",
            head=("Model", "Mean rank"),
            rows=tuple(
                (tex(model), number(rank))
                for model, rank in sorted(ranks.mean_ranks.items(), key=lambda item: item[1])
            ),
        )


def _regressions(study: Study) -> Iterator[TexTable]:
    for fit in study.counts:
        yield TexTable(
            name=f"rates-{slug(fit.measure)}",
            caption=_fitted(study, fit),
            columns="lrr",
            head=("Model", "Rate ratio", "$p$ (Holm)"),
            rows=tuple(
                (tex(one.model), tex(shown(_RATIO, one.ratio)), tex(p_value(one.p_holm)))
                for one in fit.ratios
            )
            or ((tex(f"not given: {fit.reason}"), "", ""),),
        )


def _fitted(study: Study, fit: CountModel) -> str:
    left = f"; {fit.left_out} apps are left out" if fit.left_out else ""
    return (
        f"{tex(_label(study, fit.measure))} per kLOC, as a multiple of those of "
        f"{tex(fit.reference or UNKNOWN)}: negative binomial regression, errors clustered by "
        f"template ({fit.apps} apps, {fit.clusters} templates{left})."
    )


def _ranking(study: Study) -> Iterator[TexTable]:
    for method in study.ranking.methods if study.ranking else ():
        names = {"topsis": "TOPSIS", "weighted_sum": "Weighted sum"}
        yield TexTable(
            name=f"ranking-{method.method.replace('_', '-')}",
            caption=(
                f"{names[method.method]} under the given weights. First: share of random weights "
                "under which the model is first. Models whose order random weights turn are tied: "
                f"{tex(tied(method.groups), 600)}."
            ),
            columns="lrrrr",
            head=("Model", "Score", r"First (\%)", "Mean place", "Places"),
            rows=tuple(
                (
                    tex(place.model),
                    number(place.score),
                    number(100 * place.first_share),
                    number(place.mean_place),
                    f"{place.places[0]} to {place.places[1]}",
                )
                for place in method.places
            ),
        )


def _noise(study: Study) -> Iterator[TexTable]:
    if study.noise:
        yield TexTable(
            name="noise",
            caption=(
                "How much figures differ when the same app is measured again. Limit: two single "
                "measurements of one app differ by at most so much in 95 of 100 cases (ISO 5725-1)."
            ),
            columns="lrrrrr",
            head=("Measure", "Apps", "Measurements", "SD within", "SD between", "Limit"),
            rows=tuple(
                (
                    tex(_label(study, one.measure)),
                    str(one.apps),
                    str(one.measurements),
                    *(
                        UNKNOWN if value is None else number(value)
                        for value in (one.within_sd, one.between_sd, one.limit)
                    ),
                )
                for one in study.noise
            ),
        )
