"""One pass over an app's sources: every file is read and parsed once, then all are linked."""

import time
from pathlib import Path

from analyzers.appsource.reading.javascript_files import (
    JAVASCRIPT,
    may_route_javascript,
    read_javascript,
)
from analyzers.appsource.reading.links import Collected, Linker
from analyzers.appsource.reading.others import other_language
from analyzers.appsource.reading.python_files import (
    is_test,
    may_route_python,
    parse_python,
    read_python,
)
from analyzers.appsource.text import decoded, read_bytes

MAX_FILE_BYTES = 1_000_000
MAX_TOTAL_BYTES = 30_000_000
_PEEK_BYTES = 5_000_000
_ENOUGH_S = 30.0
"""After this long no further file is read: the program has 60 s."""


def read_tree(root: Path, files: list[str], parser: str | None = None) -> dict:
    """Routes, frameworks and what could not be read. Never raises for what a file holds."""
    found = Collected()
    end = time.monotonic() + _ENOUGH_S
    python, javascript = _sources(root, files, found, end)
    modules = parse_python(python, found)
    read_python(modules, found)
    read_javascript(root, javascript, parser, found, end)
    linker = Linker(found)
    rows = linker.rows()
    _unseen(found, linker.families())
    return {
        "operations": rows,
        "unread": [[one.file, one.reason] for one in found.unread],
        "lost": [[one.line, one.may_route] for one in found.unread],
        "frameworks": sorted(found.frameworks),
    }


def _sources(
    root: Path, files: list[str], found: Collected, end: float
) -> tuple[dict[str, str], dict[str, str]]:
    """Texts by language; what cannot be read is noted."""
    python: dict[str, str] = {}
    javascript: dict[str, str] = {}
    total = 0
    for file in files:
        if reason := other_language(file):
            found.miss(file, reason)
            continue
        try:
            data = read_bytes(root, file, _PEEK_BYTES)
            text = decoded(data)
        except (ValueError, OSError) as error:
            found.miss(file, f"{error}", may_route=not is_test(file))
            continue
        total += len(data)
        late = time.monotonic() > end
        if len(data) > MAX_FILE_BYTES or total > MAX_TOTAL_BYTES or late:
            hint = may_route_python if file.endswith(".py") else may_route_javascript
            reason = f"larger than {MAX_FILE_BYTES} bytes"
            if len(data) <= MAX_FILE_BYTES:
                reason = f"not read: {'the time' if late else 'the size'} for one app was used up"
            found.miss(file, reason, may_route=hint(file, text))
            continue
        (javascript if file.endswith(JAVASCRIPT) else python)[file] = text
    return python, javascript


def _unseen(found: Collected, shown: set[str]) -> None:
    """A framework in use without one route of it: something was missed."""
    for framework, file in found.frameworks.items():
        named = {one.file for one in found.unread if framework in one.reason}
        if framework not in shown and not named:
            found.miss(file, f"{framework} is used here, but no route of it could be read")
