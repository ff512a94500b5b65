"""Checks evidence: the file exists, the line holds the quoted text, and it is code."""

import re
from collections.abc import Mapping

from analyzers.ai.injection import WITHHELD
from analyzers.ai.schema import Evidence
from analyzers.ai.words import comment_lines

_NEARBY_LINES = 2
_PROSE = (".md", ".rst", ".txt", ".adoc")


def objection(
    evidence: Evidence, files: Mapping[str, tuple[str, ...]], about_documents: bool = False
) -> str:
    """Why `evidence` proves nothing; empty when it holds.

    Args:
        evidence: the place that a judge named.
        files: the app as the judge saw it.
        about_documents: prose may prove a claim about documentation, but nothing else.
    """
    lines = files.get(evidence.path)
    if lines is None:
        return f"{evidence.path}: no such file"
    if not 1 <= evidence.line <= len(lines):
        return f"{evidence.path}:{evidence.line}: the file has {len(lines)} lines"
    if not about_documents and evidence.path.lower().endswith(_PROSE):
        return f"{evidence.path}:{evidence.line}: prose, not code"
    found = _quoted_line(evidence, lines)
    if found is None:
        return f"{evidence.path}:{evidence.line}: does not say what was quoted"
    if WITHHELD in lines[found - 1] or found in comment_lines(evidence.path, lines):
        return f"{evidence.path}:{evidence.line}: a comment, not code"
    return ""


def placed(evidence: Evidence, files: Mapping[str, tuple[str, ...]]) -> Evidence:
    """The evidence at the line that really holds its quote: judges miscount by one or two."""
    number = _quoted_line(evidence, files[evidence.path])
    return evidence.model_copy(update={"line": number or evidence.line})


def _quoted_line(evidence: Evidence, lines: tuple[str, ...]) -> int | None:
    """Number of the line that holds the quote: the named one, or a neighbour."""
    quote = _squeezed(evidence.quote.splitlines()[0] if evidence.quote.strip() else "")
    if len(quote) < 3:
        return None
    first = max(1, evidence.line - _NEARBY_LINES)
    last = min(len(lines), evidence.line + _NEARBY_LINES)
    numbers = sorted(range(first, last + 1), key=lambda number: abs(number - evidence.line))
    return next((number for number in numbers if quote in _squeezed(lines[number - 1])), None)


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)
