"""Findings point at files that exist: people open them, and some programs refuse other logs."""

import os
import posixpath
from collections.abc import Sequence
from pathlib import Path

from contract.analysis import Finding
from contract.source_digest import is_covered

_NOWHERE = {"path": None, "line": None, "end_line": None, "column": None}
_MAX_MESSAGE_CHARS = 4_000


def rooted(findings: Sequence[Finding], root: Path) -> list[Finding]:
    """`findings` whose paths are regular files of the app at `root`, in one spelling. Blocking.

    A path that is no such file (a mistake of a tool or a judge) moves into the message.
    """
    real_root = os.path.realpath(root)
    names = {_path(finding) for finding in findings} - {""}
    known = {name: _known(real_root, name) for name in names}
    return [_rooted(finding, known.get(_path(finding), "")) for finding in findings]


def _path(finding: Finding) -> str:
    return finding.location.path or ""


def _known(root: str, path: str) -> str:
    """`path` from `root` in one spelling; empty if it is no regular file of the app."""
    name = posixpath.relpath(path, root) if path.startswith("/") else posixpath.normpath(path)
    full = os.path.join(root, name)
    try:
        inside = os.path.realpath(full) == full  # no link, and not outside the app
        return name if inside and os.path.isfile(full) and is_covered(name) else ""
    except (OSError, ValueError):  # NUL bytes, names that are too long
        return ""


def _rooted(finding: Finding, path: str) -> Finding:
    given = _path(finding)
    if path == given:
        return finding
    if path:
        place = finding.location.model_copy(update={"path": path})
        return finding.model_copy(update={"location": place})
    message = f"{finding.message} (said of {given}, which is no file of the app)"
    place = finding.location.model_copy(update=_NOWHERE)
    cut = message[:_MAX_MESSAGE_CHARS]
    return finding.model_copy(update={"location": place, "message": cut})
