"""One weakness that several tools saw becomes one finding, with its witnesses and a confidence.

A union of tools is worse than the best of them: each brings its false alarms. So tools do not vote.
A path from the request to the harm (taint) is believed; a pattern is believed as far as its rule
deserves (`reputation.py`); and tools that share their heuristics count as one witness.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from analyzers.static.families import families_of
from analyzers.static.reputation import is_advice, is_noisy, school_of
from contract.analysis import Category, Confidence, Finding, MeasurementState, Severity, ToolReport

_ADVISORY = 1395  # on a package; (advisory, package, manifest) is what the fingerprint is made of
_SLACK_LINES = 2
_SEVERITY_ORDER = tuple(Severity)
_CONFIDENCE_ORDER = tuple(Confidence)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One tool's finding and its way through the file.

    Attributes:
        lines: where it was seen.
        steps: lines of the path on which a taint engine followed the data there; None: a pattern.
    """

    finding: Finding
    lines: frozenset[int]
    steps: frozenset[int] | None = None

    @property
    def families(self) -> frozenset[str]:
        """Families of weaknesses it may be."""
        return families_of(self.finding.cwe)

    @property
    def strength(self) -> tuple[bool, bool, int, int]:
        """Sorts the most believable first: paths, then rules of good name."""
        found = self.finding
        return (
            self.steps is None,
            is_noisy(found.tool, found.rule_id),
            _CONFIDENCE_ORDER.index(found.confidence),
            _SEVERITY_ORDER.index(found.severity),
        )

    def distance(self, other: "Sighting") -> int | None:
        """Lines between this sighting and `other`; None where they are two weaknesses."""
        mine, its = self.finding, other.finding
        if _ADVISORY in (*mine.cwe, *its.cwe):
            return 0 if mine.fingerprint == its.fingerprint and mine.tool != its.tool else None
        if not self.families & other.families:
            return None
        if mine.tool == its.tool:
            # Two places are two weaknesses; on one line, two rules may look at the same thing.
            same = mine.location.line == its.location.line and mine.rule_id != its.rule_id
            return 0 if same else None
        on_path = self.lines & (other.steps or set()) or other.lines & (self.steps or set())
        apart = 0 if on_path else _apart(self.lines, other.lines)
        return apart if apart <= _SLACK_LINES else None


@dataclass(slots=True)
class Weakness:
    """Sightings of one weakness, the strongest first."""

    sightings: list[Sighting] = field(default_factory=list)

    def distance(self, other: Sighting) -> int | None:
        """Lines between this weakness and `other`; None where it is another weakness."""
        apart: list[int] = []
        for mine in self.sightings:
            lines = mine.distance(other)
            if lines is not None:
                apart.append(lines)
            elif mine.finding.tool == other.finding.tool:
                return None
        return min(apart, default=None)

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
        if any(sighting.steps is not None for sighting in self.sightings):
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
                steps = paths.get(path_key(found))
                way = None if steps is None else frozenset(steps)
                yield Sighting(found, frozenset(_own_lines(found)), way)


def path_key(found: Finding) -> str:
    """Under what a tool's `data["paths"]` keeps the lines of a finding's taint path.

    The fingerprint alone is not enough: two equal lines of a file share it.
    """
    return f"{found.fingerprint}:{found.location.line}"


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
