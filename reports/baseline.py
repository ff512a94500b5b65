"""What an earlier pipeline says of an app's weaknesses: new, unchanged, fixed, or nobody knows.

Pure. A weakness is known again by its fingerprint. Where it is in one pipeline alone, it counts as
new or fixed only if it would have been seen in the other: its tools looked there, with the same
version and rules, at this place, and their lists were not cut. States are those of SARIF 2.1.0,
3.27.24, `fixed` is its `absent`; `unknown` is none of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from contract import left_out
from contract.analysis import Category, Finding, MeasurementState
from contract.analyzers import AnalyzerKind
from contract.families import families_of
from contract.identity import version_of
from contract.outcome import ALL_TOOLS
from contract.shortening import shortened
from contract.weakness import BaselineState, Weakness
from reports.looked import elsewhere
from reports.model import CellReport

_Kind = tuple[Category, str]
_REASON_CHARS = 300
NOT_IN_BASELINE = "the app is not in the baseline"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one pipeline saw of an app.

    Attributes:
        digest: of the app's files; empty: it is not known.
        weaknesses: those that it has.
        cells: what its tools measured, or why they did not.
    """

    digest: str
    weaknesses: Sequence[Weakness]
    cells: Sequence[CellReport]


@dataclass(frozen=True, slots=True)
class Told:
    """What a comparison says: the weaknesses there are `now`, and those that are `gone`."""

    now: tuple[Weakness, ...]
    gone: tuple[Weakness, ...]


def compared(now: Seen, then: Seen | None, why: str = NOT_IN_BASELINE) -> Told:
    """The weaknesses of `now` with their states, and those of `then` that are not among them.

    Args:
        now: the later pipeline.
        then: the earlier one; None: it does not have the app.
        why: it does not.
    """
    if then is None:
        unknown = (_with(each, BaselineState.UNKNOWN, why) for each in now.weaknesses)
        return Told(tuple(unknown), ())
    same_files = _are_same(now, then)
    again = _known_again(now.weaknesses, then.weaknesses, same_files=same_files)
    found_again = set(again.values())
    looks_then, looks_now = _Looks.of(then), _Looks.of(now)
    return Told(
        now=tuple(
            _with(each, BaselineState.UNCHANGED)
            if place in again
            else _appeared(each, looks_now, looks_then, same_files=same_files)
            for place, each in enumerate(now.weaknesses)
        ),
        gone=tuple(
            _vanished(each, then, now, looks_then, looks_now)
            for place, each in enumerate(then.weaknesses)
            if place not in found_again
        ),
    )


def _are_same(now: Seen, then: Seen) -> bool:
    """Whether the app's files are the same ones."""
    return bool(then.digest) and then.digest == now.digest


def _known_again(
    now: Sequence[Weakness], then: Sequence[Weakness], *, same_files: bool
) -> dict[int, int]:
    """Which weakness of `now` is which of `then`, by their places; each is at most one.

    Those with the same fingerprint find each other first. Then the others do by the identities that
    their joined sightings had alone: with another set of tools, one of these is the fingerprint. In
    the same files, what is of one family at one place is one weakness, however it is identified.
    """
    again: dict[int, int] = {}
    for names_of in (_own_name, _every_name, *([_spot] if same_files else [])):
        taken = set(again.values())
        free: defaultdict[str, list[int]] = defaultdict(list)
        for place in reversed(range(len(then))):
            if place not in taken:
                for name in names_of(then[place]):
                    free[name].append(place)
        for place, weakness in enumerate(now):
            if place not in again and (met := _first_free(free, names_of(weakness), taken)) >= 0:
                again[place] = met
                taken.add(met)
    return again


def _first_free(free: Mapping[str, list[int]], names: Iterable[str], taken: set[int]) -> int:
    """The first place under one of these names that nobody has taken, or -1."""
    for name in names:
        places = free.get(name, [])
        while places:
            if (place := places.pop()) not in taken:
                return place
    return -1


def _own_name(weakness: Weakness) -> tuple[str, ...]:
    return (weakness.finding.fingerprint,) if weakness.finding.fingerprint else ()


def _every_name(weakness: Weakness) -> tuple[str, ...]:
    return (*_own_name(weakness), *weakness.finding.aliases)


def _spot(weakness: Weakness) -> tuple[str, ...]:
    """Its family and place; none where the place is not known to the line or the input."""
    place, family = weakness.finding.location, weakness.family or weakness.finding.rule_id
    if not (place.line if place.path else place.url):
        return ()
    spot = (place.path, place.line, place.method, place.url, place.parameter)
    return ("\0".join((weakness.finding.category, family, *map(str, spot))),)


def _with(weakness: Weakness, state: BaselineState, reason: str = "") -> Weakness:
    return weakness.model_copy(
        update={"baseline": state, "baseline_reason": shortened(reason, _REASON_CHARS)}
    )


