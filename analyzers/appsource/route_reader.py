"""Reads the routes of an app for an analyzer: once for a run, by a separate program."""

import json
import sys
from pathlib import Path

from analyzers.appsource.manifests import npm_manifests
from analyzers.appsource.reading.others import OTHER_SUFFIXES
from analyzers.appsource.route_map import RouteMap, Unread, parse_route_map
from analyzers.runtime.reasons import cause_of
from analyzers.runtime.tool import Command, Execute, SourceTree, ToolFault, ToolRun
from contract.analysis import SkipCause

MAX_SOURCES = 2_000
SOURCE_SUFFIXES = (".py", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".jsx")
_PROGRAM = Path(__file__).with_name("program.py")
_PARSER = "node_modules/@babel/parser/lib/index.js"
_NO_SERVER = {SkipCause.MINIFIED, SkipCause.GENERATED}
_LIMIT_S = 60.0
_SHARED = "appsource.routes"


async def read_routes(run: ToolRun, execute: Execute) -> RouteMap:
    """The app's routes; read when a tool of the run first asks, then passed on.

    A failure of the reader itself is no fault of the asking tool: the map then has no route, and
    says which files are unread and why.
    """
    known = run.shared.get(_SHARED)
    if isinstance(known, RouteMap):
        return known
    found = await _read(run, execute)
    run.shared[_SHARED] = found
    return found


async def _read(run: ToolRun, execute: Execute) -> RouteMap:
    files, beyond = route_sources(run)
    unread = [
        Unread(file=name, reason=f"beyond the first {MAX_SOURCES} source files") for name in beyond
    ]
    given = {*files, *beyond}
    unread += [
        Unread(file=name, reason=reason, may_route=cause_of(reason) not in _NO_SERVER)
        for name, reason in run.source.withheld(*SOURCE_SUFFIXES, *OTHER_SUFFIXES)
        if name not in given
    ]
    command = routes_command(run)
    if command is None:
        return RouteMap(unread=tuple(unread))
    try:
        done = await execute(command)
        found = parse_route_map(done.stdout)
    except (ToolFault, ValueError) as fault:
        reason = f"the route reader failed: {fault}"[:300]
        unread += [Unread(file=name, reason=reason) for name in files]
        return RouteMap(unread=tuple(unread))
    return found.model_copy(update={"unread": (*found.unread, *unread)})


def route_sources(run: ToolRun) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Source files to read, and those beyond the first `MAX_SOURCES`.

    Where there are more, files nearer to the root are read: a server is rarely deep in its tree.
    """
    wanted = (*SOURCE_SUFFIXES, *OTHER_SUFFIXES)
    found = run.source.matching(*wanted) + _maybe_utf16(run.source, wanted)
    if len(found) > MAX_SOURCES:
        found = tuple(sorted(found, key=lambda name: (name.count("/"), name)))
    return found[:MAX_SOURCES], found[MAX_SOURCES:]


def _maybe_utf16(source: SourceTree, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Sources that count as binary because every other byte is zero; the reader looks closer."""
    return tuple(
        name
        for name, why in source.left_out
        if cause_of(why) is SkipCause.BINARY and name.endswith(wanted)
    )


def routes_command(run: ToolRun) -> Command | None:
    """The command that writes a map of routes as JSON; None where there is no source to read."""
    files, _ = route_sources(run)
    if not files:
        return None
    newest = run.tools_dir / "venv" / "bin" / "python"
    interpreter = str(newest) if newest.exists() else sys.executable
    manifests = npm_manifests(run.source.files)[:MAX_SOURCES]
    request = {"files": (*files, *manifests), "parser": javascript_parser(run.tools_dir)}
    return Command(
        argv=(interpreter, "-I", str(_PROGRAM), str(run.source.root)),
        stdin=json.dumps(request).encode(),
        limit_s=_LIMIT_S,
    )


def javascript_parser(tools_dir: Path) -> str | None:
    """Babel's parser among an analyzer's tools, else among those of another one on this host."""
    for folder in (tools_dir, *sorted(tools_dir.parent.glob("*"))):
        if (folder / _PARSER).is_file():
            return str(folder / _PARSER)
    return None
