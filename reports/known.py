"""What is known beside the findings of an app: who brought them, what was decided, what was before.

Pure. Each question has one function; `weaknesses_of` asks them all.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from contract.analysis import Finding
from contract.families import family_of
from contract.spec import AppRef
from contract.weakness import Suppression, Weakness
from reports.scaffold import Scaffolds


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one pipeline beside its records.

    Attributes:
        suppressions: decisions that hold on the day of the report.
        scaffolds: what the apps began as brings to each of them.
    """

    suppressions: tuple[Suppression, ...] = ()
    scaffolds: Scaffolds = field(default_factory=Scaffolds)


def weaknesses_of(
    ref: AppRef, findings: Iterable[Finding], known: Known = Known(), template: str | None = None
) -> list[Weakness]:
    """The findings of one app after fusion, each with what is known beside it."""
    seen = Counter[str]()
    made: list[Weakness] = []
    every = list(findings)
    for finding, origin in zip(every, known.scaffolds.origins(template, every), strict=True):
        made.append(
            Weakness(
                finding=finding,
                occurrence=seen[finding.fingerprint],
                family=_family(finding),
                origin=origin,
            )
        )
        seen[finding.fingerprint] += 1
    return made


def _family(finding: Finding) -> str:
    """The first family of its most specific weakness; its rule if no weakness is known."""
    return min(family_of(finding), default=finding.rule_id)
