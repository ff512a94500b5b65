"""`plan`: says what a spec would take and what it could show; starts nothing."""

import asyncio
from pathlib import Path

from cli.exits import Exit
from cli.installation import store_of
from cli.output import print_result, say
from control.errors import WrongInputError
from control.forecast_words import forecast_lines
from control.naming import new_id
from control.planning import forecast
from control.plans import load_plan
from control.reports import read_report
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
