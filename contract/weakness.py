"""A weakness of an app: a finding after fusion across analyzers, with what is known beside it."""

from enum import StrEnum

from contract.analysis import Finding
from contract.base import Frozen
from contract.suppression import Suppression as Suppression


class Origin(StrEnum):
    """Who brought a weakness into an app.

    `model`: whoever wrote the app; `scaffold`: it is in the scaffold that the app began as, too;
    `unknown`: it is not known whether the tools that saw it would have seen it in the scaffold.
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


class Weakness(Frozen):
    """One weakness of one app.

    Attributes:
        finding: what was found, after fusion; its fingerprint is its identity across pipelines.
        occurrence: number among the weaknesses of the app with this fingerprint, from 0.
        family: family of weaknesses (`sql-injection`, `cwe-1188`), or the rule if no CWE is known.
        owasp: categories of the OWASP Top 10 2021 (`A03`); empty if none fits.
        origin: who brought it in.
        baseline: what the pipeline's baseline says of it; None: there is no baseline.
        baseline_reason: why nobody knows, where that is its answer.
        suppression: the decision that it needs no action; None: there is none that holds.
    """

    finding: Finding
    occurrence: int = 0
    family: str = ""
    owasp: tuple[str, ...] = ()
    origin: Origin = Origin.MODEL
    baseline: BaselineState | None = None
    baseline_reason: str = ""
    suppression: Suppression | None = None

    @property
    def counts(self) -> bool:
        """Whether it counts against whoever wrote the app; also if nobody knows who brought it."""
        return self.suppression is None and self.origin is not Origin.SCAFFOLD
