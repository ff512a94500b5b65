"""Which weaknesses of an app its scaffold brought, and which the model did.

A weakness is the scaffold's if it is the same one (fingerprint: kind, file, function, shape) and
the code at fault reads the same. Where a model wrote it once more, that one is the model's.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from contract.analysis import Finding, MeasurementState
from contract.role import AppRole
from contract.weakness import Origin
from reports.model import AppReport

_LOOKED = (MeasurementState.MEASURED, MeasurementState.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Scaffold:
    """What the analysis of one scaffold brought.

    Attributes:
        found: how often it has each weakness, by fingerprint and code.
        looked: names of the tools that had their look at it.
    """

    found: Mapping[tuple[str, str], int]
    looked: frozenset[str]

    def origins(self, findings: Iterable[Finding]) -> list[Origin]:
        """Who brought each of these findings of one app, in their order."""
        left = Counter(dict(self.found))
        return [self._origin(finding, left) for finding in findings]

    def _origin(self, finding: Finding, left: Counter[tuple[str, str]]) -> Origin:
        for code in _codes(finding):
            if left[finding.fingerprint, code] > 0:
                left[finding.fingerprint, code] -= 1
                return Origin.SCAFFOLD
        return Origin.MODEL if self.looked & _tools(finding) else Origin.UNKNOWN


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


class ScaffoldFindings:
    """Collects what the scaffolds of a pipeline bring; other apps are passed over."""

    def __init__(self) -> None:
        self._found: dict[str | None, Scaffold] = {}

    def add(self, app: AppReport) -> None:
        """Take an app into account."""
        if app.role is not AppRole.SCAFFOLD:
            return
        findings = [weakness.finding for weakness in app.weaknesses]
        counts = Counter((found.fingerprint, _codes(found)[0]) for found in findings)
        looked = frozenset(cell.tool for cell in app.cells if cell.state in _LOOKED)
        self._found[app.template] = Scaffold(counts, looked)

    def result(self) -> Scaffolds:
        """The scaffolds that were analysed."""
        return Scaffolds(self._found)


def _tools(finding: Finding) -> frozenset[str]:
    seen = finding.witnesses or (finding.tool,)
    return frozenset(name.partition(":")[0] for name in seen)


def _codes(finding: Finding) -> list[str]:
    """The code at fault without its blanks, or the words of a finding that shows none.

    What a request has shown is told after the code of its place, so that the parts before each
    blank line may be that code, too.
    """
    if not finding.evidence:
        return list(dict.fromkeys(_bare(text) for text in _heads(finding.message, ". Shown: ")))
    if finding.location.url is None:
        return [_bare(finding.evidence)]
    return list(dict.fromkeys(_bare(text) for text in _heads(finding.evidence, "\n\n")))


def _heads(text: str, mark: str) -> list[str]:
    """The whole text, then its beginnings before each mark, the longest first."""
    parts = text.split(mark)
    return [mark.join(parts[:end]) for end in range(len(parts), 0, -1)]


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", text)
