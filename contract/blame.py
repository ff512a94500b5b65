"""Whose fault it is: the form of a row of the table that turns an observation into a state."""

from contract.analysis import MeasurementState
from contract.base import Frozen


class Row(Frozen):
    """One observation and the state that follows from it.

    Attributes:
        key: short and stable (`exit-by-itself`), for tests and reasons.
        seen: what was observed, as a person would say it.
        state: state of the cells; `measured` where the observation costs no cell.
        because: why this is the right verdict, in one sentence.
        again: what is done before the verdict is final (a restart, a second look); empty: nothing.
    """

    key: str
    seen: str
    state: MeasurementState
    because: str
    again: str = ""
