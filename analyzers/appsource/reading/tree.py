"""One pass over an app's sources: every file is read and parsed once, then all are linked."""

import time
from pathlib import Path

from analyzers.appsource.reading.javascript_files import (
    JAVASCRIPT,
    Scripts,
    may_route_javascript,
    packages_of,
    read_javascript,
)
from analyzers.appsource.reading.links import Budget, Collected, Linker
from analyzers.appsource.reading.others import other_language
from analyzers.appsource.reading.python_files import (
    is_test,
    may_route_python,
    parse_python,
    read_python,
)
from analyzers.appsource.reading.reach import Reach
from analyzers.runtime.source.text import decoded, read_bytes

MAX_FILE_BYTES = 1_000_000
MAX_TOTAL_BYTES = 30_000_000
_PEEK_BYTES = 5_000_000
_ENOUGH_S = 30.0
"""After this long no further file is read: the program has 60 s."""


def read_tree(
    root: Path, files: list[str], parser: str | None = None, budget: Budget | None = None
) -> dict:
    """Routes, frameworks and unreadable parts. Never raises for the content of a file."""
    found = Collected(budget=budget or Budget())
    end = time.monotonic() + _ENOUGH_S
    python, scripts = _sources(root, files, found, end)
    modules = parse_python(python, found)
    read_python(modules, found)
    read_javascript(scripts, parser, found, end)
    linker = Linker(found, Reach(found.budget).of)
    rows = linker.rows()
    _unseen(found, linker.families())
    return {
        "operations": rows,
        "unread": [[unread.file, unread.reason] for unread in found.unread],
        "lost": [[unread.line, unread.may_route] for unread in found.unread],
        "frameworks": sorted(found.frameworks),
    }


def _sources(
    root: Path, files: list[str], found: Collected, end: float
) -> tuple[dict[str, str], Scripts]:
    """Texts by language; unreadable files are noted."""
    python: dict[str, str] = {}
    scripts = Scripts()
    left_bytes = MAX_TOTAL_BYTES
    for file in files:
        manifest = file.endswith("package.json")
        if reason := other_language(file):
            found.miss(file, reason)
            continue
        try:
            data = read_bytes(root, file, _PEEK_BYTES)
            text = decoded(data)
        except (ValueError, OSError) as error:
            found.miss(file, f"{error}", may_route=not is_test(file) and not manifest)
            continue
        left_bytes -= len(data)
        if manifest:
            scripts.packages |= packages_of(text)
        elif reason := _refused(len(data), left_bytes, end):
            hint = may_route_python if file.endswith(".py") else may_route_javascript
            found.miss(file, reason, may_route=hint(file, text))
        else:
            (scripts.texts if file.endswith(JAVASCRIPT) else python)[file] = text
    return python, scripts


def _refused(size: int, left_bytes: int, end: float) -> str:
    """Why a file is not parsed; empty where it is."""
    if size > MAX_FILE_BYTES:
        return f"larger than {MAX_FILE_BYTES} bytes"
    if left_bytes < 0:
        return f"not read: beyond the first {MAX_TOTAL_BYTES} bytes of the app's sources"
    return "not read: the time for one app was used up" if time.monotonic() > end else ""


_BENEATH = {"ninja": "django"}  # whose URL configuration mounts the other's operations


def _unseen(found: Collected, shown: set[str]) -> None:
    """A framework in use without a single route: something was missed."""
    shown = shown | {_BENEATH[name] for name in shown & _BENEATH.keys()}
    for framework, file in found.frameworks.items():
        named = {unread.file for unread in found.unread if framework in unread.reason}
        if framework not in shown and not named:
            found.miss(file, f"{framework} is used here, but no route of it could be read")
