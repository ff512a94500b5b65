"""Findings get their identity where they leave their tool, from the code that they point at."""

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from analyzers.runtime.source.code.outline import Outline, Place
from analyzers.runtime.source.text import encoding_of, read_bytes
from contract.analysis import Finding
from contract.families import families_of
from contract.identity import fingerprint

MAX_FILE_BYTES = 8 * 1024 * 1024
SMALL_CHARS = 16 * 1024
MAX_READ_CHARS = 4 * 1024 * 1024
_NOWHERE = Place("", "", "")


def identified(findings: Sequence[Finding], root: Path) -> list[Finding]:
    """`findings` of the app at `root` with fingerprints and the shapes of their code. Blocking.

    A fingerprint that a tool gave stays: it knows its subject otherwise than by code (an advisory,
    an operation, a question). Of one tool's findings, files of four million characters in total
    are read as source; those of the others are known by their lines.
    """
    by_path: defaultdict[str, list[int]] = defaultdict(list)
    for index, found in enumerate(findings):
        by_path[found.location.path or ""].append(index)
    result = list(findings)
    left = MAX_READ_CHARS
    for path, indices in sorted(by_path.items()):
        needed = path and any(_needs_code(result[index]) for index in indices)
        text = _text(root, path) if needed else ""
        left -= len(text)
        outline = _outline(path if left >= 0 else "", text) if text else None
        for index in indices:
            place = _place(result[index], outline)
            result[index] = _identified(result[index], place)
    return result


def _outline(path: str, text: str) -> Outline:
    """Several tools point at the same small files one after another: these are read once."""
    name = f"file.{path.rpartition('.')[2]}" if "." in path else ""
    return _small(name, text) if len(text) <= SMALL_CHARS else Outline(name, text)


@lru_cache(maxsize=64)
def _small(name: str, text: str) -> Outline:
    return Outline(name, text)


def _needs_code(found: Finding) -> bool:
    """Whether it is about a line of code; the handler of an operation is not what is at fault."""
    return bool(found.location.line) and not found.location.url


def _place(found: Finding, outline: Outline | None) -> Place:
    if outline is None or not _needs_code(found):
        return _NOWHERE
    line, cwe = found.location.line or 0, next(iter(found.cwe), None)
    return outline.place(line, found.location.column, kind_of(found), cwe)


def _identified(found: Finding, place: Place) -> Finding:
    """With its fingerprint, and as an alias the one that it had while settings counted."""
    if found.fingerprint:
        return found.model_copy(update={"shape": place.shape})
    named = kind_of(found), found.location.path or "", place.scope
    update: dict[str, object] = {
        "fingerprint": fingerprint(*named, place.code),
        "shape": place.shape,
    }
    if place.former:
        update["aliases"] = (*found.aliases, fingerprint(*named, place.former))
    return found.model_copy(update=update)


def kind_of(found: Finding) -> str:
    """What a finding says, in no tool's words: its family, or its rule where no CWE is known."""
    family = min(families_of(found.cwe[:1])) if found.cwe else ""
    return family or f"{found.tool}:{found.rule_id}"


def _text(root: Path, path: str) -> str:
    try:
        data = read_bytes(root, path, MAX_FILE_BYTES)
    except (OSError, ValueError):
        return ""
    return data.decode(encoding_of(data), errors="replace").removeprefix("\ufeff")
