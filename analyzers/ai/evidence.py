"""Evidence is checked: the file is there, the line says what was quoted, and it is code."""

import re
from collections.abc import Mapping

from analyzers.ai.injection import WITHHELD
from analyzers.ai.schema import Evidence

_NEARBY_LINES = 2
_PROSE = (".md", ".rst", ".txt", ".adoc")
_COMMENT = {
    "#": (".py", ".sh", ".yml", ".yaml", ".toml", ".rb", "Dockerfile", ".env", ".cfg", ".ini"),
    "//": (".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".java", ".go", ".rs", ".php", ".vue"),
    "<!--": (".html", ".htm", ".vue", ".svg", ".xml", ".jinja", ".j2"),
    "/*": (".css", ".scss", ".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".php", ".java"),
}


def objection(
    evidence: Evidence, files: Mapping[str, tuple[str, ...]], about_documents: bool = False
) -> str:
    """Why `evidence` proves nothing; empty when it stands.

    Args:
        evidence: what a judge pointed at.
        files: the app as the judge saw it.
        about_documents: prose may prove a claim about documentation, nothing else.
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
    if WITHHELD in found or _is_comment(evidence.path, found):
        return f"{evidence.path}:{evidence.line}: a comment, not code"
    return ""


def _quoted_line(evidence: Evidence, lines: tuple[str, ...]) -> str | None:
    """The line that holds the quote: the one named, or one of its neighbours."""
    quote = _squeezed(evidence.quote.splitlines()[0] if evidence.quote.strip() else "")
    if len(quote) < 3:
        return None
    first = max(1, evidence.line - _NEARBY_LINES)
    last = min(len(lines), evidence.line + _NEARBY_LINES)
    numbers = sorted(range(first, last + 1), key=lambda number: abs(number - evidence.line))
    return next((lines[n - 1] for n in numbers if quote in _squeezed(lines[n - 1])), None)


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _is_comment(path: str, line: str) -> bool:
    start = line.strip()
    return any(
        start.startswith(marker) and path.endswith(suffixes)
        for marker, suffixes in _COMMENT.items()
    )