@dataclass(frozen=True, slots=True)
class _Looks:
    """The cells of an app by analyzer and tool.

    Attributes:
        kinds: analyzers by the name of their tools.
        cut: categories and families of fused findings that a list that was too long left out.
        recipes: versions of the fingerprints of what each tool saw.
    """

    cells: Mapping[tuple[AnalyzerKind, str], CellReport]
    kinds: Mapping[str, Sequence[AnalyzerKind]]
    cut: frozenset[_Kind]
    recipes: Mapping[str, frozenset[int]]

    @classmethod
    def of(cls, seen: Seen) -> "_Looks":
        kinds: defaultdict[str, list[AnalyzerKind]] = defaultdict(list)
        for cell in seen.cells:
            kinds[cell.tool].append(cell.analyzer)
        cells = {(cell.analyzer, cell.tool): cell for cell in seen.cells}
        cut = _cut_kinds(seen.cells, left_out.FUSED_KEY)
        return cls(cells, kinds, cut, _recipes(seen.weaknesses))

    def by(self, tools: Iterable[str]) -> Iterator[CellReport]:
        """The looks of these tools."""
        for tool in tools:
            yield from (self.cells[kind, tool] for kind in self.kinds.get(tool, ()))

    def like(self, cell: CellReport) -> CellReport | None:
        """The look of the same tool; None: it is not known here."""
        return self.cells.get((cell.analyzer, cell.tool)) or self.cells.get(
            (cell.analyzer, ALL_TOOLS)
        )


def tools_of(finding: Finding) -> tuple[str, ...]:
    """Names of the tools that saw a finding."""
    seen_by = (witness.partition(":")[0] for witness in finding.witnesses)
    return tuple(dict.fromkeys(seen_by)) or (finding.tool,)


def _appeared(weakness: Weakness, now: _Looks, then: _Looks, *, same_files: bool) -> Weakness:
    """New if one of the tools that see it now would have seen it then, in other files.

    What appears in the same files was there before: a live tool does not see the same each time.
    """
    found = weakness.finding
    reasons = [_blind(found, look, then, "then") for look in now.by(tools_of(found))]
    if "" not in reasons:
        return _with(weakness, BaselineState.UNKNOWN, _joined(reasons))
    if same_files:
        reason = "not found before, though the app's files are the same"
        return _with(weakness, BaselineState.UNKNOWN, reason)
    return _with(weakness, BaselineState.NEW)


def _vanished(weakness: Weakness, then: Seen, now: Seen, before: _Looks, after: _Looks) -> Weakness:
    """Fixed if each of the tools that saw it then would see it now."""
    if _are_same(now, then):
        reason = "not found again, though the app's files are the same"
        return _with(weakness, BaselineState.UNKNOWN, reason)
    found = weakness.finding
    reasons = [_blind(found, look, after, "now") for look in before.by(tools_of(found))]
    if reasons and not any(reasons):
        return _with(weakness, BaselineState.FIXED)
    return _with(weakness, BaselineState.UNKNOWN, _joined(reasons))


def _joined(reasons: Iterable[str]) -> str:
    known = dict.fromkeys(reason for reason in reasons if reason)
    return "; ".join(known) or "no cell of its tools is recorded"


def _blind(found: Finding, seeing: CellReport, others: _Looks, when: str) -> str:
    """Why a tool may have missed in the other pipeline what it saw in one; empty: it cannot.

    Args:
        found: what it saw.
        seeing: the look that saw it.
        others: the looks of the other pipeline.
        when: the other pipeline, in a word: `then` or `now`.
    """
    other = others.like(seeing)
    recipes = others.recipes.get(seeing.tool)
    if not found.fingerprint or (recipes and version_of(found.fingerprint) not in recipes):
        return "findings are identified in another way than by that version of Assay"
    if other is None:
        return f"{seeing.name} was not asked {when}"
    if other.state is MeasurementState.NOT_APPLICABLE and _has_nothing(seeing, other):
        return ""
    if other.state is not MeasurementState.MEASURED:
        return f"{seeing.name} did not measure {when}: {other.report.reason}"
    cut = others.cut | _cut_kinds([other], left_out.TOOLS_KEY)
    if not cut.isdisjoint(_kinds(found)):
        return f"the list of {seeing.name} was cut {when}"
    return _other_eyes(seeing, other) or elsewhere(found, seeing, other, when)


def _has_nothing(seeing: CellReport, other: CellReport) -> bool:
    """Whether a tool that reads files proved that there is none for it any more.

    An app may answer unseen, a dependency that lost its exact version is still there, and a cell
    that only stands in for a log that was not imported proves nothing.
    """
    before, unread = seeing.report.coverage, other.report.coverage
    reads_files = before is not None and before.unit == "files" and not seeing.analyzer.is_live
    return reads_files and other.recorded and not (unread and unread.skipped_total)


def _other_eyes(seeing: CellReport, other: CellReport) -> str:
    """Whether the tool was another version, or had other rules."""
    one, two = seeing.report, other.report
    if one.version != two.version:
        return (
            f"{seeing.name} was {one.version or '?'} in one and {two.version or '?'} in the other"
        )
    if one.provenance.rules_digest != two.provenance.rules_digest:
        return f"{seeing.name} had other rules"
    return ""


def _recipes(weaknesses: Iterable[Weakness]) -> dict[str, frozenset[int]]:
    recipes: defaultdict[str, set[int]] = defaultdict(set)
    for weakness in weaknesses:
        for tool in tools_of(weakness.finding):
            recipes[tool].add(version_of(weakness.finding.fingerprint))
    return {tool: frozenset(versions) for tool, versions in recipes.items()}


def _kinds(found: Finding) -> set[_Kind]:
    """What its tools may call it: the joined severity and first number are not those of each."""
    names = (name for number in found.cwe for name in families_of((number,)))
    return {(found.category, name) for name in ("", *names)}


def _cut_kinds(cells: Iterable[CellReport], key: str) -> frozenset[_Kind]:
    """Categories and families of what was left out; no family where no number is known."""
    rows = (row for cell in cells for row in left_out.read(cell.report.data, key))
    return frozenset(
        (row.category, name)
        for row in rows
        for name in (families_of((row.cwe,)) if row.cwe else ("",))
    )
