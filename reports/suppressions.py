"""Which weaknesses a decision says need no action; and which decisions say nothing any more.

Pure. What a decision is about stays in every list and is counted apart.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from typing import Literal

from contract.analysis import Finding
from contract.base import Frozen
from contract.spec import AppRef
from contract.suppression import Suppression

_Key = tuple[str, str, str, str]


class SuppressionUse(Frozen):
    """What one decision did in a pipeline.

    Attributes:
        state: `used`; `unused`: no weakness fits it; `expired`: it holds no longer, and its
            weaknesses count again.
        weaknesses, apps: how many it is about; of one that expired, how many it would be about.
    """

    suppression: Suppression
    state: Literal["used", "unused", "expired"]
    weaknesses: int = 0
    apps: int = 0


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decisions, ready to be asked about many weaknesses."""

    today: date
    every: tuple[Suppression, ...]
    _by_name: Mapping[str, Sequence[Suppression]]

    @classmethod
    def of(cls, suppressions: Iterable[Suppression], today: date) -> "Decisions":
        """The decisions; of two about the same thing, the later one."""
        every = tuple({each.key: each for each in suppressions}.values())
        by_name: defaultdict[str, list[Suppression]] = defaultdict(list)
        for each in every:
            by_name[each.fingerprint or _rule_name(each.rule)].append(each)
        return cls(today, every, dict(by_name))

    @property
    def any_holds(self) -> bool:
        """Whether any of them holds."""
        return any(each.holds_on(self.today) for each in self.every)

    def about(self, ref: AppRef, finding: Finding) -> list[Suppression]:
        """Every decision about a weakness, whether it holds or not."""
        names = (*_identities(finding), *_rules_of(finding))
        named = (each for name in names for each in self._by_name.get(name, ()))
        return [each for each in dict.fromkeys(named) if matches(each, ref, finding)]

    def holding(self, ref: AppRef, finding: Finding) -> Suppression | None:
        """The decision that a weakness needs no action now; None: there is none that holds."""
        return next((each for each in self.about(ref, finding) if each.holds_on(self.today)), None)


def matches(suppression: Suppression, ref: AppRef, finding: Finding) -> bool:
    """Whether a decision is about this weakness of this app."""
    app = suppression.app
    if app and app != ref.label and not fnmatchcase(ref.label, app):
        return False
    if suppression.fingerprint:
        return suppression.fingerprint in _identities(finding)
    place = finding.location.path or finding.location.url or ""
    return _rule_name(suppression.rule) in _rules_of(finding) and fits(suppression.path, place)


def _identities(finding: Finding) -> tuple[str, ...]:
    return (finding.fingerprint, *finding.aliases)


def _rules_of(finding: Finding) -> tuple[str, ...]:
    """Its rule in the words of each tool that saw it, and its most specific CWE."""
    bare = (witness.partition(":")[2] for witness in finding.witnesses)
    numbers = (f"CWE-{number}" for number in finding.cwe[:1])
    return tuple(dict.fromkeys((finding.rule_id, *finding.witnesses, *bare, *numbers)))


def _rule_name(rule: str) -> str:
    """A rule as its tool writes it, a CWE as `CWE-89`."""
    return rule.upper() if rule.upper().startswith("CWE-") else rule


def fits(glob: str, path: str) -> bool:
    """Whether a path fits a glob: `*` and `?` end at a slash, `**` stands for any folders.

    A path that is written as it is fits, even if it has brackets (`pages/[id].js`).

    >>> fits("tests/**", "tests/a/b.py"), fits("*.py", "tests/b.py"), fits("**/b.py", "b.py")
    (True, False, True)
    """
    if glob == path:
        return True
    parts = path.strip("/").split("/")
    ends = {0}
    for wanted in glob.strip("/").split("/"):
        if wanted == "**":
            ends = set(range(min(ends, default=len(parts) + 1), len(parts) + 1))
        else:
            ends = {end + 1 for end in ends if end < len(parts) and fnmatchcase(parts[end], wanted)}
    return len(parts) in ends


@dataclass(slots=True)
class SuppressionUses:
    """Counts over a fleet what each decision is about."""

    decisions: Decisions
    _weaknesses: Counter[_Key] = field(default_factory=Counter[_Key])
    _apps: Counter[_Key] = field(default_factory=Counter[_Key])

    def add(self, ref: AppRef, findings: Iterable[Finding]) -> None:
        """Count the weaknesses of one app."""
        mine = Counter(
            each.key for finding in findings for each in self.decisions.about(ref, finding)
        )
        self._weaknesses += mine
        self._apps += Counter(mine.keys())

    def result(self) -> tuple[SuppressionUse, ...]:
        """Each decision with what it did, in the order in which they were given."""
        return tuple(self._use(each) for each in self.decisions.every)

    def _use(self, suppression: Suppression) -> SuppressionUse:
        holds = suppression.holds_on(self.decisions.today)
        count = self._weaknesses[suppression.key]
        return SuppressionUse(
            suppression=suppression,
            state="expired" if not holds else "used" if count else "unused",
            weaknesses=count,
            apps=self._apps[suppression.key],
        )
