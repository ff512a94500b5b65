"""Gates for CI: what of a report lets a build fail. Pure, over the summaries of apps.

A weakness counts here as it does in the rate `no_high_finding`: high or critical, and not the guess
of a single tool. What is suppressed or the scaffold's breaks no gate. A gate that nothing breaks
says what was looked at holds; `not-measured` is the gate for what was not.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Literal

from contract.analysis import Category
from contract.base import Frozen
from contract.gate import Gate
from contract.weakness import BaselineState, Origin
from reports.rates import GRAVE
from reports.summary import AppSummary, WeaknessCount


class Broken(Frozen):
    """A gate that a report breaks.

    Attributes:
        count: weaknesses, or cells that were not measured.
        apps: in how many apps.
        unknown: of the weaknesses, those of which nobody knows whether they are new.
    """

    gate: Gate
    count: int
    apps: int
    unknown: int = 0

    @property
    def sentence(self) -> str:
        """What breaks it, for people."""
        where = f"in {self.apps} app{'s' * (self.apps != 1)}"
        if self.gate is Gate.NOT_MEASURED:
            return f"{self.count} cells {where} were not measured (infra_failed)"
        noun = "weakness" if self.count == 1 else "weaknesses"
        what = f"{self.count} high or critical {noun} {where}"
        if self.gate is Gate.HIGH:
            return what
        unsure = f"; of {self.unknown} of them nobody knows: the baseline was not looked at in full"
        return f"{what} not known from the baseline{unsure if self.unknown else ''}"


def broken(apps: Iterable[AppSummary], gates: Collection[Gate]) -> tuple[Broken, ...]:
    """Those of `gates` that the apps break."""
    counts = [dict(_counts(app)) for app in apps]
    unknown = sum(found.get("unknown", 0) for found in counts)
    return tuple(
        Broken(
            gate=gate,
            count=sum(hits),
            apps=sum(hit > 0 for hit in hits),
            unknown=unknown if gate is Gate.NEW_HIGH else 0,
        )
        for gate in Gate
        if gate in gates and any(hits := [found[gate] for found in counts])
    )


def _counts(app: AppSummary) -> Iterator[tuple[Gate | Literal["unknown"], int]]:
    grave = [group for group in app.weaknesses if _is_grave(group)]
    known = [group for group in grave if group.baseline is BaselineState.UNCHANGED]
    unknown = [group for group in grave if group.baseline is BaselineState.UNKNOWN]
    yield Gate.HIGH, _sum(grave)
    yield Gate.NEW_HIGH, _sum(grave) - _sum(known)
    yield "unknown", _sum(unknown)
    yield Gate.NOT_MEASURED, app.cells.infra_failed or int(app.state is None)


def _is_grave(group: WeaknessCount) -> bool:
    mine = group.origin is not Origin.SCAFFOLD and not group.suppressed
    return mine and group.sure and group.severity in GRAVE and group.category is Category.SECURITY


def _sum(groups: Iterable[WeaknessCount]) -> int:
    return sum(group.count for group in groups)
