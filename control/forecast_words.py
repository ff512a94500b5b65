"""A forecast in sentences: every program that shows one says the same."""

from collections.abc import Iterator

from control.forecast import Forecast, Shows
from control.time_left import span_in_words


def forecast_lines(found: Forecast) -> Iterator[str]:
    """What a forecast says, for people."""
    fewest, most = found.samples
    samples = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    beside = ", ".join(f"{n} {role}" for role, n in found.beside.items())
    yield (
        f"{found.subjects} apps of {found.models} models on {found.templates} templates, "
        f"{samples} per model and template{f'; beside them {beside}' if beside else ''}"
    )
    yield f"{found.subtasks} subtasks, {found.parallelism} apps in flight"
    yield f"time: {_span(found)}"
    if found.cost_usd is None or found.cost_usd[1] > 0:
        yield f"cost of judges: {_cost(found)}"
    if found.design is not None:
        yield f"shows: {_shown(found.design)}"
        for shown in found.instead:
            yield f"  with {shown.templates} templates, {shown.samples} apps each: {_shown(shown)}"
    if found.assumed is not None:
        yield (
            f"  ({found.assumed.source}: {found.assumed.rate:.0%} pass, spread of templates "
            f"{found.assumed.template_sd:g}, of models on templates "
            f"{found.assumed.interaction_sd:g} log odds; in 80 of 100 studies, at 5 %)"
        )
    for sentence in (*found.advice, *found.unknown):
        yield f"note: {sentence}"


def _span(found: Forecast) -> str:
    if found.time_s is None:
        return "not known"
    return span_in_words(*found.time_s)


def _cost(found: Forecast) -> str:
    if found.cost_usd is None:
        return "not known"
    return f"{found.cost_usd[0]:.2f} to {found.cost_usd[1]:.2f} USD"


def _shown(shown: Shows) -> str:
    return (
        f"{_points(shown.one_pair)} between two models, {_points(shown.all_pairs)} among all pairs"
    )


def _points(gap: float | None) -> str:
    return (
        "no difference, however large,"
        if gap is None
        else f"a difference of {gap * 100:.0f} points"
    )
