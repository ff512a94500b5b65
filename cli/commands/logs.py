"""`logs`: prints the kept logs of one app, and says where the other logs are."""

from cli.errors import UserError
from cli.exits import Exit
from cli.installation import store_of
from cli.output import print_json, print_lines, say
from contract.errors import PlatformError
from control.documents import AppLogs, KeptLog
from control.logs import app_logs, text_of
from control.naming import app_of
from settings import Settings


async def run_logs(
    settings: Settings, pipeline_id: str, app: str, name: str, *, lines: int, as_json: bool
) -> Exit:
    """Print the logs of one app; with `as_json`, where they are."""
    stored = store_of(settings)
    document = await app_logs(stored, settings.data_dir, pipeline_id, app_of(app))
    chosen = _chosen(document, name)
    if as_json:
        print_json(document.model_copy(update={"logs": tuple(chosen)}))
        return Exit.OK
    for log in chosen:
        await _print_log(settings, log, lines)
    if not name:
        _say_places(document)
    return Exit.OK


def _chosen(document: AppLogs, name: str) -> list[KeptLog]:
    chosen = [log for log in document.logs if name in ("", log.name)]
    if name and not chosen:
        names = ", ".join(dict.fromkeys(log.name for log in document.logs)) or "none"
        raise UserError(f"{document.app} has no log {name!r}", next_step=f"its logs: {names}")
    return chosen


async def _print_log(settings: Settings, log: KeptLog, lines: int) -> None:
    try:
        text, count = await text_of(settings.data_dir, log, lines)
    except PlatformError as error:
        say(f"--- {log.name}: {error.message}")
        return
    cut = f" (the last {lines} of {count} lines, --lines 0 shows all)" if 0 < lines < count else ""
    say(f"--- {log.name}{cut}: {log.path}")
    print_lines(text)


def _say_places(document: AppLogs) -> None:
    """Say on standard error where things are: standard output is for the logs themselves."""
    say(f"--- {document.app}: {document.state or 'not ended'} {document.reason}".rstrip())
    if not document.logs:
        say("no log is kept: it was not built or started, or has not ended yet")
    for analyzer in document.analyzers:
        states = ", ".join(f"{tool} {state}" for tool, state in analyzer.states.items())
        say(f"{analyzer.analyzer}: {states}")
        if analyzer.result:
            gone = "" if analyzer.result.kept else " (not here)"
            say(f"  result: {analyzer.result.path}{gone}; zstd -dc FILE | tar -xf - unpacks it")
        if analyzer.service_log:
            say(f"  log of the analyzer: {analyzer.service_log}")
    if document.worker_log:
        say(f"log of the worker: {document.worker_log}")
