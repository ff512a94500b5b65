"""The table `figures`: what the study says of models and templates, as other forms show it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reports.model import FleetReport
from reports.study.figures import Figure, Group, Measure
from reports.tables.schema import Column, Table


@dataclass(frozen=True, slots=True)
class Shown:
    """One figure of one group of apps."""

    scope: str
    group: Group
    measure: Measure
    figure: Figure


_Value = Callable[[FleetReport, Shown], object]


def _items(report: FleetReport) -> Iterator[Shown]:
    study = report.study
    if not study:
        return
    scopes = (
        ("fleet", (study.fleet,)),
        ("model", study.models),
        ("template", study.templates),
        ("model and template", study.cells),
    )
    for scope, groups in scopes:
        for group in groups:
            for measure in study.measures:
                if figure := group.figures.get(measure.name):
                    yield Shown(scope, group, measure, figure)


def _figure(read: Callable[[Figure], object]) -> _Value:
    return lambda _, shown: read(shown.figure)


FIGURES: Table[FleetReport, Shown] = Table(
    name="figures",
    meaning="one row per figure of a group of apps, with its interval and what is missing in it",
    key=("pipeline", "scope", "model", "template", "measure"),
    columns=(
        Column("pipeline", "VARCHAR", "ID of the pipeline", lambda of, _: of.pipeline.id),
        Column(
            "scope",
            "VARCHAR",
            "`fleet`, `model`, `template` or `model and template`",
            lambda _, shown: shown.scope,
        ),
        Column("model", "VARCHAR", "NULL: all models", lambda _, shown: shown.group.model),
        Column("template", "VARCHAR", "NULL: all", lambda _, shown: shown.group.template),
        Column("apps", "BIGINT", "apps of the group", lambda _, shown: shown.group.apps),
        Column("measure", "VARCHAR", "name of the measure", lambda _, shown: shown.measure.name),
        Column("label", "VARCHAR", "the measure for people", lambda _, shown: shown.measure.label),
        Column(
            "kind",
            "VARCHAR",
            "`share`, `mean`, `ratio`, `median`, `total` or `pass_at_k`",
            lambda _, shown: shown.measure.kind,
        ),
        Column("unit", "VARCHAR", "empty for shares", lambda _, shown: shown.measure.unit),
        Column(
            "better",
            "VARCHAR",
            "which end is the good one: `more`, `less` or `neither`",
            lambda _, shown: shown.measure.better,
        ),
        Column("value", "DOUBLE", "NULL: not known", _figure(lambda figure: figure.value)),
        Column("low", "DOUBLE", "95 % interval", _figure(lambda figure: figure.low)),
        Column("high", "DOUBLE", "likewise", _figure(lambda figure: figure.high)),
        Column(
            "n", "BIGINT", "apps (pass@k: templates) behind it", _figure(lambda figure: figure.n)
        ),
        Column(
            "missing",
            "BIGINT",
            "apps that should have been measured for it and were not",
            _figure(lambda figure: figure.missing),
        ),
        Column(
            "least",
            "DOUBLE",
            "shares: the value if all that is missing were bad",
            _figure(lambda figure: figure.least),
        ),
        Column(
            "most",
            "DOUBLE",
            "shares: the value if all that is missing were good",
            _figure(lambda figure: figure.most),
        ),
        Column(
            "at_least",
            "BOOLEAN",
            "the value is a lower bound",
            _figure(lambda figure: figure.at_least),
        ),
        Column(
            "reason",
            "VARCHAR",
            "why there is no value, or no interval",
            _figure(lambda figure: figure.reason),
        ),
    ),
    items=_items,
)
