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
    """Decisions, ready to be asked: by fingerprint at once, by rule one after the other."""

    today: date
    every: tuple[Suppression, ...]
    _exact: Mapping[str, Sequence[Suppression]]
    _rules: Sequence[Suppression]

    @classmethod
    def of(cls, suppressions: Iterable[Suppression], today: date) -> "Decisions":
        """The decisions; of two about the same thing, the later one."""
        every = tuple({each.key: each for each in suppressions}.values())
        exact: defaultdict[str, list[Suppression]] = defaultdict(list)
        for each in every:
            if each.fingerprint:
                exact[each.fingerprint].append(each)
        return cls(today, every, dict(exact), [each for each in every if each.rule])

    def about(self, ref: AppRef, finding: Finding) -> list[Suppression]:
        """Every decision about a weakness, whether it holds or not."""
        names = (finding.fingerprint, *finding.aliases)
        exact = [each for name in names if name for each in self._exact.get(name, ())]
        candidates = [*dict.fromkeys(exact), *self._rules]
        return [each for each in candidates if matches(each, ref, finding)]

    def holding(self, ref: AppRef, finding: Finding) -> Suppression | None:
        """The decision that a weakness needs no action now; None: there is none that holds."""
        return next((each for each in self.about(ref, finding) if each.holds_on(self.today)), None)


def matches(suppression: Suppression, ref: AppRef, finding: Finding) -> bool:
    """Whether a decision is about this weakness of this app."""
    if suppression.app and not fnmatchcase(ref.label, suppression.app):
        return False
    if suppression.fingerprint:
        return suppression.fingerprint in (finding.fingerprint, *finding.aliases)
    place = finding.location.path or finding.location.url or ""
    return _is_rule(suppression.rule, finding) and fits(suppression.path, place)


def _is_rule(rule: str, finding: Finding) -> bool:
    """Whether a finding is of this rule, in the words of any tool that saw it, or of this CWE."""
    names = {finding.rule_id, *finding.witnesses}
    names |= {witness.partition(":")[2] for witness in finding.witnesses}
    names |= {f"CWE-{number}" for number in finding.cwe[:1]}
    return rule in names or rule.upper() in names


def fits(glob: str, path: str) -> bool:
    """Whether a path fits a glob: `*` and `?` end at a slash, `**` stands for any folders.

    >>> fits("tests/**", "tests/a/b.py"), fits("*.py", "tests/b.py"), fits("**/b.py", "b.py")
    (True, False, True)
    """
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
