"""Which weaknesses of an app its scaffold brought, and which the model did.

A weakness is the scaffold's if it is the same one (fingerprint: kind, file, function, shape) and
the code at fault reads the same. Where a model wrote it once more, that one is the model's. A
weakness is the model's only if the scaffold was looked at for it: by its tool, in its file, and
without a list that was cut.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from contract import left_out
from contract.analysis import Finding, MeasurementState
from contract.outcome import ALL_TOOLS
from contract.role import AppRole
from contract.weakness import Origin
from reports.baseline import tools_of
from reports.model import AppReport, CellReport

_FUSED, _SHOWN = "fused", ". Shown: "


@dataclass(frozen=True, slots=True)
class _Look:
    """One tool's look at a scaffold.

    Attributes:
        made: it looked, or proved that there is nothing for it.
        cut: kinds of its findings that its list leaves out.
        skipped: files that it left out.
        unnamed: it left out more than it names.
    """

    made: bool
    cut: frozenset[left_out.Kind]
    skipped: frozenset[str]
    unnamed: bool

    @classmethod
    def of(cls, cell: CellReport) -> "_Look":
        """The look that a cell stands for."""
        coverage = cell.report.coverage
        nothing = cell.state is MeasurementState.NOT_APPLICABLE and cell.recorded
        unread = coverage.skipped_total if coverage else 0
        return cls(
            made=cell.state is MeasurementState.MEASURED or (nothing and not unread),
            cut=left_out.kinds(cell.report.data, left_out.TOOLS_KEY),
            skipped=frozenset(item.what for item in coverage.skipped) if coverage else frozenset(),
            unnamed=coverage is not None and unread > len(coverage.skipped),
        )

    def would_see(self, finding: Finding) -> bool:
        """Whether what the tool saw in an app would be known if the scaffold had it."""
        path = finding.location.path
        left_it_out = path is not None and (self.unnamed or path in self.skipped)
        return self.made and not left_it_out and not _is_cut(finding, self.cut)


@dataclass(frozen=True, slots=True)
class Scaffold:
    """What the analysis of one scaffold brought.

    Attributes:
        found: numbers of its weaknesses, by name (fingerprint or alias) and code.
        looks: those of its tools, by their name.
        cut: kinds of fused findings that were left out, because their list was too long.
        wordy: names of its weaknesses that show no code.
    """

    found: Mapping[tuple[str, str], Sequence[int]]
    looks: Mapping[str, Sequence[_Look]]
    cut: frozenset[left_out.Kind]
    wordy: frozenset[str] = frozenset()

    def origins(self, findings: Iterable[Finding]) -> list[Origin]:
        """Who brought each of these findings of one app, in their order."""
        every = list(findings)
        brought = self._brought(every)
        there = {name for name, _ in self.found}
        return [
            Origin.SCAFFOLD if place in brought else self._origin(found, there)
            for place, found in enumerate(every)
        ]

    def _brought(self, findings: Sequence[Finding]) -> set[int]:
        """Places of the findings that are the scaffold's; each of its own is found once.

        Those with the same fingerprint first; then those that are the same for one of the tools.
        """
        left = {key: list(numbers) for key, numbers in self.found.items()}
        codes = [_codes(finding) for finding in findings]
        brought, taken = set[int](), set[int]()
        for names_of in (_own_name, _every_name):
            for place, finding in enumerate(findings):
                keys = ((name, code) for name in names_of(finding) for code in codes[place])
                if place not in brought and _took(keys, left, taken):
                    brought.add(place)
        return brought

    def _origin(self, finding: Finding, there: set[str]) -> Origin:
        """Whose it is if it is none of the scaffold's weaknesses, as far as they are known.

        One tool that would have seen it is proof, unless the scaffold has the like of it: then the
        code may read another way only because another tool tells it, or a request.
        """
        names = _every_name(finding)
        tools = tools_of(finding)
        sure = [look.would_see(finding) for tool in tools for look in self.looks.get(tool, ())]
        if not names or not sure or _is_cut(finding, self.cut):
            return Origin.UNKNOWN
        if there.isdisjoint(names):
            return Origin.MODEL if any(sure) else Origin.UNKNOWN
        if finding.location.url is not None and not self.wordy.isdisjoint(names):
            return Origin.UNKNOWN
        lost = ALL_TOOLS in self.looks and not self.looks.keys() >= set(tools)
        return Origin.MODEL if all(sure) and not lost else Origin.UNKNOWN


@dataclass(frozen=True, slots=True)
class Scaffolds:
    """The scaffolds of a pipeline by template; that of no template is of all apps."""

    of_template: Mapping[str | None, Scaffold] = field(default_factory=dict)

    def origins(self, template: str | None, findings: Iterable[Finding]) -> list[Origin]:
        """Who brought each finding of one app; without a scaffold, whoever wrote the app."""
        scaffold = self.of_template.get(template) or self.of_template.get(None)
        if scaffold is None:
            return [Origin.MODEL for _ in findings]
        return scaffold.origins(findings)


def unread(asked: str | Mapping[str, str] | None) -> Scaffolds:
    """The scaffolds that a spec asks for, before any of them was looked at."""
    nothing = Scaffold(found={}, looks={}, cut=frozenset())
    templates = asked if isinstance(asked, Mapping) else [None] if asked else []
    return Scaffolds(dict.fromkeys(templates, nothing))


class ScaffoldFindings:
    """Collects what the scaffolds of a pipeline bring; other apps are passed over."""

    def __init__(self) -> None:
        self._found: dict[str | None, Scaffold] = {}

    def add(self, app: AppReport) -> None:
        """Take an app into account."""
        if app.role is not AppRole.SCAFFOLD:
            return
        findings = [weakness.finding for weakness in app.weaknesses]
        wordy = (found for found in findings if not found.evidence)
        self._found[app.template] = Scaffold(
            found=_numbered(findings),
            looks=_looks(app.cells),
            cut=_fused_cut(app.cells),
            wordy=frozenset(name for found in wordy for name in _every_name(found)),
        )

    def result(self) -> Scaffolds:
        """The scaffolds that were analysed."""
        return Scaffolds(self._found)


def _numbered(findings: Sequence[Finding]) -> dict[tuple[str, str], list[int]]:
    numbers: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for number, finding in enumerate(findings):
        code = _codes(finding)[0]
        for name in _every_name(finding):
            numbers[name, code].append(number)
    return dict(numbers)


def _looks(cells: Iterable[CellReport]) -> dict[str, list[_Look]]:
    looks: defaultdict[str, list[_Look]] = defaultdict(list)
    for cell in cells:
        looks[cell.tool].append(_Look.of(cell))
    return dict(looks)


def _fused_cut(cells: Iterable[CellReport]) -> frozenset[left_out.Kind]:
    kinds = (left_out.kinds(cell.report.data, left_out.FUSED_KEY) for cell in cells)
    return frozenset[left_out.Kind]().union(*kinds)


def _is_cut(finding: Finding, cut: frozenset[left_out.Kind]) -> bool:
    """Whether a list may have lost the finding; one of several tools has the grade of either."""
    if finding.tool != _FUSED:
        return left_out.kind_of(finding) in cut
    return any(category is finding.category for category, _, _ in cut)


def _own_name(finding: Finding) -> tuple[str, ...]:
    return (finding.fingerprint,) if finding.fingerprint else ()


def _every_name(finding: Finding) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*_own_name(finding), *finding.aliases)))


def _took(
    keys: Iterable[tuple[str, str]], left: Mapping[tuple[str, str], list[int]], taken: set[int]
) -> bool:
    """Whether one of the scaffold's weaknesses under these keys was left; it is taken now."""
    for key in keys:
        numbers = left.get(key, [])
        while numbers:
            if (number := numbers.pop()) not in taken:
                taken.add(number)
                return True
    return False


def _codes(finding: Finding) -> list[str]:
    """The code at fault without its blanks, or the words of a finding that shows none.

    What a request has shown is told after the code of its place, and after the words, so that the
    parts before each blank line may be that code, and the part before its own words may be those.
    """
    words = [_bare(text.rstrip(". ")) for text in _heads(finding.message, _SHOWN)]
    if not finding.evidence:
        return list(dict.fromkeys(words))
    if finding.location.url is None:
        return [_bare(finding.evidence)]
    codes = map(_bare, _heads(finding.evidence, "\n\n"))
    return list(dict.fromkeys([*codes, *words]))


def _heads(text: str, mark: str) -> list[str]:
    """The whole text, then its beginnings before each mark, the longest first."""
    parts = text.split(mark)
    return [mark.join(parts[:end]) for end in range(len(parts), 0, -1)]


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", text)
