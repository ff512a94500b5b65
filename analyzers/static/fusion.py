"""Merges the sightings of one weakness by several tools into one finding with its witnesses.

A union of tools is worse than the best of them, because each adds its false alarms. So tools do not
vote. A path from the request to the harm (taint) is believed. A pattern is believed as far as its
rule deserves (`reputation.py`). Tools that share their heuristics count as one witness.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from analyzers.static.reputation import Reputations
from analyzers.static.spots import Nearby, Spot, spots_of
from contract.analysis import Category, Confidence, Finding, MeasurementState, Severity, ToolReport
from contract.families import INJECTIONS, path_key
from contract.identity import joined_aliases

_SEVERITY_ORDER = tuple(Severity)
_CONFIDENCE_ORDER = tuple(Confidence)
_LOW = _CONFIDENCE_ORDER.index(Confidence.LOW)


@dataclass(slots=True)
class Weakness:
    """Spots of one weakness, one for each tool, the strongest first."""

    spots: dict[str, list[Spot]] = field(default_factory=dict)

    def add(self, spot: Spot) -> None:
        """Add the sighting of one more tool."""
        self.spots.setdefault(spot.tool, []).append(spot)

    def distance(self, other: Spot) -> int | None:
        """Lines between this weakness and `other`; None where it is another weakness."""
        for spot in self.spots.get(other.tool, ()):
            # Two places are two weaknesses; on one line, two rules look at the same thing.
            if spot.line != other.line or not other.line or spot.distance(other) is None:
                return None
        apart = [
            lines
            for spots in self.spots.values()
            for known in spots
            if (lines := known.distance(other)) is not None
        ]
        return min(apart, default=None)

    def fused(self, reputations: Reputations) -> Finding:
        """The strongest sighting, with the additions of the others."""
        spots = [spot for known in self.spots.values() for spot in known]
        findings = [found for spot in spots for found in spot.findings]
        witnesses = dict.fromkeys(f"{found.tool}:{found.rule_id}" for found in findings)
        numbers = dict.fromkeys(number for found in findings for number in found.cwe)
        return findings[0].model_copy(
            update={
                "tool": "fused",
                "confidence": _confidence(spots, findings, reputations),
                "witnesses": tuple(witnesses),
                "cwe": tuple(numbers),
                "aliases": joined_aliases(findings[0], findings[1:]),
            }
        )


def fuse(reports: Sequence[ToolReport], reputations: Reputations) -> tuple[Finding, ...]:
    """The app's weaknesses, worst first. Quality findings and mere advice are left out.

    Raises:
        KeyError: a tool that reports weaknesses has no reputation.
    """
    by_path: defaultdict[str | None, list[tuple[Finding, frozenset[int]]]] = defaultdict(list)
    for found, steps in _sightings(reports, reputations):
        by_path[found.location.path].append((found, steps))
    files = (spots_of(sightings, reputations) for sightings in by_path.values())
    weaknesses = [weakness for spots in files for weakness in _of_file(spots)]
    fused = (weakness.fused(reputations) for weakness in weaknesses)
    return tuple(sorted(fused, key=_worst_first))


def _of_file(spots: Iterable[Spot]) -> list[Weakness]:
    weaknesses: list[Weakness] = []
    nearby = Nearby[Weakness]()
    for spot in spots:
        known = _closest(nearby.near(spot), spot)
        if known is None:
            known = Weakness()
            weaknesses.append(known)
        known.add(spot)
        nearby.put(known, spot)
    return weaknesses


def _closest(weaknesses: Iterable[Weakness], spot: Spot) -> Weakness | None:
    near = [
        (apart, weakness)
        for weakness in weaknesses
        if (apart := weakness.distance(spot)) is not None
    ]
    return min(near, key=lambda item: item[0])[1] if near else None


def _sightings(
    reports: Sequence[ToolReport], reputations: Reputations
) -> Iterable[tuple[Finding, frozenset[int]]]:
    for report in reports:
        if report.state is not MeasurementState.MEASURED:
            continue
        paths = report.data.get("paths", {})
        for found in report.findings:
            if found.category is Category.SECURITY and not reputations.is_advice(found):
                yield found, frozenset(paths.get(path_key(found), ()) if paths else ())


def _confidence(
    spots: Sequence[Spot], findings: Sequence[Finding], reputations: Reputations
) -> Confidence:
    """High for a path; else the best reputation, one step higher when independent tools agree.

    A low one stays low, except for injections: a weak hash says nothing about its purpose, however
    many tools report it.
    """
    if any(spot.steps for spot in spots):
        return Confidence.HIGH
    solid = [found for found in findings if not reputations.is_noisy(found)]
    best = min((_CONFIDENCE_ORDER.index(found.confidence) for found in solid), default=_LOW)
    agreed = len({reputations.school_of(found) for found in findings}) > 1
    if best == _LOW and INJECTIONS.isdisjoint(spots[0].families):
        agreed = False
    return _CONFIDENCE_ORDER[max(best - 1, 0) if agreed else best]


def _worst_first(found: Finding) -> tuple[int, int, str, int, str]:
    return (
        _SEVERITY_ORDER.index(found.severity),
        _CONFIDENCE_ORDER.index(found.confidence),
        found.location.path or "",
        found.location.line or 0,
        found.rule_id,
    )
