"""Texts in SARIF logs: what apps under test and tools wrote can be no syntax of the format."""

import re
from urllib.parse import quote

# Control characters but for tab and line feed, and halves of surrogate pairs: JSON readers differ
# in what they make of them.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_ESCAPES = str.maketrans({"{": "{{", "}": "}}", "[": "\\[", "]": "\\]"})
MAX_NAME_CHARS = 120
MAX_ID_CHARS = 255


def cleaned(text: str) -> str:
    """`text` without what a reader could stumble over."""
    return _UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n"))


def plain(text: str, max_chars: int = 4_000) -> str:
    """`text` as a plain text message.

    Braces would be placeholders (SARIF 2.1.0, 3.11.5) and brackets links (3.11.6).
    """
    kept = cleaned(text)
    if len(kept) > max_chars:
        kept = f"{kept[: max_chars - 1]}…"
    return kept.translate(_ESCAPES)


def identifier(text: str) -> str:
    """`text` as the ID of a rule: one line that is not empty."""
    return " ".join(cleaned(text).split())[:MAX_ID_CHARS] or "unnamed"


def words(rule_id: str) -> list[str]:
    """The words of a rule's ID: `axe-html-has-lang` and `axeHtmlHasLang` have the same four."""
    return _WORD.findall(rule_id)


def is_worded(rule_id: str) -> bool:
    """Whether a rule's ID says something to people, as `no-eval` does and `PIE790` does not."""
    return any(len(word) > 2 and not word.isupper() and word.isalpha() for word in words(rule_id))


def pascal_case(rule_id: str) -> str:
    """A rule's name as SARIF wants it (3.49.7): `PythonSqlInjection`; empty where none is left."""
    return "".join(word.capitalize() for word in words(rule_id))[:MAX_NAME_CHARS]


def sentence(rule_id: str) -> str:
    """A rule's ID as words of a sentence: `Unused attribute`; codes (`B608`) stay as they are."""
    return " ".join(words(rule_id))[:MAX_NAME_CHARS].capitalize() if is_worded(rule_id) else rule_id


def relative_uri(path: str) -> str:
    """A file's path as a URI reference (RFC 3986); its name may hold anything."""
    return quote(path, safe="/", errors="replace")


def is_within(path: str) -> bool:
    """Whether a path stays in the folder it is relative to and is written in one way only."""
    parts = path.split("/")
    return "" not in parts and "." not in parts and ".." not in parts
