"""Commands that only look: status, report, validate, logs. None of them needs a running stack."""

import asyncio
from pathlib import Path

from cli.errors import UserError
from cli.exits import Exit
from cli.follow import Estimate, show_report, status_document
from cli.program import command
from cli.session import open_session
from cli.terminal import print_json, say, stdout
from cli.view import render_list, render_progress
from contract.errors import PlatformError
from control.documents import AppLogs, KeptLog, PipelineList, Validated
from control.dryrun import validated
from control.listing import UNFINISHED, has_server, merged, stored_pipelines, stored_progress
from control.logs import app_logs, text_of
from control.naming import app_of
from control.pipelines import NoPipelineError, Pipeline, ServerAwayError, list_pipelines
from control.plans import checked_plan
from control.time_left import in_words
from settings import Settings


async def run_list(settings: Settings, *, as_json: bool) -> Exit:
    """Every pipeline, by the store, and by the server where there is one."""
    try:
        stored = await stored_pipelines(settings)
    except PlatformError as error:
        if not has_server(settings):
            raise
        say(f"the store cannot be read, so this is what the server knows: {error.message}")
        stored = ()
    served = None
    if has_server(settings):
        async with open_session(settings, say, start=False) as session:
            served = {one.id: one for one in await list_pipelines(session.client)}
    lines = merged(stored, served)
    if as_json:
        print_json(PipelineList(pipelines=tuple(lines)))
    elif lines:
        stdout.print(render_list(lines))
    else:
        say(f"no pipeline yet; start one with {command('submit SPEC')}")
    if served is None and any(line.state == UNFINISHED for line in lines):
        say(f"no stack runs; what is unfinished goes on after {command('up')}")
    return Exit.OK


async def run_status(settings: Settings, pipeline_id: str, *, as_json: bool) -> Exit:
    """One pipeline: by its workflow where a server knows it, else by the store."""
    missing = None
    if has_server(settings):
        async with open_session(settings, say, start=False) as session:
            pipeline = Pipeline(session.client, pipeline_id)
            try:
                return await _show_live(pipeline, as_json=as_json)
            except NoPipelineError as error:
                missing = error
            except ServerAwayError as error:  # one that ended needs no worker to be told of
                if await pipeline.is_running():
                    raise
                missing = error
    progress, state = await stored_progress(settings, pipeline_id, missing)
    if as_json:
        print_json(status_document(progress, told_by="store", state=state))
    else:
        stdout.print(render_progress(progress))
    return Exit.OK


async def _show_live(pipeline: Pipeline, *, as_json: bool) -> Exit:
    progress, running = await pipeline.snapshot()
    left, unknown = await Estimate(pipeline).of(progress) if running else (None, "")
    if as_json:
        print_json(status_document(progress, told_by="server", left=left, unknown=unknown))
        return Exit.OK
    words = in_words(left) if left else f"time left {unknown}" if unknown else ""
    stdout.print(render_progress(progress, words))
    return Exit.OK


async def run_report(settings: Settings, pipeline_id: str, *, as_json: bool, strict: bool) -> Exit:
    """Print a written report; needs no server."""
    return show_report(settings, pipeline_id, as_json=as_json, strict=strict)


async def run_validate(settings: Settings, spec: Path, pipeline_id: str, *, as_json: bool) -> Exit:
    """Read the spec and the fleet as `submit` would, and start nothing."""
    plan = await asyncio.to_thread(checked_plan, settings, spec, pipeline_id, say)
    document = await asyncio.to_thread(validated, settings, spec, plan)
    for warning in document.warnings:
        say(f"warning: {warning}")
    if as_json:
        print_json(document)
    else:
        _print_validated(document)
    return Exit.OK


def _print_validated(document: Validated) -> None:
    by_model: dict[str, list[str]] = {}
    for app in document.apps:
        template = f" ({app.template})" if app.template else ""
        by_model.setdefault(app.model, []).append(f"app{app.app_number}{template}")
    stdout.print(f"{document.spec} is right; nothing was started")
    stdout.print(
        f"it would run {len(document.apps)} apps of {len(by_model)} models through "
        f"{', '.join(document.analyzers)}: {document.subtasks} subtasks, "
        f"{document.parallelism} apps in flight"
    )
    for kind, tools in document.tools.items():
        stdout.print(f"  {kind}: {', '.join(tools)} alone")
    for model, names in by_model.items():
        stdout.print(f"  {model}: {', '.join(names)}")


async def run_logs(
    settings: Settings, pipeline_id: str, app: str, name: str, *, lines: int, as_json: bool
) -> Exit:
    """Print what was kept of one app's build, start and containers, and where the rest is."""
    document = await app_logs(settings, pipeline_id, app_of(app))
    chosen = [log for log in document.logs if name in ("", log.name)]
    if name and not chosen:
        names = ", ".join(dict.fromkeys(log.name for log in document.logs)) or "none"
        raise UserError(f"{document.app} has no log {name!r}", next_step=f"its logs: {names}")
    if as_json:
        print_json(document.model_copy(update={"logs": tuple(chosen)}))
        return Exit.OK
    for log in chosen:
        await _print_log(settings, log, lines)
    if not name:
        _print_places(document)
    return Exit.OK


async def _print_log(settings: Settings, log: KeptLog, lines: int) -> None:
    try:
        text, count = await text_of(settings, log, lines)
    except PlatformError as error:
        say(f"--- {log.name}: {error.message}")
        return
    shown = f"the last {lines} of {count} lines, --lines 0 shows all" if 0 < lines < count else ""
    say(f"--- {log.name}{f' ({shown})' if shown else ''}: {log.path}")
    stdout.print(text)


def _print_places(document: AppLogs) -> None:
    """To people: the logs themselves are what standard output is for."""
    say(f"--- {document.app}: {document.state or 'not ended'} {document.reason}".rstrip())
    if not document.logs:
        say("no log is kept: it was not built or started, or has not ended yet")
    for one in document.analyzers:
        states = ", ".join(f"{tool} {state}" for tool, state in one.states.items())
        say(f"{one.analyzer}: {states}")
        if one.result:
            gone = "" if one.result.kept else " (not here)"
            say(f"  result: {one.result.path}{gone}; zstd -dc FILE | tar -xf - unpacks it")
        if one.service_log:
            say(f"  log of the analyzer: {one.service_log}")
    if document.worker_log:
        say(f"log of the worker: {document.worker_log}")
