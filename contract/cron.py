"""Checks a line of cron before a server sees it, and says which of its fields is wrong."""

import re

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)
_WORDS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_PART = re.compile(r"(\*|\w+(?:-\w+)?)(?:/([1-9][0-9]*))?")


def check_cron(line: str) -> None:
    """Refuse a line of cron that no server takes.

    Raises:
        ValueError: naming the field, and what it may be.
    """
    fields = line.split()
    if line.startswith("@"):
        if line not in _WORDS:
            raise ValueError(f"{line!r} is none of {', '.join(_WORDS)}")
        return
    if len(fields) != len(_FIELDS):
        names = ", ".join(name for name, *_ in _FIELDS)
        raise ValueError(f"{line!r} has {len(fields)} fields; write five: {names}")
    for text, (name, low, high, words) in zip(fields, _FIELDS, strict=True):
        for part in text.split(","):
            _check_part(part, name, low, high, words)


def _check_part(part: str, name: str, low: int, high: int, words: tuple[str, ...]) -> None:
    match = _PART.fullmatch(part)
    if match is None:
        raise ValueError(f"{name}: {part!r} is none of *, 5, 1-5, */10")
    if match[1] == "*":
        return
    ends = [_number(text, name, words) for text in match[1].split("-")]
    if not all(low <= end <= high for end in ends) or ends != sorted(ends):
        raise ValueError(f"{name}: {part!r} is not within {low} to {high}, the lower one first")


def _number(text: str, name: str, words: tuple[str, ...]) -> int:
    if text.isascii() and text.isdigit():
        return int(text)
    if text.lower() not in words:
        known = f" or one of {', '.join(words)}" if words else ""
        raise ValueError(f"{name}: {text!r} is no number{known}")
    return words.index(text.lower()) + (1 if words is _MONTHS else 0)
