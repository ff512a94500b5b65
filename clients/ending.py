"""How a running app ended, as a value: a row of the table of blame and a text for it."""

from dataclasses import dataclass

from clients import blame
from contract.analysis import MeasurementState
from contract.blame import Row
from contract.running import AppCheck


@dataclass(frozen=True, slots=True)
class Ending:
    """How a running app ended: the row of the table, and the text to put after a service's name."""

    row: Row
    text: str


def app_check(found: Ending) -> AppCheck:
    """The answer to "is this still the app that was started?" when it ended in this way."""
    platform = found.row.state is not MeasurementState.APP_FAILED
    silent, killed = found.row is blame.SILENT, found.row is blame.KILLED_BY_NOBODY
    return AppCheck(
        alive=False,
        taken=platform and not silent and not killed,
        silent=silent,
        killed=killed,
        reason=found.text,
    )
