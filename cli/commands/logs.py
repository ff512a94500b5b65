"""`logs`: what the programs of the local stack and an app's containers said, merged by time."""

import asyncio
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.text import Text

from cli.errors import UserError
from cli.exits import Exit
from cli.installation import store_of
from cli.output import print_json, print_lines, say
from cli.safe import one_line, shown
from cli.terminal import stdout
from clients.log_lines import plain
from contract.errors import PlatformError
from contract.spec import AppRef
from control.errors import WrongInputError
from control.log_documents import AppLogs, KeptLog, LogLine, PipelineLogs
from control.log_files import StackLogs
from control.log_records import LEVELS, PARTS, Wanted, since_of
from control.logs import app_logs, kept_at, stack_logs, text_of
from control.naming import app_of
from settings import Settings

_POLL_S = 0.5
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_STYLES = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red", "DEBUG": "dim"}


@dataclass(frozen=True, slots=True)
class Asked:
    """The arguments of `logs`."""

    pipeline_id: str
    app: str
    name: str
    lines: int
    parts: tuple[str, ...] = ()
    level: str = "DEBUG"
    since: str | None = None
    follow: bool = False
    as_json: bool = False

    def wanted(self, app: AppRef | None) -> Wanted:
        """Which records of the programs.

        Raises:
            WrongInputError: no such part or level; no time.
        """
        _require("--part", self.parts, PARTS)
        _require("--level", [self.level.upper()], LEVELS)
        return Wanted(
            pipeline_id=self.pipeline_id,
            app=app.label if app else "",
            parts=self.parts or PARTS,
            level=self.level.upper(),
            since=since_of(self.since, datetime.now(UTC)) if self.since else None,
        )


def _require(option: str, given: Iterable[str], known: Sequence[str]) -> None:
    for value in given:
        if value not in known:
            raise WrongInputError(
                f"{option}: unknown {value[:60]!r}", next_step=f"one of {', '.join(known)}"
            )


async def run_logs(settings: Settings, asked: Asked) -> Exit:
    """Print what is asked for; with `--json` as one document, or by line when followed."""
    ref = app_of(asked.app) if asked.app else None
    logs = stack_logs(settings.data_dir, asked.wanted(ref))
    try:
        if ref is None:
            await store_of(settings).outline(asked.pipeline_id)  # or it says which there are
            _print_pipeline(asked, logs)
        else:
            await _print_app(settings, asked, ref, logs)
        for path, why in logs.unread.items():
            say(f"--- {path} cannot be read: {why}")
        if asked.follow:
            await _follow(asked, logs)
    finally:
        logs.close()
    return Exit.OK


def _print_pipeline(asked: Asked, logs: StackLogs) -> None:
    lines, left_out = logs.last(asked.lines)
    if asked.as_json and not asked.follow:
        told = PipelineLogs(
            pipeline_id=asked.pipeline_id,
            lines=tuple(lines),
            left_out=left_out,
            parts=logs.parts,
        )
        print_json(told)
        return
    if not logs.parts:
        say("no program of a local stack keeps a log here: read them where the programs run")
    if left_out:
        total = asked.lines + left_out
        say(f"--- the last {asked.lines} of {total} records, --lines 0 shows all")
    for line in lines:
        _print_line(line, as_json=asked.as_json)


async def _print_app(settings: Settings, asked: Asked, ref: AppRef, logs: StackLogs) -> None:
    document = await app_logs(store_of(settings), settings.data_dir, asked.pipeline_id, ref)
    chosen = _chosen(document, asked)
    lines = () if asked.name else logs.last(asked.lines)[0]
    if asked.as_json and not asked.follow:
        print_json(document.model_copy(update={"logs": tuple(chosen), "lines": tuple(lines)}))
        return
    left = list(chosen)
    for line in lines:
        while left and (kept_at(left[0]) or _BEGINNING) <= (line.at or _BEGINNING):
            await _print_log(settings, left.pop(0), asked.lines)
        _print_line(line, as_json=asked.as_json)
    for log in left:
        await _print_log(settings, log, asked.lines)
    if not asked.name and not asked.follow:
        _say_places(document)


def _chosen(document: AppLogs, asked: Asked) -> list[KeptLog]:
    """The kept logs, oldest first; none where one asks for a program alone."""
    if asked.parts and not asked.name:
        return []
    chosen = [log for log in document.logs if asked.name in ("", log.name)]
    if asked.name and not chosen:
        names = ", ".join(dict.fromkeys(log.name for log in document.logs)) or "none"
        raise UserError(f"{document.app} has no log {asked.name!r}", next_step=f"its logs: {names}")
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


async def _follow(asked: Asked, logs: StackLogs) -> None:
    """Print what comes, until the command is interrupted."""
    while True:
        for line in logs.more():
            _print_line(line, as_json=asked.as_json)
        sys.stdout.flush()
        await asyncio.sleep(_POLL_S)


def _print_line(line: LogLine, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(line.model_dump(mode="json")) + "\n")
        return
    at = line.at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if line.at else "-" * 23
    more = {**({"app": line.app} if line.app else {}), **line.more}
    about = f"  ({', '.join(f'{key} {value}' for key, value in more.items())})" if more else ""
    said = one_line(plain(line.message + about))
    text = Text(f"{at} {line.part:<11} {line.level:<8} {said}")
    text.stylize(_STYLES.get(line.level, ""))
    stdout.print(text, soft_wrap=True)
    if line.error:
        more = "\n".join(f"    {shown(row)}" for row in plain(line.error).split("\n"))
        stdout.print(more, soft_wrap=True)


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
