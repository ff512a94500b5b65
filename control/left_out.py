"""Lists that are cut say so."""

from collections.abc import Sequence


def some(lines: Sequence[str], most: int, what: str) -> tuple[str, ...]:
    """The first lines, and one that says how many more there are.

    >>> some(["a", "b", "c"], 2, "letters"), some(["a"], 2, "letters")
    (('a', 'b', 'and 1 more letters'), ('a',))
    """
    left = len(lines) - most
    return tuple(lines) if left <= 0 else (*lines[:most], f"and {left} more {what}")
