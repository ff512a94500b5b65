"""One cheap request per candidate decides what is worth loading: paths that answer 2xx themselves.

An operation that answers 404, 401 or 500 is listed with its status and never averaged in: the time
of an error page says nothing about the app. The same holds for a page that answers any path.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from analyzers.appsource.route_reader import read_routes
from analyzers.performance.candidates import hinted_paths
from analyzers.performance.host import Thresholds, wait_until_calm
from analyzers.performance.nothing import Kind
from analyzers.performance.operations import Found, Named, Operation
from analyzers.performance.probe import new_client
from analyzers.performance.routes import Sourced, template_paths
from analyzers.performance.target_survey import TargetSurvey
from analyzers.runtime.tool import Execute, ToolRun
from contract.analysis import Skipped, Target

# We wait for a limit that is over so soon; then everything is asked once more.
MAX_WAIT_S = 60.0
_MAY_PASS = frozenset({Kind.SERVER_ERROR, Kind.SILENT, Kind.LIMITED})
_NEUTRAL = frozenset({Kind.MISSING, Kind.FALLBACK, Kind.WRITES})


@dataclass(frozen=True, slots=True)
class Survey:
    """The operations that can be loaded, and the others with their status."""

    operations: tuple[Operation, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...] = ()


async def survey_app(run: ToolRun, execute: Execute, calm_wait_s: float = 0.0) -> Survey:
    """Ask every candidate that template, OpenAPI document, pages and source name; see `survey`.

    If everything fails, it is asked once more: when the host is calm, or when the app's own limit
    is over.

    Raises:
        AppFault, NotApplicable, ToolFault: nothing can be loaded, as `blame.ROWS` say.
    """
    hints = await asyncio.to_thread(hinted_paths, run.source)
    sourced = Sourced(await read_routes(run, execute))
    named = Named(template_paths(run.request.template), sourced, hints)
    found = await survey(run.request.targets, named)
    if not found.operations and await _may_pass(run, found, calm_wait_s):
        found = await survey(run.request.targets, named)
    if not found.operations:
        raise found.verdict(sourced)
    skipped = (*found.skipped, *sourced.known.skipped)
    return Survey(tuple(found.operations), skipped, tuple(found.notes))


async def survey(targets: Sequence[Target], named: Named) -> Found:
    """Ask every candidate of every target once, whatever its role: a name proves nothing.

    At most 40 per target, in order of trust, and within 60 s in all: an app that answers slowly or
    without end costs no more. Back ends come first: pages that a front end only passes on are
    theirs.
    """
    found = Found(single=len(targets) == 1)
    for target in sorted(targets, key=lambda by_role: by_role.role == "frontend"):
        async with new_client() as client:
            await TargetSurvey(client, target, named, found).run()
    return found


async def _may_pass(run: ToolRun, found: Found, calm_wait_s: float) -> bool:
    """Wait for a change that may help, a quota or a calm host; False where none may."""
    meaningful = found.kinds - _NEUTRAL
    if not meaningful or not meaningful <= _MAY_PASS:
        return False
    waits = [miss.wait_s for miss in found.misses if miss.wait_s is not None]
    if waits and min(waits) <= MAX_WAIT_S:
        run.progress(f"the app asks its clients to wait: asked again in {min(waits):.0f} s")
        await asyncio.sleep(min(waits))
        return True
    if Kind.LIMITED in meaningful:
        return False
    run.progress("nothing can be loaded: asked again once the host is calm")
    await wait_until_calm(Thresholds(), calm_wait_s)
    return True
