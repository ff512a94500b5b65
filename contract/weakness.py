"""A weakness of an app: a finding after fusion across analyzers, with what is known beside it."""

from datetime import date
from enum import StrEnum

from contract.analysis import Finding
from contract.base import Authored, Frozen


class Origin(StrEnum):
    """Who brought a weakness into an app.

    `model`: whoever wrote the app; `scaffold`: it is in the scaffold that the app began as, too;
    `unknown`: none of the tools that saw it had its look at the scaffold.
    """

    MODEL = "model"
    SCAFFOLD = "scaffold"
    UNKNOWN = "unknown"


class BaselineState(StrEnum):
    """What an earlier pipeline says of a weakness.

    `new`: the earlier one looked and did not find it; `unchanged`: both found it; `fixed`: this one
    looked and did not find it again; `unknown`: one of the two did not look, so nobody knows.
    """

    NEW = "new"
    UNCHANGED = "unchanged"
    FIXED = "fixed"
    UNKNOWN = "unknown"


class Suppression(Authored):
    """A reviewed decision that a weakness needs no action. It hides nothing: it is counted apart.

    Attributes:
        fingerprint: of the weakness; or
        rule: rule or CWE (`CWE-89`) together with `path`, a glob below the app's root.
        app: `model/app3`, or a glob of such labels; left out: every app.
        who: who decided.
        why: the reason.
        until: last day on which it holds; left out: it has no end.
    """

    fingerprint: str = ""
    rule: str = ""
    path: str = ""
    app: str = ""
    who: str
    why: str
    until: date | None = None


class Weakness(Frozen):
    """One weakness of one app.

    Attributes:
        finding: what was found, after fusion; its fingerprint is its identity across pipelines.
        occurrence: number among the weaknesses of the app with this fingerprint, from 0.
        family: family of weaknesses (`sql-injection`, `cwe-1188`), or the rule if no CWE is known.
        owasp: categories of the OWASP Top 10 2021 (`A03`); empty if none fits.
        origin: who brought it in.
        baseline: what the pipeline's baseline says of it; None: there is no baseline.
        suppression: the decision that it needs no action; None: there is none that holds.
    """

    finding: Finding
    occurrence: int = 0
    family: str = ""
    owasp: tuple[str, ...] = ()
    origin: Origin = Origin.MODEL
    baseline: BaselineState | None = None
    suppression: Suppression | None = None

    @property
    def counts(self) -> bool:
        """Whether it counts against whoever wrote the app; also if nobody knows who brought it."""
        return self.suppression is None and self.origin is not Origin.SCAFFOLD
