"""Places of a file where tools saw something, and an index of them by line.

A look-up costs only what is near, not what is in the file: a minified bundle has thousands of
findings, often on one line.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Generic, TypeVar

from analyzers.static.reputation import Reputations
from contract.analysis import Confidence, Finding, Severity
from contract.families import families_of

SLACK_LINES = 2
ADVISORY = 1395  # on a package; the fingerprint is made from (advisory, package, manifest)
_BLOCK_LINES = 16
_MAX_LINES = 2_000  # a longer range is no statement, and is near everything
_SEVERITIES = {severity: rank for rank, severity in enumerate(Severity)}
_CONFIDENCES = {confidence: rank for rank, confidence in enumerate(Confidence)}
Strength = tuple[bool, bool, int, int]
T = TypeVar("T")


def strength(finding: Finding, *, on_path: bool, noisy: bool) -> Strength:
    """Sort key, most believable first: paths, then rules of good reputation."""
    return (
        not on_path,
        noisy,
        _CONFIDENCES[finding.confidence],
        _SEVERITIES[finding.severity],
    )


@dataclass(slots=True)
class Spot:
    """All findings of one tool for one family of weaknesses at one line.

    Attributes:
        line: 0: the file as a whole.
        last: the last line of any of its findings.
        steps: lines of the path on which a taint engine followed the data there; empty: a pattern.
        findings: the strongest first.
        advisory: which advisory on which package; empty for weaknesses of the app's own code.
    """

    tool: str
    families: frozenset[str]
    line: int
    last: int
    strength: Strength
    steps: frozenset[int] = frozenset()
    findings: list[Finding] = field(default_factory=list)
    advisory: str = ""

    def distance(self, other: "Spot") -> int | None:
        """Lines between this spot and another tool's; None where they are two weaknesses."""
        if self.advisory or other.advisory:
            return 0 if self.advisory == other.advisory else None
        if self.families.isdisjoint(other.families):
            return None
        if self._crosses(other) or other._crosses(self):
            return 0
        apart = max(self.line - other.last, other.line - self.last, 0)
        return apart if apart <= SLACK_LINES else None

    def _crosses(self, other: "Spot") -> bool:
        return any(self.line <= step <= self.last for step in other.steps)


def spots_of(
    sightings: Iterable[tuple[Finding, frozenset[int]]], reputations: Reputations
) -> list[Spot]:
    """One spot per tool, family and line; the strongest spots first.

    Args:
        sightings: findings of one file, each with the lines of its path.
        reputations: how far the rules of their tools can be believed.
    """
    found: dict[tuple[object, ...], Spot] = {}
    ranked = (
        (strength(seen, on_path=bool(steps), noisy=reputations.is_noisy(seen)), seen, steps)
        for seen, steps in sightings
    )
    for worth, sighting, steps in sorted(ranked, key=lambda item: item[0]):
        line = sighting.location.line or 0
        last = min(max(line, sighting.location.end_line or line), line + _MAX_LINES)
        families = families_of(sighting.cwe)
        advisory = sighting.fingerprint if ADVISORY in sighting.cwe else ""
        # Two findings about a file as a whole may be two things.
        alone = sighting.fingerprint if not line else ""
        key = (sighting.tool, line, families, advisory, alone)
        spot = found.get(key)
        if spot is None:
            spot = found[key] = Spot(sighting.tool, families, line, last, worth, advisory=advisory)
        spot.findings.append(sighting)
        spot.last = max(spot.last, last)
        spot.steps |= steps
    return sorted(found.values(), key=lambda spot: spot.strength)


@dataclass(slots=True)
class Nearby(Generic[T]):
    """Items by the lines of one file: a look-up gives all that may be near, and more."""

    _places: dict[tuple[str, int], list[T]] = field(default_factory=dict)
    _steps: dict[tuple[str, int], list[T]] = field(default_factory=dict)
    _advisories: dict[str, list[T]] = field(default_factory=dict)

    def put(self, item: T, spot: Spot) -> None:
        """Let a look-up find `item` wherever `spot` is."""
        if spot.advisory:
            self._advisories.setdefault(spot.advisory, []).append(item)
            return
        for family in spot.families:
            for block in _blocks(spot.line, spot.last):
                self._places.setdefault((family, block), []).append(item)
            for step in spot.steps:
                self._steps.setdefault((family, step), []).append(item)

    def near(self, spot: Spot) -> Iterator[T]:
        """Items that may be one weakness with `spot`, each once."""
        if spot.advisory:
            return iter(self._advisories.get(spot.advisory, ()))
        found = chain.from_iterable(
            self._places.get((family, block), ())
            for family in spot.families
            for block in self._wanted(spot)
        )
        on_steps = chain.from_iterable(
            self._steps.get((family, line), ())
            for family in spot.families
            for line in range(spot.line, spot.last + 1)
        )
        return iter({id(item): item for item in chain(found, on_steps)}.values())

    def _wanted(self, spot: Spot) -> set[int]:
        around = _blocks(spot.line - SLACK_LINES, spot.last + SLACK_LINES)
        return {*around, *(step // _BLOCK_LINES for step in spot.steps)}


def _blocks(first: int, last: int) -> range:
    return range(first // _BLOCK_LINES, last // _BLOCK_LINES + 1)
