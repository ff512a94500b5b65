"""What a fleet's report says of its baseline: counts, and why something is not known."""

from datetime import datetime

from contract.analysis import Category, Severity
from contract.base import Frozen
from contract.weakness import BaselineState


class BaselineCount(Frozen):
    """How many weaknesses are in one state.

    Attributes:
        count: all of them.
        suppressed: those among them that a decision says need no action.
    """

    category: Category
    severity: Severity
    state: BaselineState
    count: int
    suppressed: int = 0


class ModelBaseline(Frozen):
    """The apps of one model against the baseline."""

    model: str
    counts: tuple[BaselineCount, ...]


class UnknownReason(Frozen):
    """Why nobody knows whether weaknesses are new or fixed."""

    reason: str
    count: int


class BaselineReport(Frozen):
    """A pipeline against an earlier one.

    A weakness that the earlier one has alone is `fixed` or `unknown`.

    Attributes:
        pipeline_id: the earlier one.
        problem: why nothing is compared; empty: it is.
        finished_at: when the earlier one ended.
        apps: how many are in both.
        only_now, only_then: apps in one of them alone, at most 50; of these nothing is said.
        only_now_total, only_then_total: how many there are.
        counts: of the apps that are in both; of others all is unknown, and not counted here.
        models: the same by model.
        reasons: why something is not known, the most frequent first, at most 20.
    """

    pipeline_id: str
    problem: str = ""
    finished_at: datetime | None = None
    apps: int = 0
    only_now: tuple[str, ...] = ()
    only_now_total: int = 0
    only_then: tuple[str, ...] = ()
    only_then_total: int = 0
    counts: tuple[BaselineCount, ...] = ()
    models: tuple[ModelBaseline, ...] = ()
    reasons: tuple[UnknownReason, ...] = ()

    def count(self, state: BaselineState, category: Category = Category.SECURITY) -> int:
        """Weaknesses of one category in one state."""
        return sum(
            each.count for each in self.counts if (each.state, each.category) == (state, category)
        )
