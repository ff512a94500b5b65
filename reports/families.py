"""Bug families: the same weakness in the same code, in many apps of a fleet. Pure.

Models copy themselves: one flaw, written once, is in twenty apps. A family is a family of
weaknesses (or a rule, where no CWE is known) together with the shape of the code at fault, in which
the app's own names and values do not count. Where no code is known, and for advisories on packages,
the rule stands for the shape.
"""

from collections import Counter
from dataclasses import dataclass, field

from contract.analysis import Finding, Severity
from contract.analyzers import Category
from contract.identity import digest
from contract.spec import AppRef, AppRole
from contract.weakness import Origin, Weakness
from reports.family_results import BugFamily, Families
from reports.model import AppReport

MAX_FAMILIES = 500
MAX_APPS = 1_000
MAX_KINDS = 200_000
MAX_EXAMPLES, _KEPT_EXAMPLES = 4_000, 2_000
MAX_EXCERPT_CHARS = 400
_ADVISORY, _SHAPE = 1395, "shape:"
_SEVERITIES = tuple(Severity)


@dataclass(slots=True)
class _Kind:
    """What is kept of one kind of weakness; an example only if many apps have it."""

    count: int = 0
    severity: int = len(_SEVERITIES)
    scaffold: int = 0
    suppressed: int = 0
    apps_total: int = 0
    apps: list[int] = field(default_factory=list)
    example: tuple[AppRef, Finding] | None = None


class BugFamilies:
    """Collects families app by app; memory grows with kinds of weaknesses, not with their number.

    At 200,000 kinds no further ones are followed, which the result says.
    """

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], _Kind] = {}
        self._refs: list[AppRef] = []
        self._of = self._not_followed = 0
        self._examples: list[_Kind] = []
        self._worth = 2  # apps that must have a kind before an example of it is kept

    def add(self, app: AppReport) -> None:
        """Take in one app of the fleet, once; what is not the fleet's own is passed over."""
        if app.role is not AppRole.SUBJECT:
            return
        self._refs.append(app.ref)
        met: set[int] = set()
        for weakness in app.weaknesses:
            if weakness.finding.category is not Category.SECURITY:
                continue
            self._of += 1
            kind = self._kind(key_of(weakness))
            if kind is None:
                self._not_followed += 1
                continue
            _count(kind, weakness)
            if id(kind) not in met:
                met.add(id(kind))
                self._meet(kind, app.ref, weakness.finding)

    def result(self) -> Families:
        """The families so far."""
        shared = [(key, kind) for key, kind in self._kinds.items() if kind.apps_total > 1]
        shared.sort(key=_most_apps_first)
        return Families(
            families=tuple(self._family(key, kind) for key, kind in shared[:MAX_FAMILIES]),
            shared=len(shared),
            weaknesses=sum(kind.count for _, kind in shared),
            of=self._of,
            not_followed=self._not_followed,
        )

    def _kind(self, key: tuple[str, str]) -> _Kind | None:
        known = self._kinds.get(key)
        if known is None and len(self._kinds) < MAX_KINDS:
            known = self._kinds[key] = _Kind()
        return known

    def _meet(self, kind: _Kind, ref: AppRef, finding: Finding) -> None:
        kind.apps_total += 1
        if len(kind.apps) < MAX_APPS:
            kind.apps.append(len(self._refs) - 1)
        if kind.apps_total >= self._worth and kind.example is None:
            kind.example = ref, finding
            self._examples.append(kind)
            if len(self._examples) > MAX_EXAMPLES:
                self._forget_examples()

    def _forget_examples(self) -> None:
        """Keep those of the kinds that most apps have: only these are told."""
        self._examples.sort(key=lambda kind: -kind.apps_total)
        for kind in self._examples[_KEPT_EXAMPLES:]:
            kind.example = None
        del self._examples[_KEPT_EXAMPLES:]
        self._worth = max(self._examples[-1].apps_total, self._worth)

    def _family(self, key: tuple[str, str], kind: _Kind) -> BugFamily:
        name, shape = key
        refs = [self._refs[index] for index in kind.apps]
        models = Counter(ref.model for ref in refs)
        ref, finding = kind.example or (refs[0], None)
        return BugFamily(
            key=digest(*key)[:16],
            family=name,
            shape=shape.partition(_SHAPE)[2],
            rule=finding.rule_id if finding else "",
            message=finding.message if finding else "",
            cwe=finding.cwe if finding else (),
            severity=_SEVERITIES[kind.severity],
            count=kind.count,
            apps=tuple(ref.label for ref in refs),
            apps_total=kind.apps_total,
            models=dict(sorted(models.items(), key=lambda item: (-item[1], item[0]))),
            scaffold=kind.scaffold,
            suppressed=kind.suppressed,
            example=ref.label,
            where=_where(finding) if finding else "",
            excerpt=finding.evidence[:MAX_EXCERPT_CHARS] if finding else "",
        )


def key_of(weakness: Weakness) -> tuple[str, str]:
    """What weaknesses of one bug family have in common: family, and shape or rule."""
    found = weakness.finding
    if found.shape and _ADVISORY not in found.cwe:
        return weakness.family, f"{_SHAPE}{found.shape}"
    return weakness.family, f"rule:{found.rule_id}"


def _most_apps_first(item: tuple[tuple[str, str], _Kind]) -> tuple[int, int, int, tuple[str, str]]:
    key, kind = item
    return -kind.apps_total, kind.severity, -kind.count, key


def _count(kind: _Kind, weakness: Weakness) -> None:
    kind.count += 1
    kind.severity = min(kind.severity, _SEVERITIES.index(weakness.finding.severity))
    kind.scaffold += weakness.origin is Origin.SCAFFOLD
    kind.suppressed += weakness.suppression is not None


def _where(found: Finding) -> str:
    place = found.location
    if place.path:
        return f"{place.path}:{place.line}" if place.line else place.path
    return f"{place.method or ''} {place.url or ''}".strip()
