"""How an analyzer has the routes of an app read: by `routes.py`, in a process of its own."""

import json
import sys
from pathlib import Path

from analyzers.runtime import routes
from analyzers.runtime.tool import Command, ToolRun

SOURCE_SUFFIXES = (".py", ".js", ".mjs", ".cjs", ".ts")
_PROGRAM = Path(routes.__file__)
_MAX_FILES = 2_000
_LIMIT_S = 60.0


def routes_command(run: ToolRun) -> Command | None:
    """Writes `{"operations": [...], "unread": [...]}`; None where there is no source to read."""
    files = run.source.matching(*SOURCE_SUFFIXES)[:_MAX_FILES]
    if not files:
        return None
    newest = run.tools_dir / "venv" / "bin" / "python"
    interpreter = str(newest) if newest.exists() else sys.executable
    return Command(
        argv=(interpreter, "-I", str(_PROGRAM), str(run.source.root)),
        stdin=json.dumps(files).encode(),
        limit_s=_LIMIT_S,
    )
