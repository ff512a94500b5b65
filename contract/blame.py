"""Whose fault it is: the form of the one table from what was seen to the state it becomes."""

from contract.analysis import MeasurementState
from contract.base import Frozen


class Row(Frozen):
    """One observation and what it is taken for.

    Attributes:
        key: short and stable (`exit-by-itself`), for tests and reasons.
        seen: what was observed, as a person would say it.
        state: what the cells become; `measured` where the observation costs no cell.
        because: why this is the right verdict, in one sentence.
        again: what is done before the verdict stands (a restart, a second look); empty: nothing.
    """

    key: str
    seen: str
    state: MeasurementState
    because: str
    again: str = ""
