"""`validate`: says what a spec would run; starts nothing."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cli.exits import Exit
from cli.installation import (
    login_finder,
    machine_of,
    require_stored_baseline,
    require_stored_comparison,
)
from cli.output import print_result, say
from contract.role import AppRole
from contract.roles import in_words
from control.documents import Validated
from control.dryrun import validated
from control.plans import checked_plan
from control.specfile import load_spec
from settings import Settings


async def run_validate(settings: Settings, spec: Path, pipeline_id: str, *, as_json: bool) -> Exit:
    """Read the spec and the fleet as `submit` would, and start nothing."""
    secret = login_finder(settings)
    plan = await asyncio.to_thread(checked_plan, spec, pipeline_id, say, secret)
    await require_stored_baseline(settings, plan)
    await require_stored_comparison(settings, await asyncio.to_thread(load_spec, spec))
    document = await asyncio.to_thread(validated, spec, plan, machine_of(settings))
    for warning in document.warnings:
        say(f"warning: {warning}")
    print_result(document, *_lines(document), as_json=as_json)
    return Exit.OK


def _lines(document: Validated) -> Iterator[str]:
    by_model: dict[str, list[str]] = {}
    subjects = [app for app in document.apps if app.role is AppRole.SUBJECT]
    beside = in_words(Counter(app.role for app in document.apps))
    for app in subjects:
        template = f" ({app.template})" if app.template else ""
        by_model.setdefault(app.model, []).append(f"app{app.app_number}{template}")
    yield f"{document.spec} is right; nothing was started"
    yield (
        f"it would run {len(subjects)} apps of {len(by_model)} models"
        f"{f', and beside them {beside},' if beside else ''} through "
        f"{', '.join(document.analyzers)}: {document.subtasks} subtasks, "
        f"{document.parallelism} apps in flight"
    )
    if document.baseline:
        yield f"  weaknesses are compared with pipeline {document.baseline}"
    if document.suppressions:
        yield f"  {document.suppressions} decisions say that weaknesses need no action"
    for kind, tools in document.tools.items():
        yield f"  {kind}: {', '.join(tools)} alone"
    for model, names in by_model.items():
        yield f"  {model}: {', '.join(names)}"
