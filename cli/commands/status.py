"""`status`: lists pipelines, or shows one of them; works without a running stack, too."""

from contextlib import suppress

from cli.documents import PipelineList
from cli.exits import Exit
from cli.installation import has_server, store_of, stored_progress
from cli.output import print_json, print_lines, print_result, say
from cli.program import command
from cli.session import open_session
from cli.view import render_list, render_progress
from contract.errors import PlatformError
from contract.record import PipelineListing
from control.alerts import firing_alerts
from control.documents import PipelineStatus
from control.errors import NoPipelineError, PrunedError, ServerAwayError
from control.estimate import Estimate
from control.listing import UNFINISHED, merged, without_pruned
from control.pipelines import Pipeline, Served, list_pipelines
from control.serving import by_id
from control.time_left import in_words
from settings import Settings


async def run_list(settings: Settings, *, as_json: bool) -> Exit:
    """List every pipeline that the store or the server knows."""
    (stored, pruned), served = await _stored(settings), await _served(settings)
    lines = merged(stored, None if served is None else without_pruned(served, pruned))
    if as_json:
        print_json(PipelineList(pipelines=tuple(lines)))
    elif lines:
        print_lines(render_list(lines))
    else:
        say(f"no pipeline yet; start one with {command('submit SPEC')}")
    if served is None and any(line.state == UNFINISHED for line in lines):
        say(f"no stack runs; what is unfinished goes on after {command('up')}")
    await _say_alerts(settings)
    return Exit.OK


async def _say_alerts(settings: Settings) -> None:
    """Say that alerts fire, if anybody watches."""
    with suppress(PlatformError):
        told = await firing_alerts(store_of(settings))
        if told.watched and told.alerts:
            names = ", ".join(dict.fromkeys(one.name for one in told.alerts))
            say(f"alerts fire: {names}; {command('alerts')} tells more")


async def _stored(settings: Settings) -> tuple[tuple[PipelineListing, ...], frozenset[str]]:
    """What is recorded, and the IDs of those that were removed on purpose."""
    store = store_of(settings)
    try:
        return await store.pipelines(), await store.pruned()
    except PlatformError as error:
        if not has_server(settings):
            raise
        say(f"the store cannot be read, so this is what the server knows: {error.message}")
        return (), frozenset()


async def _served(settings: Settings) -> dict[str, Served] | None:
    """What the server lists; None where there is none."""
    if not has_server(settings):
        return None
    async with open_session(settings, say, start=False) as session:
        return by_id(await list_pipelines(session.client))


async def run_status(settings: Settings, pipeline_id: str, *, as_json: bool) -> Exit:
    """Show one pipeline as its workflow says, or, where no server knows it, as the store does."""
    missing = None
    if has_server(settings):
        async with open_session(settings, say, start=False) as session:
            pipeline = Pipeline(session.client, pipeline_id)
            try:
                return await _show_live(settings, pipeline, as_json=as_json)
            except NoPipelineError as error:
                missing = error
            except ServerAwayError as error:  # the store knows a pipeline that has ended
                if await pipeline.is_running():
                    raise
                missing = error
    progress, state = await stored_progress(settings, pipeline_id, missing)
    document = PipelineStatus.of(progress, told_by="store", state=state)
    print_result(document, render_progress(progress), as_json=as_json)
    return Exit.OK


async def _require_kept(settings: Settings, pipeline_id: str) -> None:
    try:
        await store_of(settings).require_kept(pipeline_id)
    except PrunedError:
        raise
    except PlatformError as error:
        say(f"the store cannot be read, so this is what the server knows: {error.message}")


async def _show_live(settings: Settings, pipeline: Pipeline, *, as_json: bool) -> Exit:
    progress, running = await pipeline.snapshot()
    if not running:
        await _require_kept(settings, pipeline.id)
    left, unknown = await Estimate(pipeline).of(progress) if running else (None, "")
    words = in_words(left) if left else f"time left {unknown}" if unknown else ""
    document = PipelineStatus.of(progress, told_by="server", left=left, left_unknown=unknown)
    print_result(document, render_progress(progress, words), as_json=as_json)
    return Exit.OK
