"""What is checked after an installation was deployed, and what becomes of each check."""

from collections.abc import Iterable
from enum import StrEnum

from contract.base import Frozen


class CheckOutcome(StrEnum):
    """How a check ended. What was not measured did not fail, and is said."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_MEASURED = "not_measured"


class RolloutCheck(Frozen):
    """One check.

    Attributes:
        name: in one or two words: `analyzer static`, `tasks`.
        detail: what was found, or why nobody knows.
        next_step: what to do; empty where nothing has to be done.
    """

    name: str
    outcome: CheckOutcome
    detail: str = ""
    next_step: str = ""

    @property
    def failed(self) -> bool:
        """Whether something has to be done."""
        return self.outcome is CheckOutcome.FAILED


class RolloutVerdict(Frozen):
    """What the check of an installation says.

    Attributes:
        passed: no check failed; checks that were not measured are listed all the same.
        pipeline_id: the pipeline that was run for it; empty: none was.
        checks: each a `RolloutCheck`.
        took_s: seconds of all of it.
    """

    passed: bool
    pipeline_id: str = ""
    checks: tuple[RolloutCheck, ...] = ()
    took_s: float = 0.0

    @classmethod
    def of(
        cls, checks: Iterable[RolloutCheck], *, pipeline_id: str, took_s: float
    ) -> "RolloutVerdict":
        """The verdict that follows from `checks`."""
        told = tuple(checks)
        passed = not any(check.failed for check in told)
        return cls(passed=passed, pipeline_id=pipeline_id, checks=told, took_s=round(took_s, 1))


def passed(name: str, detail: str) -> RolloutCheck:
    """A check that passed."""
    return RolloutCheck(name=name, outcome=CheckOutcome.PASSED, detail=detail)


def failed(name: str, detail: str, next_step: str) -> RolloutCheck:
    """A check that failed."""
    return RolloutCheck(name=name, outcome=CheckOutcome.FAILED, detail=detail, next_step=next_step)


def unmeasured(name: str, why: str, next_step: str = "") -> RolloutCheck:
    """A check that nobody could make."""
    return RolloutCheck(
        name=name, outcome=CheckOutcome.NOT_MEASURED, detail=why, next_step=next_step
    )
