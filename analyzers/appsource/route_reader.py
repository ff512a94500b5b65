"""How an analyzer has the routes of an app read: by `routes.py`, in a process of its own."""

import json
import sys
from pathlib import Path

from analyzers.appsource import routes
from analyzers.runtime.tool import Command, ToolRun

MAX_SOURCES = 2_000
_SUFFIXES = (".py", ".js", ".mjs", ".cjs", ".ts")
_PROGRAM = Path(routes.__file__)
_LIMIT_S = 60.0


def route_sources(run: ToolRun) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Source files that are read, and those beyond the first `MAX_SOURCES`."""
    found = run.source.matching(*_SUFFIXES)
    return found[:MAX_SOURCES], found[MAX_SOURCES:]


def routes_command(run: ToolRun) -> Command | None:
    """Writes `{"operations": [...], "unread": [...]}`; None where there is no source to read."""
    files, _ = route_sources(run)
    if not files:
        return None
    newest = run.tools_dir / "venv" / "bin" / "python"
    interpreter = str(newest) if newest.exists() else sys.executable
    return Command(
        argv=(interpreter, "-I", str(_PROGRAM), str(run.source.root)),
        stdin=json.dumps(files).encode(),
        limit_s=_LIMIT_S,
    )
