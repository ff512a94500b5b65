"""Weaknesses in the source, found by family and line. Pure."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from contract.analysis import Finding
from contract.families import SERVICE_WIDE, family_of
from reports.reach import Reach, Span

HandlerKey = tuple[str | None, int | None, frozenset[str]]
"""File and line of a handler, and the families of the weakness that was found there."""


@dataclass(slots=True)
class Place:
    """A weakness in the source, and the requests that have shown it.

    Attributes:
        steps: lines of the path that the data takes to it; empty: a pattern was found, no path.
        words: words on these lines and on its own line.
        handled: whether it is in a handler of some route; known for families of a whole service
            alone.
        shown: findings of requests that have shown it.
        inputs: for each handler, the input that has shown it.
    """

    found: Finding
    steps: tuple[int, ...]
    words: frozenset[str]
    handled: bool
    shown: list[Finding] = field(default_factory=list)
    inputs: dict[HandlerKey, str] = field(default_factory=dict)


class Places:
    """All weaknesses in an app's source; iteration keeps their order."""

    def __init__(self, sources: Sequence[Finding], reach: Reach):
        self._all = [
            Place(
                found,
                reach.steps_of(found),
                reach.words(found),
                not SERVICE_WIDE.isdisjoint(family_of(found)) and reach.is_handled(found),
            )
            for found in sources
        ]
        self._of: defaultdict[str, list[Place]] = defaultdict(list)
        lines: defaultdict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
        for index, place in enumerate(self._all):
            at = place.found.location
            for family in family_of(place.found):
                self._of[family].append(place)
                key = family, at.path or ""
                lines[key] += [(line, index) for line in {at.line or 0, *place.steps}]
        self._lines = {key: sorted(rows) for key, rows in lines.items()}

    def __iter__(self) -> Iterator[Place]:
        return iter(self._all)

    def of(self, families: Iterable[str]) -> list[Place]:
        """All weaknesses of these families."""
        return [place for family in families for place in self._of[family]]

    def within(self, families: Iterable[str], spans: Iterable[Span]) -> list[Place]:
        """Weaknesses that are on these lines or whose paths lead over them, in their order."""
        wanted = list(families)
        found: set[int] = set()
        for file, first, last in spans:
            for family in wanted:
                rows = self._lines.get((family, file), [])
                start, end = bisect_left(rows, (first, -1)), bisect_left(rows, (last + 1, -1))
                found |= {index for _, index in rows[start:end]}
        return [self._all[index] for index in sorted(found)]
