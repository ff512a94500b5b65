"""Counts and rates in `report.json`. Counts are None, never zero, where nothing was measured."""

from typing import Literal

from contract.analysis import Category, Severity
from contract.base import Frozen


class StateCounts(Frozen):
    """How many cells (or apps) are in each of the four states."""

    measured: int = 0
    app_failed: int = 0
    infra_failed: int = 0
    not_applicable: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.measured + self.app_failed + self.infra_failed + self.not_applicable


class FindingTally(Frozen):
    """Findings of one category over some cells, and how many cells stand behind the figure.

    Attributes:
        cells: states of the cells that look for this category.
        total, by_severity, by_cwe: None when none of those cells is measured.
        counted: `fused`: one per weakness; `tools`: as each tool reported; `mixed`: both kinds.
        scaffold: how many of `total` the scaffold brought.
        origin_unknown: of how many nobody knows whether it did.
        suppressed: how many need no action by a decision that holds.
    """

    category: Category
    cells: StateCounts
    total: int | None = None
    by_severity: dict[Severity, int] | None = None
    by_cwe: dict[str, int] | None = None
    counted: Literal["fused", "tools", "mixed"] = "tools"
    scaffold: int = 0
    origin_unknown: int = 0
    suppressed: int = 0


class Rate(Frozen):
    """A yes-or-no score over apps or requirements; what is missing is stated instead of guessed.

    Attributes:
        name: `runs`: built, started, answered and stayed up; `no_high_finding`: `label` says
            whether that includes running; every tool that looks for weaknesses had its look, and
            none is sure of a high or critical one; `requirements_met`: of one app's declared
            requirements, missing where nobody can tell.
        label: what an app that passes was seen to do.
        passed, failed: apps where all that is required was looked at.
        missing: apps where it was not, whatever the looks that were made have shown.
        known_failed: of those that are missing, apps that are known to fail all the same.
        left_out: tools that measured nothing on any app of the fleet, and are not required.
        rate: passed / (passed + failed), where apps that never started are counted at the share
            at which the others were decided: they have no look that could be missing. None when
            no app was decided that could have passed.
        interval: 95 % Wilson interval of `rate`.
        bounds: the rate if all missing apps had failed, and if all had passed.
    """

    name: Literal["runs", "no_high_finding", "requirements_met"]
    label: str = ""
    passed: int
    failed: int
    missing: int
    not_applicable: int
    known_failed: int = 0
    left_out: tuple[str, ...] = ()
    rate: float | None = None
    interval: tuple[float, float] | None = None
    bounds: tuple[float, float] | None = None
