"""Pictures of what a study says of models: intervals, ranks, severities."""

from collections.abc import Iterator
from string import ascii_lowercase

from contract.analysis import Category
from reports.pictures.drawing import Picture
from reports.pictures.forest import ForestRow, forest_plot
from reports.pictures.ranks import critical_difference
from reports.pictures.severities import SeverityRow, severity_bars
from reports.study.compared import CountModel, Ordering, RankTest
from reports.study.figures import Figure, FindingFigures, Group, Measure
from reports.study.model import Study

HEADLINE = "functional_and_secure"
# Names of pictures, or what they begin with.
INTERVALS, RANKS, RATIOS, SEVERITIES = "models-", "ranks-", "ratios-", "severities"
# Of more models, the first ones are drawn; tables have all of them.
_MODELS_DRAWN = 60


def of_study(study: Study) -> Iterator[Picture]:
    """A forest plot per measure by which models are compared, ranks, and findings by severity."""
    for measure in study.measures:
        if measure.compared and study.models:
            yield intervals(study, measure)
    for ranks in study.ranks:
        if ranks.critical_distance is not None:
            yield _ranks(study, ranks, ranks.critical_distance)
    for counts in study.counts:
        if counts.ratios:
            yield _ratios(study, counts)
    if any(findings_of(group) for group in study.models):
        rows = [_severities(group) for group in study.models[:_MODELS_DRAWN]]
        yield severity_bars(rows, name=SEVERITIES)


def intervals(study: Study, measure: Measure) -> Picture:
    """One measure of each model; letters tell which models are tied."""
    order = next((one for one in study.orderings if one.measure == measure.name), None)
    rows = [_interval(group, measure, order) for group in study.models[:_MODELS_DRAWN]]
    unit = f", {measure.unit}" if measure.unit else ""
    share = measure.kind in ("share", "pass_at_k")
    what = f"{measure.label}{unit}"
    return forest_plot(rows, what, share=share, name=intervals_name(measure))


def intervals_name(measure: Measure) -> str:
    """Name of the picture of a measure."""
    return f"{INTERVALS}{slug(measure.name)}"


def findings_of(group: Group) -> FindingFigures | None:
    """The security findings of a group; None: no tool looked for any."""
    return next((one for one in group.findings if one.category is Category.SECURITY), None)


def _interval(group: Group, measure: Measure, order: Ordering | None) -> ForestRow:
    figure = group.figures.get(measure.name, Figure(reason="not measured"))
    missing = figure.least is not None and figure.most is not None and figure.least < figure.most
    model = group.model or "all"
    return ForestRow(
        label=model,
        estimate=figure.value,
        interval=_ends(figure),
        bounds=(figure.least or 0.0, figure.most or 0.0) if missing else None,
        tied=_letters(model, order),
        note=_behind(figure),
    )


def _behind(figure: Figure) -> str:
    if figure.value is None:
        return figure.reason
    missing = f", {figure.missing} missing" if figure.missing else ""
    return f"{'or more, ' * figure.at_least}n = {figure.n}{missing}"


def _letters(model: str, order: Ordering | None) -> str:
    groups = order.groups if order else ()
    letters = (ascii_lowercase[at % 26] for at, names in enumerate(groups) if model in names)
    return "".join(letters)


def _ranks(study: Study, ranks: RankTest, distance: float) -> Picture:
    measure = study.measure(ranks.measure)
    label = measure.label if measure else ranks.measure
    name = f"{RANKS}{slug(ranks.measure)}"
    return critical_difference(ranks.mean_ranks, distance, ranks.groups, label, name=name)


def _ratios(study: Study, counts: CountModel) -> Picture:
    """How many times as many findings as the reference model, for equal kLOC."""
    rows = [
        ForestRow(row.model, row.ratio.value, _ends(row.ratio), note=row.ratio.reason)
        for row in counts.ratios[:_MODELS_DRAWN]
    ]
    measure = study.measure(counts.measure)
    what = f"times as many as {counts.reference}: {measure.label if measure else counts.measure}"
    return forest_plot(rows, what, ratio=True, name=f"{RATIOS}{slug(counts.measure)}")


def _ends(figure: Figure) -> tuple[float, float] | None:
    if figure.low is None or figure.high is None:
        return None
    return figure.low, figure.high


def _severities(group: Group) -> SeverityRow:
    found = findings_of(group)
    if found is None or found.by_severity is None:
        return SeverityRow(group.model or "all", None)
    looked = found.whole + found.partly + found.failed
    others = ((found.partly, "in part"), (found.failed, "that failed"), (found.unseen, "not seen"))
    told = "".join(f", {number} {words}" for number, words in others if number)
    note = f"in {looked} app{'s' if looked != 1 else ''}{told}"
    return SeverityRow(group.model or "all", found.by_severity, note)


def slug(name: str) -> str:
    """The name of a measure as a part of the name of a file and of an identifier."""
    return "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name)
