"""Lines of an app's source around a place, if its folder still is what was measured.

The folder is a stranger's: links are not followed out of it, long files are not read, and it may be
gone or changed since.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from threading import Lock

from clients.appfolder.faults import AppFault
from clients.appfolder.tree import inside
from clients.source import digest_tree
from contract.analysis import Finding
from contract.errors import PlatformError
from contract.spec import SourceRef
from control.app_documents import Excerpt, SourceLine

AROUND, MOST_MARKED = 6, 40
_MOST_BYTES, _LINE_CHARS = 2 * 1024 * 1024, 500
_FRESH_S, _MOST_KEPT = 10.0, 256
_MOST_COMPARED_BYTES = 64 * 1024 * 1024
_ENDS = re.compile(r"\r\n|\r|\n")
_digests: OrderedDict[str, tuple[float, str]] = OrderedDict()
_lock = Lock()
_turns = tuple(Lock() for _ in range(16))  # who asks for a folder that is being read waits for it


def excerpt_of(
    source: SourceRef, finding: Finding, sightings: Iterable[Finding] = ()
) -> Excerpt | None:
    """Lines around a finding; None: it names no file. Blocking.

    Args:
        source: of the app, as it was measured.
        finding: one of its findings.
        sightings: what tools said of it before fusion: one of them may quote the line.
    """
    where = finding.location
    if not where.path:
        return None
    quote = _quoted(finding, sightings)
    kept = Excerpt(path=where.path, line=where.line, state="gone", quote=quote)
    lines, why = _lines_of(Path(source.path), where.path)
    if lines is None:
        return kept.model_copy(update={"note": why})
    if where.line is None or where.line > len(lines):
        there = f"the file has {len(lines):,} lines" if where.line else "no line is named"
        return kept.model_copy(update={"state": "other", "note": there})
    state, note = _state(source, lines[where.line - 1], quote)
    shown = () if state == "other" else _around(lines, where.line, where.end_line or where.line)
    return kept.model_copy(update={"state": state, "note": note, "lines": shown})


def _quoted(finding: Finding, sightings: Iterable[Finding]) -> str:
    """The code as a tool that read the source quoted it; what requests showed is none."""
    where = finding.location
    for one in (finding, *sightings):
        same = one.location.path == where.path and one.location.line == where.line
        if same and not one.location.url and one.evidence:
            return one.evidence
    return ""


def _lines_of(root: Path, relative: str) -> tuple[list[str] | None, str]:
    """The lines of a file, or why they cannot be shown."""
    if not root.is_dir():
        return None, f"the app's folder {root} is not on this machine any more"
    try:
        path = inside(root, relative, "path")
        if not path.is_file():
            return None, "the file is not in the app's folder any more"
        if path.stat().st_size > _MOST_BYTES:
            return None, f"the file is larger than {_MOST_BYTES // 1024**2} MiB"
        text = path.read_bytes().decode("utf-8", "replace")
    except (AppFault, PlatformError, OSError) as error:
        return None, f"the file cannot be read: {error}"
    lines = _ENDS.split(text)
    return lines if lines[-1] else lines[:-1], ""


def _state(source: SourceRef, line: str, quote: str) -> tuple[str, str]:
    """Whether the folder still is what was measured, and what to say of it."""
    large = source.size_bytes > _MOST_COMPARED_BYTES
    if not large and source.digest and _digest_now(source.path) == source.digest:
        return "same", ""
    changed = "the app's folder is not what was measured any more"
    if large or not source.digest:
        changed = "nobody compared the app's folder with what was measured: "
        changed += "it is too large" if large else "its digest was not kept"
    first = next((part for part in _ENDS.split(quote) if part.strip()), "")
    if first and "".join(first.split()) in "".join(line.split()):
        return "changed", f"{changed}; this line still reads as the tool quoted it"
    if first:
        return "other", f"{changed}, and this line reads otherwise now"
    return "other", f"{changed}, and no tool quoted the line"


def _around(lines: list[str], first: int, last: int) -> tuple[SourceLine, ...]:
    last = min(max(first, last), first + MOST_MARKED - 1, len(lines))
    shown = range(max(1, first - AROUND), min(len(lines), last + AROUND) + 1)
    return tuple(
        SourceLine(
            number=number,
            text=lines[number - 1][:_LINE_CHARS],
            marked=first <= number <= last,
        )
        for number in shown
    )


def _digest_now(path: str) -> str:
    """Digest of a folder, at most ten seconds old; empty: it cannot be known, or it grew."""
    with _turns[hash(path) % len(_turns)]:
        with _lock:
            at, digest = _digests.get(path, (float("-inf"), ""))
        if time.monotonic() - at < _FRESH_S:
            return digest
        try:
            digest = digest_tree(Path(path), _MOST_COMPARED_BYTES).digest
        except PlatformError:
            digest = ""
        with _lock:
            _digests[path] = time.monotonic(), digest
            while len(_digests) > _MOST_KEPT:
                _digests.popitem(last=False)
        return digest
