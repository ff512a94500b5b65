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
_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
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


def is_ever(line: str) -> bool:
    """Whether the day that a line means is in any of its months: there is no 31 February.

    Args:
        line: that `check_cron` takes.
    """
    if line.startswith("@"):
        return True
    _, _, days, months, _ = line.split()
    first = min(_members(days, _FIELDS[2]))
    return any(first <= _LENGTHS[month - 1] for month in _members(months, _FIELDS[3]))


def _members(text: str, field: tuple[str, int, int, tuple[str, ...]]) -> set[int]:
    """The numbers that a field of a line means; `7/10` goes on to the highest."""
    name, low, high, words = field
    members = set[int]()
    for part in text.split(","):
        span, _, step = part.partition("/")
        ends = [low, high] if span == "*" else [_number(e, name, words) for e in span.split("-")]
        last = high if step and len(ends) == 1 else ends[-1]
        members.update(range(ends[0], last + 1, int(step or 1)))
    return members


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
