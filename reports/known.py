"""What is known beside the findings of an app: who brought them, what was decided, what was before.

Pure. Each question has one function; `weaknesses_of` asks them all.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from contract.analysis import Finding
from contract.families import family_name
from contract.owasp import owasp_of
from contract.spec import AppRef
from contract.weakness import Weakness
from reports.scaffold import Scaffolds
from reports.suppressions import Decisions


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one pipeline beside its records.

    Attributes:
        decisions: that weaknesses need no action; None: nobody took any.
        scaffolds: what the apps began as brings to each of them.
    """

    decisions: Decisions | None = None
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
                family=family_name(finding),
                owasp=owasp_of(finding.cwe),
                origin=origin,
                suppression=known.decisions and known.decisions.holding(ref, finding),
            )
        )
        seen[finding.fingerprint] += 1
    return made
