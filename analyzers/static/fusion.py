"""One weakness that several tools saw becomes one finding, with its witnesses and a confidence.

A union of tools is worse than the best of them: each brings its false alarms. So tools do not vote.
A path from the request to the harm (taint) is believed; a pattern is believed as far as its rule
deserves (`reputation.py`); and tools that share their heuristics count as one witness.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from analyzers.static.families import families_of
from analyzers.static.reputation import is_advice, is_noisy, school_of
from contract.analysis import (
    Category,
    Confidence,
    Finding,
    MeasurementState,
    Severity,
    ToolReport,
)

_SLACK_LINES = 2
_SEVERITY_ORDER = tuple(Severity)
_CONFIDENCE_ORDER = tuple(Confidence)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One tool's finding, with every line of its path through the file.

    Attributes:
        lines: where it was seen and, for a taint path, each step on the way.
        is_path: a taint engine followed the data there.
    """

    finding: Finding
    lines: frozenset[int]
    is_path: bool = False

    @property
    def families(self) -> frozenset[str]:
        """Families of weaknesses it may be."""
        return families_of(self.finding.cwe)

    @property
    def strength(self) -> tuple[bool, bool, int, int]:
        """Sorts the most believable first: paths, then rules of good name."""
        found = self.finding
        return (
            not self.is_path,
            is_noisy(found.tool, found.rule_id),
            _CONFIDENCE_ORDER.index(found.confidence),
            _SEVERITY_ORDER.index(found.severity),
        )


@dataclass(slots=True)
class Weakness:
    """Sightings of one weakness, the strongest first."""

    sightings: list[Sighting] = field(default_factory=list)

    def distance(self, other: Sighting) -> int | None:
        """Lines between this weakness and `other`; None where it is another weakness."""
        best: int | None = None
        for mine in self.sightings:
            if mine.finding.location.path != other.finding.location.path:
                return None
            apart = _apart(mine.lines, other.lines)
            if mine.finding.tool == other.finding.tool and apart > 0:
                return None  # one tool that points at two places means two weaknesses
            if mine.families & other.families and apart <= _SLACK_LINES:
                best = apart if best is None else min(best, apart)
        return best

    def fused(self) -> Finding:
        """The strongest sighting, with what the others add."""
        first = self.sightings[0].finding
        findings = [sighting.finding for sighting in self.sightings]
        witnesses = dict.fromkeys(f"{found.tool}:{found.rule_id}" for found in findings)
        numbers = dict.fromkeys(number for found in findings for number in found.cwe)
        return first.model_copy(
            update={
                "tool": "fused",
                "confidence": self.confidence(),
                "witnesses": tuple(witnesses),
                "cwe": tuple(numbers),
            }
        )

    def confidence(self) -> Confidence:
        """High for a path; else the best reputation, raised when independent tools agree."""
        if any(sighting.is_path for sighting in self.sightings):
            return Confidence.HIGH
        findings = [sighting.finding for sighting in self.sightings]
        solid = [found for found in findings if not is_noisy(found.tool, found.rule_id)]
        if not solid:
            return Confidence.LOW
        best = min((found.confidence for found in solid), key=_CONFIDENCE_ORDER.index)
        if len({school_of(found.tool) for found in findings}) > 1 and best is Confidence.MEDIUM:
            return Confidence.HIGH
        return best


def fuse(reports: Sequence[ToolReport]) -> tuple[Finding, ...]:
    """The app's weaknesses, worst first. Quality findings and mere advice are not among them."""
    weaknesses: list[Weakness] = []
    by_path: dict[str | None, list[Weakness]] = {}
    for sighting in sorted(_sightings(reports), key=lambda item: item.strength):
        nearby = by_path.setdefault(sighting.finding.location.path, [])
        known = _closest(nearby, sighting)
        if known is None:
            known = Weakness()
            nearby.append(known)
            weaknesses.append(known)
        known.sightings.append(sighting)
    return tuple(sorted((weakness.fused() for weakness in weaknesses), key=_worst_first))


def _sightings(reports: Sequence[ToolReport]) -> Iterable[Sighting]:
    for report in reports:
        if report.state is not MeasurementState.MEASURED:
            continue
        paths = report.data.get("paths", {})
        for found in report.findings:
            if found.category is Category.SECURITY and not is_advice(found.tool, found.rule_id):
                steps = paths.get(found.fingerprint)
                lines = frozenset(_own_lines(found)) | frozenset(steps or ())
                yield Sighting(found, lines, is_path=steps is not None)


def _own_lines(found: Finding) -> range:
    line = found.location.line or 0
    return range(line, max(line, found.location.end_line or line) + 1)


def _closest(weaknesses: Iterable[Weakness], sighting: Sighting) -> Weakness | None:
    near = [
        (apart, known) for known in weaknesses if (apart := known.distance(sighting)) is not None
    ]
    return min(near, key=lambda item: item[0])[1] if near else None


def _apart(mine: frozenset[int], other: frozenset[int]) -> int:
    if mine & other:
        return 0
    return min(abs(one - two) for one in mine for two in other)


def _worst_first(found: Finding) -> tuple[int, int, str, int, str]:
    return (
        _SEVERITY_ORDER.index(found.severity),
        _CONFIDENCE_ORDER.index(found.confidence),
        found.location.path or "",
        found.location.line or 0,
        found.rule_id,
    )
