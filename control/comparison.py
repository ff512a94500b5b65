"""What a comparison of two pipelines says, as programs read it."""

from contract.analysis import Category
from contract.base import Frozen
from contract.scans import LostTool
from contract.weakness import BaselineState, Weakness
from control.compared_looks import ComparedTool, LookCounts
from reports.baseline_results import BaselineCount, BaselineReport, UnknownReason


class Change(Frozen):
    """A weakness that is not simply in both pipelines.

    Attributes:
        app: `model/appN`.
        state: `new`, `fixed` or `unknown`.
        there: whether the later pipeline has it.
        reason: why nobody knows.
    """

    app: str
    state: BaselineState
    there: bool
    reason: str = ""
    weakness: Weakness


class ComparedApp(Frozen):
    """One app of both pipelines.

    Attributes:
        counts: its weaknesses, each a `BaselineCount`.
        looks: where the tools looked for what is compared.
    """

    app: str
    counts: tuple[BaselineCount, ...]
    looks: LookCounts = LookCounts()

    @property
    def differs(self) -> bool:
        """Whether there is more to say of it than that nothing changed."""
        changed = any(row.state is not BaselineState.UNCHANGED for row in self.counts)
        return changed or self.looks.missing > 0


class ComparedModel(Frozen):
    """The apps of one model in both pipelines; the fields are those of a `ComparedApp`."""

    model: str
    counts: tuple[BaselineCount, ...]
    looks: LookCounts = LookCounts()


class Comparison(Frozen):
    """Two pipelines.

    Attributes:
        then, now: the earlier one and the later one.
        notes: what a reader must know before the figures.
        categories: that were asked for: of these are changes, reasons, looks and tools.
        summary: a `BaselineReport` of all categories: apps that only one of them has, `counts`.
        models: each a `ComparedModel`.
        apps: those in both, each a `ComparedApp`.
        apps_alike: apps in both that are not listed because nothing changed in them, and every tool
            looked in both.
        apps_left_out: other apps in both beyond those listed.
        looks: where the tools looked, of all apps together.
        tools: each a `ComparedTool`; where one of them did not look in both, nobody knows what is
            new or fixed: no number stands for that.
        lost: tools, of any category or none, that measured apps in the earlier pipeline alone,
            each a `LostTool`.
        reasons: why something is not known, each an `UnknownReason`, the most frequent first.
        changes: each a `Change`, the gravest first.
        changes_left_out: how many there are beyond those listed.
        after: where the next page of changes begins; null: there is none.
    """

    then: str
    now: str
    notes: tuple[str, ...] = ()
    categories: tuple[Category, ...] = ()
    summary: BaselineReport
    models: tuple[ComparedModel, ...] = ()
    apps: tuple[ComparedApp, ...] = ()
    apps_alike: int = 0
    apps_left_out: int = 0
    looks: LookCounts = LookCounts()
    tools: tuple[ComparedTool, ...] = ()
    lost: tuple[LostTool, ...] = ()
    reasons: tuple[UnknownReason, ...] = ()
    changes: tuple[Change, ...] = ()
    changes_left_out: int = 0
    after: str | None = None
