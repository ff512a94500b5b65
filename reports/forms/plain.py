"""Texts in Markdown: what apps and models are called can be no syntax of it.

What could be a mention, a link, a reference to an issue or an element becomes a character
reference, which no Markdown reader takes for syntax (CommonMark 0.31, 2.5); the rest is escaped.
"""

import re
from collections.abc import Iterable, Sequence

_MAX_CHARS = 300
# Control characters, and those that change the direction of what follows.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_ESCAPED = re.compile(r"[\\`*_\[\]~|!]")
_REPLACED = re.compile(r"[<>&@#$]|(?<=[a-zA-Z]):(?=//)|(?<=www)\.", re.IGNORECASE)


def md(text: str, max_chars: int = _MAX_CHARS) -> str:
    """`text` as a part of a line of Markdown that shows it, and does nothing else."""
    words = " ".join(_UNPRINTABLE.sub(" ", text).split())
    if len(words) > max_chars:
        words = f"{words[: max_chars - 1]}…"
    replaced = _REPLACED.sub(lambda found: f"&#{ord(found[0])};", words)
    return _ESCAPED.sub(r"\\\g<0>", replaced)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table; cells are Markdown. The first column stands left, the others right."""
    rule = ["---", *("---:" for _ in head[1:])]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]
