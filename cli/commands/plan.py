"""`plan`: says what a spec would take and what it could show; starts nothing."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from cli.exits import Exit
from cli.installation import store_of
from cli.output import print_result, say
from control.errors import WrongInputError
from control.forecast import Forecast, Shows
from control.naming import new_id
from control.planning import forecast
from control.plans import load_plan
from control.reports import read_report
from control.time_left import span_in_words
from reports.study.model import Study
from settings import Settings


async def run_plan(settings: Settings, spec: Path, like: str | None, *, as_json: bool) -> Exit:
    """Read the spec and the fleet, and look at what recent pipelines took."""
    plan = await asyncio.to_thread(load_plan, spec, new_id(spec.stem), say)
    history = await store_of(settings).history()
    known = None if like is None else (like, _study(settings, like))
    document = await asyncio.to_thread(forecast, str(spec.absolute()), plan, history, known)
    print_result(document, *forecast_lines(document), as_json=as_json)
    return Exit.OK


def _study(settings: Settings, pipeline_id: str) -> Study:
    study = read_report(settings.data_dir, pipeline_id).study
    if not study.fleet.apps:
        raise WrongInputError(
            f"--like: the report of {pipeline_id!r} has no study",
            next_step="name a pipeline with several apps, or leave --like out",
        )
    return study


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
