"""What is wrong with a field, in words for those who wrote it."""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

_QUOTE = "'"
_OF_VALIDATORS = "Value error, "
_NAMES = re.compile(r"\^\[A-Za-z0-9]\[A-Za-z0-9\._-]\{0,(\d+)}\$")


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'static'?`, or nothing."""
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def sentence(mistake: Mapping[str, Any]) -> str:
    """What Pydantic says of a field, without its own words; what was written is not repeated.

    Args:
        mistake: one of `ValidationError.errors()`.
    """
    worded = _WORDED.get(mistake["type"])
    said = worded(mistake.get("ctx", {})) if worded else ""
    return said or str(mistake["msg"]).removeprefix(_OF_VALIDATORS)


def _entries(number: int) -> str:
    return "1 entry" if number == 1 else f"{number} entries"


def _kind(context: Mapping[str, Any]) -> str:
    known = re.findall(r"'([^']*)'", context["expected_tags"])
    field = context["discriminator"].strip(_QUOTE)
    return f"{field} is none of {', '.join(known)}{nearest(str(context['tag']), known)}"


def _pattern(context: Mapping[str, Any]) -> str:
    known = _NAMES.fullmatch(context["pattern"])
    most = int(known[1]) + 1 if known else 0
    letters = "write letters, digits, '.', '_' and '-', a letter or digit first"
    return f"{letters}, {most} characters at most" if known else ""


_WORDED: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "too_short": lambda context: f"needs {_entries(context['min_length'])} at least",
    "too_long": lambda context: f"takes {_entries(context['max_length'])} at most",
    "union_tag_invalid": _kind,
    "union_tag_not_found": lambda context: (
        f"needs the field {context['discriminator'].strip(_QUOTE)}"
    ),
    "string_pattern_mismatch": _pattern,
}
