"""Says before the start what a spec takes and what it can show. Blocking: it simulates."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import quantiles

from contract.analyzers import AnalyzerKind
from contract.history import History
from contract.role import AppRole
from contract.spec import PipelinePlan, PlannedApp
from control.forecast import Assumed, Forecast, Shows, Took
from reports.study.compared import MOST_COMPARED
from reports.study.figures import block_name
from reports.study.model import Study

_ASSUMED = Assumed(source="assumed", rate=0.5, template_sd=1.2, interaction_sd=0.8)
_FEW_RUNS = 5
_GOOD_GAP = 0.2
_MORE_TEMPLATES = (10, 20, 30, 40, 50, 75, 100, 150, 200, 300, 400)


@dataclass(frozen=True, slots=True)
class Layout:
    """How the subjects of a plan are spread over models and templates.

    Attributes:
        shared: templates of the two models that share the fewest.
        fewest, most: apps of one model on one template.
    """

    models: int
    templates: int
    shared: int
    fewest: int
    most: int

    @classmethod
    def of(cls, apps: Sequence[PlannedApp]) -> "Layout":
        """The layout of the subjects among `apps`."""
        cells = Counter(
            (app.ref.model, block_name(app.template, app.ref.app_number))
            for app in apps
            if app.role is AppRole.SUBJECT
        )
        of_models: dict[str, set[str]] = {}
        for model, template in cells:
            of_models.setdefault(model, set()).add(template)
        pairs = combinations(of_models.values(), 2)
        return cls(
            models=len(of_models),
            templates=len({template for _, template in cells}),
            shared=min((len(one & other) for one, other in pairs), default=0),
            fewest=min(cells.values(), default=0),
            most=max(cells.values(), default=0),
        )

    @property
    def pairs(self) -> int:
        """Pairs of models."""
        return self.models * (self.models - 1) // 2


def forecast(
    spec: str, plan: PipelinePlan, history: History, like: tuple[str, Study] | None = None
) -> Forecast:
    """What `plan` takes and can show.

    Args:
        spec: the file.
        plan: what it says.
        history: of recent pipelines.
        like: ID and study of a pipeline whose spread is taken instead of the assumed one.
    """
    layout = Layout.of(plan.apps)
    took = tuple(_took(kind, history) for kind in plan.spec.analyzers)
    assumed = _observed(*like) if like else _ASSUMED
    design = _shows(layout, assumed, layout.shared, max(layout.fewest, 1))
    instead = tuple(_instead(layout, assumed)) if design else ()
    every = Counter(app.role for app in plan.apps)
    made = Forecast(
        spec=spec,
        subjects=every[AppRole.SUBJECT],
        beside={role.value: n for role, n in every.items() if role is not AppRole.SUBJECT},
        models=layout.models,
        templates=layout.templates,
        samples=(layout.fewest, layout.most),
        parallelism=plan.spec.parallelism,
        subtasks=sum(len(_analyzers(plan, app)) for app in plan.apps),
        took=took,
        time_s=_time(plan, took),
        cost_usd=_cost(plan, history),
        pipelines=history.pipelines,
        design=design,
        instead=instead,
        assumed=assumed if design else None,
    )
    return made.model_copy(
        update={
            "unknown": (*_unlike(like, assumed), *_unknown(plan, made)),
            "advice": tuple(_advice(made)),
        }
    )


def _unlike(like: tuple[str, Study] | None, assumed: Assumed) -> Iterator[str]:
    if like and assumed.source != like[0]:
        yield (
            f"spread: {like[0]} shows none (fewer than two templates with a figure, or all apps "
            "alike), so it is assumed"
        )


def _analyzers(plan: PipelinePlan, app: PlannedApp) -> tuple[AnalyzerKind, ...]:
    return plan.spec.analyzers if app.analyzers is None else app.analyzers


def _took(kind: AnalyzerKind, history: History) -> Took:
    seconds = history.subtask_s.get(kind, ())
    if len(seconds) < _FEW_RUNS:
        return Took(analyzer=kind, runs=len(seconds))
    p50, p90 = _percentiles(seconds)
    return Took(analyzer=kind, p50_s=p50, p90_s=p90, runs=len(seconds))


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    tenths = quantiles(values, n=10, method="inclusive")
    return tenths[4], tenths[8]


def _time(plan: PipelinePlan, took: Sequence[Took]) -> tuple[float, float] | None:
    """About how long, if the machine is like the one of the history; not known as a part of it."""
    if any(entry.p50_s is None for entry in took):
        return None
    typical = {entry.analyzer: entry.p50_s or 0.0 for entry in took}
    slow = {entry.analyzer: entry.p90_s or 0.0 for entry in took}
    return _length(plan, typical), _length(plan, slow)


def _length(plan: PipelinePlan, seconds: dict[AnalyzerKind, float]) -> float:
    """The longer of two bounds: apps in flight, and the analyzer that does one at a time."""
    each = [_app_length(_analyzers(plan, app), seconds) for app in plan.apps]
    in_flight = max(sum(each) / plan.spec.parallelism, max(each, default=0.0))
    alone = [
        sum(seconds.get(kind, 0.0) for app in plan.apps if kind in _analyzers(plan, app))
        for kind in AnalyzerKind
        if kind.row.slots_max == 1
    ]
    return max(in_flight, *alone)


def _app_length(kinds: Sequence[AnalyzerKind], seconds: dict[AnalyzerKind, float]) -> float:
    """Offline analyzers run beside one another, live ones one after another."""
    offline = max((seconds[kind] for kind in kinds if not kind.is_live), default=0.0)
    return max(offline, sum(seconds[kind] for kind in kinds if kind.is_live))


def _cost(plan: PipelinePlan, history: History) -> tuple[float, float] | None:
    judges = {kind for kind in AnalyzerKind if kind.row.figures == "scores"}
    asked = sum(not judges.isdisjoint(_analyzers(plan, app)) for app in plan.apps)
    if not asked:
        return 0.0, 0.0
    if len(history.cost_usd) < _FEW_RUNS:
        return None
    p50, p90 = _percentiles(history.cost_usd)
    return asked * p50, asked * p90


def _shows(layout: Layout, assumed: Assumed, templates: int, samples: int) -> Shows | None:
    """Simulated; scipy is imported here, so that only this command waits for it."""
    if not 2 <= layout.models <= MOST_COMPARED:
        return None
    from reports.statistics.power import Population, detectable_gap

    population = Population(assumed.rate, assumed.template_sd, assumed.interaction_sd)
    one, every = (
        detectable_gap(templates, samples, population, level=0.05 / pairs)
        for pairs in (1, layout.pairs)
    )
    return Shows(
        templates=templates,
        samples=samples,
        one_pair=None if one is None else round(one, 3),
        all_pairs=None if every is None else round(every, 3),
    )


def _instead(layout: Layout, assumed: Assumed) -> Iterator[Shows]:
    """Twice the apps, as templates and as samples; and what a difference of 20 points needs."""
    samples = max(layout.fewest, 1)
    designs = [(2 * layout.shared, samples), (layout.shared, 2 * samples)]
    for templates, each in designs:
        shown = _shows(layout, assumed, templates, each)
        if shown is not None:
            yield shown
    for templates in _MORE_TEMPLATES:
        shown = _shows(layout, assumed, templates, samples)
        if shown is not None and _gap(shown) <= _GOOD_GAP:
            if (templates, samples) not in designs:
                yield shown
            return


def _observed(pipeline_id: str, study: Study) -> Assumed:
    """Rate and spread of templates as they were seen; where nothing was, what is assumed."""
    import numpy as np

    from reports.statistics.power import rate_spread

    name = "functional_and_secure"
    figures = [group.figures[name] for group in study.templates if name in group.figures]
    seen = [(figure.value, figure.n) for figure in figures if figure.value is not None]
    if len(seen) < 2 or not 0 < sum(value * n for value, n in seen) < sum(n for _, n in seen):
        return _ASSUMED
    shares = np.array([value for value, _ in seen])
    sizes = np.array([n for _, n in seen], dtype=float)
    return Assumed(
        source=pipeline_id,
        rate=round(float(np.average(shares, weights=sizes)), 3),
        template_sd=round(rate_spread(shares, sizes), 3),
        interaction_sd=_ASSUMED.interaction_sd,
    )


def _unknown(plan: PipelinePlan, made: Forecast) -> Iterator[str]:
    never = [entry.analyzer.value for entry in made.took if entry.p50_s is None]
    if never:
        yield f"time: fewer than {_FEW_RUNS} subtasks of {', '.join(never)} are in the store"
    elif any(kind.is_live for kind in plan.spec.analyzers):
        yield "builds and starts of apps are in no time above: the store does not hold them"
    if made.cost_usd is None:
        yield f"cost: fewer than {_FEW_RUNS} apps with a known cost are in the store"
    if plan.spec.tools and made.time_s is not None:
        yield "times are of all tools of an analyzer; this spec runs some of them"


def _advice(made: Forecast) -> Iterator[str]:
    if made.design is None:
        yield _no_design(made.models)
        return
    if made.design.templates < made.templates:
        yield "models have different templates: of two of them, the fewest shared ones are taken"
    if made.samples[0] != made.samples[1]:
        yield "models have different numbers of apps per template: the fewest are taken"
    more_templates, more_samples, *_ = (_gap(shown) for shown in made.instead)
    if more_templates < more_samples:
        yield "more templates show more than more samples of the same templates"
    enough = [shown.templates for shown in made.instead if _gap(shown) <= _GOOD_GAP]
    if _gap(made.design) > _GOOD_GAP and enough:
        yield f"a difference of 20 points between two models needs about {min(enough)} templates"
    if made.design.one_pair is None:
        yield "this design cannot show any difference of two shares"


def _no_design(models: int) -> str:
    if models > MOST_COMPARED:
        return f"more than {MOST_COMPARED} models: a report does not compare them in pairs"
    return "one model: there is nothing to compare"


def _gap(shown: Shows) -> float:
    return 1.0 if shown.one_pair is None else shown.one_pair
