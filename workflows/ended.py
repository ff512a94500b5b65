"""How many apps of a pipeline ended in each state; those beside the subjects are counted apart."""

from collections import Counter
from collections.abc import Mapping

from contract.analysis import MeasurementState
from contract.plan import PlanHeader
from contract.role import AppRole

Counts = Mapping[MeasurementState, int]


class Ended:
    """Counts ended apps by state and role.

    Args:
        header: of the plan, which says the role of each position.
        counts: of all apps so far.
        beside: those of them that are no subjects, by role.
    """

    def __init__(
        self, header: PlanHeader, counts: Counts, beside: Mapping[AppRole, Counts]
    ) -> None:
        self._header = header
        self._every = Counter(counts)
        self._beside = {role: Counter(states) for role, states in beside.items()}

    def add(self, position: int, state: MeasurementState, by: int = 1) -> None:
        """One more app ended in `state`; -1: one that had ended runs again."""
        self._every[state] += by
        role = self._header.role_at(position)
        if role is not AppRole.SUBJECT:
            self._beside.setdefault(role, Counter())[state] += by

    @property
    def total(self) -> int:
        """All that ended, whatever their role."""
        return self._every.total()

    def every(self) -> dict[MeasurementState, int]:
        """How many apps ended in each state."""
        return _there(self._every)

    def beside(self) -> dict[AppRole, dict[MeasurementState, int]]:
        """How many of them are no subjects, by role."""
        return {role: states for role, its in self._beside.items() if (states := _there(its))}

    def subjects(self) -> dict[MeasurementState, int]:
        """How many of them are those that the pipeline is about."""
        others = sum(self._beside.values(), Counter[MeasurementState]())
        return _there({state: count - others[state] for state, count in self._every.items()})


def _there(counts: Counts) -> dict[MeasurementState, int]:
    return {state: count for state, count in counts.items() if count}
